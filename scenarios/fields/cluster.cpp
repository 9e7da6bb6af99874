#include <algorithm>
#include <string>
#include <vector>

#include "scenarios/fields.hpp"
#include "scenarios/fields/limits.hpp"
#include "topology/collectives/nccl_algorithms.hpp"

namespace lockstep {
namespace {

constexpr Choice intra_node_choices[] = {
    {"nvswitch", static_cast<int>(IntraNode::nvswitch), "every GPU at full NVLink bandwidth to every other"},
    {"nvlink-mesh", static_cast<int>(IntraNode::nvlink_mesh), "direct NVLinks, as the hybrid cube mesh of a DGX-1V"},
    {"pcie", static_cast<int>(IntraNode::pcie), "through PCIe switches or the CPU"},
    {"nvlink-bridge", static_cast<int>(IntraNode::nvlink_bridge),
     "PCIe cards in pairs, 0 and 1, 2 and 3 …, each joined by an NVLink bridge; PCIe between the pairs"},
};

constexpr Choice network_choices[] = {
    {"infiniband", static_cast<int>(Network::infiniband), "InfiniBand, GPUs beside their NICs"},
    {"roce", static_cast<int>(Network::roce), "RDMA over Ethernet"},
    {"efa", static_cast<int>(Network::efa), "AWS Elastic Fabric Adapter, through aws-ofi-nccl"},
    {"tcpx", static_cast<int>(Network::tcpx), "GPUDirect-TCPX of Google's A3 High"},
    {"tcpxo", static_cast<int>(Network::tcpxo), "GPUDirect-TCPXO of Google's A3 Mega"},
    {"slingshot", static_cast<int>(Network::slingshot), "HPE Slingshot, through aws-ofi-nccl"},
    {"ethernet", static_cast<int>(Network::ethernet), "TCP sockets"},
    {"none", static_cast<int>(Network::none), "a single node"},
};

constexpr Choice cpu_choices[] = {
    {"intel", static_cast<int>(CpuVendor::intel), "Intel"},
    {"amd", static_cast<int>(CpuVendor::amd), "AMD"},
    {"arm", static_cast<int>(CpuVendor::arm), "Arm: Grace, Graviton"},
    {"other", static_cast<int>(CpuVendor::other), "anything else"},
};

constexpr Choice nccl_version_choices[] = {
    {"2.16", static_cast<int>(NcclVersion::v2_16), "2.8 to 2.17"},
    {"2.18", static_cast<int>(NcclVersion::v2_18), "2.18 and 2.19"},
    {"2.20", static_cast<int>(NcclVersion::v2_20), "2.20 and 2.21"},
    {"2.22", static_cast<int>(NcclVersion::v2_22), "2.22 and 2.23"},
    {"2.24", static_cast<int>(NcclVersion::v2_24), "2.24 and 2.25"},
    {"2.26", static_cast<int>(NcclVersion::v2_26), "2.26 and 2.27"},
    {"2.28", static_cast<int>(NcclVersion::v2_28), "2.28 and 2.29"},
    {"2.30", static_cast<int>(NcclVersion::v2_30), "2.30 and newer"},
};

// What NCCL chooses from, or one method of it by name: "nvls-tree" for nvls_tree.
std::span<const Choice> nccl_algorithm_choices() {
  static const std::vector<std::string> keys = [] {
    std::vector<std::string> result;
    for (const nccl::Method* method : nccl::methods()) {
      result.emplace_back(method->name);
      std::replace(result.back().begin(), result.back().end(), '_', '-');
    }
    return result;
  }();
  static const std::vector<Choice> choices = [] {
    std::vector<Choice> result{
        {"automatic", static_cast<int>(NcclAlgorithmSetting::automatic), "NCCL chooses"}};
    for (std::size_t i = 0; i < keys.size(); ++i)
      result.push_back({keys[i].c_str(), static_cast<int>(i) + 1, nccl::methods()[i]->variable});
    return result;
  }();
  return choices;
}

constexpr Choice nccl_protocol_choices[] = {
    {"automatic", static_cast<int>(NcclProtocolSetting::automatic), "NCCL chooses"},
    {"ll", static_cast<int>(NcclProtocolSetting::ll), "NCCL_PROTO=LL"},
    {"ll128", static_cast<int>(NcclProtocolSetting::ll128), "NCCL_PROTO=LL128"},
    {"simple", static_cast<int>(NcclProtocolSetting::simple), "NCCL_PROTO=Simple"},
};

constexpr Choice fabric_choices[] = {
    {"rail-optimized", static_cast<int>(FabricType::rail_optimized),
     "the n-th NIC of every node is on the n-th leaf switch"},
    {"fat-tree", static_cast<int>(FabricType::fat_tree), "all NICs of a node are on one leaf switch"},
    {"single-switch", static_cast<int>(FabricType::single_switch), "every NIC is on one switch"},
};

// What NCCL's own model of collectives asks of a system beside the bandwidths.
void describe_nccl(FieldVisitor& visitor, System& system) {
  visit_choice(visitor, {"network", "What joins the nodes."}, system.network, network_choices);
  visit_choice(visitor, {"cpu_vendor", "Who made the host's CPU; NCCL's latencies and path bandwidths differ."},
               system.cpu_vendor, cpu_choices);
  visitor.count({"pcie_generation", "PCIe generation of the GPUs' slots; 0: that of the GPU."},
                system.pcie_generation, 0, 7);
  visitor.flag({"peer_to_peer", "Whether GPUs without NVLink reach each other over PCIe; else they meet in host "
                                "memory, as GeForce cards do."},
               system.peer_to_peer);
  visitor.flag({"in_network_reduction", "Whether the switches reduce (SHARP, with NCCL_COLLNET_ENABLE=1)."},
               system.in_network_reduction);
  visit_choice(visitor, {"nccl_version", "The NCCL version whose constants hold."}, system.nccl_version,
               nccl_version_choices);
  visit_choice(visitor, {"nccl_algorithm", "What NCCL_ALGO allows where it names one algorithm."},
               system.nccl_algorithm, nccl_algorithm_choices());
  visit_choice(visitor, {"nccl_protocol", "What NCCL_PROTO allows where it names one protocol."},
               system.nccl_protocol, nccl_protocol_choices);
}

// What a training step leaves of nccl-tests' times.
void describe_in_step(FieldVisitor& visitor, System& system) {
  const Range factor{0.0, 100.0, true};
  visitor.constant({"link_share", "Bandwidth of collectives inside a training step over that of nccl-tests, in the domain.",
                    false, {0.95, 0.1, "between nccl-tests and the worst fitted system"}},
                   system.link_share, Dimension::none, factor);
  visitor.constant({"link_latency", "Fixed time of collectives inside a training step over that of nccl-tests, in the domain.",
                    false, {0.45, 0.5, "tensor-parallel collectives of published runs on A100"}},
                   system.link_latency, Dimension::none, factor);
  visitor.constant({"network_share", "Bandwidth of collectives inside a training step over that of nccl-tests, across nodes.",
                    false, {0.9, 0.15, "between nccl-tests and shared Ethernet clusters"}},
                   system.network_share, Dimension::none, factor);
  visitor.constant({"network_latency", "Fixed time of collectives inside a training step over that of nccl-tests, across nodes.",
                    false, {0.7, 0.5, "a judgement: calls are queued, ranks wait for each other"}},
                   system.network_latency, Dimension::none, factor);
  visitor.constant({"network_decay", "network_share falls as 1/(1 + this x log2(domains)).", false,
                    {0.0, 0.0, "no decay where none was measured"}},
                   system.network_decay, Dimension::none, limits::ratio);
}

}  // namespace

void FieldVisitor::texts(const FieldInfo& /*field*/, std::vector<std::string>& /*values*/) {}

void FieldVisitor::phrases(const FieldInfo& /*field*/, const Phrases& /*form*/,
                           const std::function<void(const std::string&)>& /*read*/) {}

void FieldVisitor::list(const FieldInfo& /*field*/, std::size_t /*size*/,
                        const std::function<void(std::size_t)>& /*resize*/,
                        const std::function<void(FieldVisitor&, std::size_t)>& /*item*/) {}

void describe(FieldVisitor& visitor, System& system) {
  visitor.text({"description", "One line for lists: the machine and its network."}, system.description);
  visitor.entry({"gpu", "The GPU: a catalog entry, or a map.", true}, "gpus", system.gpu_name,
                [&](FieldVisitor& inner) {
                  system.gpu.name = system.gpu_name;
                  describe(inner, system.gpu);
                });
  visitor.count({"gpus_per_node", "GPUs under one operating system."}, system.gpus_per_node, 1, 1024);
  visitor.count({"gpus_per_nvlink_domain", "GPUs that share one NVLink (or PCIe) domain: 8 in a DGX, 72 in an NVL72."},
                system.gpus_per_nvlink_domain, 1, 100'000);
  visit_choice(visitor, {"intra_node", "How the GPUs of a domain are linked."}, system.intra_node, intra_node_choices);
  visitor.count({"nvswitch_planes", "NVSwitches over which each GPU's NVLinks are spread: 6 in a DGX A100, 4 in a DGX "
                                    "H100, 2 in a DGX B200, 18 in an NVL72."},
                system.nvswitch_planes, 1, 1024);
  visitor.count({"gpus_per_pcie_switch", "GPUs behind one PCIe switch; 0: none, each is in a slot of the CPU."},
                system.gpus_per_pcie_switch, 0, 1024);
  visitor.count({"sockets", "CPU sockets of a node; 0: two from four GPUs on, else one."}, system.sockets, 0, 64);
  visitor.constant({"link_bandwidth", "Bandwidth between a GPU and its domain, per direction: the sum of its NVLinks, "
                                      "or PCIe.", true},
                   system.link_bandwidth, Dimension::bytes_per_second, limits::bandwidth);
  visitor.count({"nics_per_node", "Network interfaces that carry training traffic."}, system.nics_per_node, 1, 1024);
  visitor.constant({"nic_bandwidth", "Nominal bandwidth of one NIC, per direction.", true}, system.nic_bandwidth,
                   Dimension::bytes_per_second, limits::bandwidth);
  visitor.constant({"pcie_bandwidth", "Bandwidth between a GPU and host memory, per direction, in practice.", false,
                    {25e9, 0.3, "PCIe 4.0 x16 in practice"}},
                   system.pcie_bandwidth, Dimension::bytes_per_second, limits::bandwidth);
  visitor.constant({"host_memory_bandwidth", "Bandwidth of a node's host memory in practice, which all its GPUs share.", false,
                    {300e9, 0.4, "two sockets of eight DDR4-3200 channels, 75 % of 410 GB/s"}},
                   system.host_memory_bandwidth, Dimension::bytes_per_second, limits::bandwidth);
  visitor.constant({"host_memory", "Host memory of a node, which has to hold what all its GPUs offload; 0: not known.", false,
                    {0, 0, "not stated"}},
                   system.host_memory, Dimension::bytes, limits::memory_size);
  describe_in_step(visitor, system);
  describe_nccl(visitor, system);
}

void describe(FieldVisitor& visitor, Fabric& fabric) {
  visit_choice(visitor, {"type", "How leaf switches and NICs are wired."}, fabric.type, fabric_choices);
  visitor.number({"oversubscription", "Bandwidth of a leaf's downlinks over that of its uplinks; 1 is non-blocking."},
                 fabric.oversubscription, {1.0, 1000.0, false});
  visitor.count({"nodes_per_leaf", "Nodes that reach each other without leaving the leaf (or scalable unit)."},
                fabric.nodes_per_leaf, 1, limits::most_nodes);
  visitor.count({"nodes_per_pod", "Nodes below one group of spine switches, whole leaves of them; core switches join the "
                                  "pods. 0: no core switches, the spines join all leaves."},
                fabric.nodes_per_pod, 0, limits::most_nodes);
  visitor.number({"core_oversubscription", "Bandwidth of a spine's downlinks over that of its uplinks to the core "
                                           "switches."},
                 fabric.core_oversubscription, {1.0, 1000.0, false});
  visitor.count({"spines", "Spine switches, of each pod where there are pods, each linked to every leaf; 0: as many as "
                           "the ports ask for."},
                fabric.spines, 0, 100'000);
  visitor.count({"cores", "Core switches, each linked to every spine; 0: as many as the ports ask for."}, fabric.cores, 0,
                100'000);
}

void describe(FieldVisitor& visitor, Cluster& cluster) {
  visitor.entry({"system", "The node with its GPUs and NICs: a catalog entry, or a map.", true}, "systems",
                cluster.system.name, [&](FieldVisitor& inner) { describe(inner, cluster.system); });
  visitor.count({"nodes", "Number of nodes."}, cluster.nodes, 1, limits::most_nodes);
  visitor.count({"gpus", "GPUs in use; 0 or left out: all of every node. Fewer leave the last node partly idle."},
                cluster.gpus, 0, limits::most_gpus);
  visitor.group({"fabric", "The network between the nodes."},
                [&](FieldVisitor& inner) { describe(inner, cluster.fabric); });
  visitor.texts({"failed", "What is down: parts, like node3.nic2, unit0.leaf3, spine1 or node5 whole, and links, like "
                           "node0.gpu1-node0.nvswitch2. Without a GPU, or what ties it to its host, a node is out of "
                           "the job."},
                cluster.failed);
  visitor.list({"degraded", "Links that carry less than they should."}, cluster.degraded.size(),
               [&](std::size_t size) { cluster.degraded.resize(size); },
               [&](FieldVisitor& inner, std::size_t index) {
                 Degraded& degraded = cluster.degraded[index];
                 inner.text({"link", "The link, by its two parts: node0.gpu1-node0.nvswitch0.", true}, degraded.link);
                 inner.number({"bandwidth_left", "Share of its bandwidth that it still carries.", true},
                              degraded.bandwidth_left, {0.0, 1.0, true});
               });
  visitor.file({"nccl_topology", "A file that NCCL_TOPO_DUMP_FILE wrote on such a node: its NVLinks, slots, NICs and CPU "
                                 "take the place of the system's."},
               cluster.imported.topology_file);
  visitor.file({"nccl_graph", "A file that NCCL_GRAPH_DUMP_FILE wrote: the channels of groups of its shape."},
               cluster.imported.graph_file);
}

}  // namespace lockstep
