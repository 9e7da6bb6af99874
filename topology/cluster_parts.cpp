#include "topology/cluster_parts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace lockstep {
namespace {

// NVLinks between the eight V100 of a DGX-1V, as `nvidia-smi topo -m` prints them: the hybrid cube
// mesh, six links a GPU. Source: NVIDIA, "DGX-1 with Tesla V100 system architecture", 2017,
// figure 4.
constexpr std::int64_t cube_mesh_gpus = 8;
constexpr int cube_mesh_links_per_gpu = 6;
constexpr int cube_mesh[cube_mesh_gpus][cube_mesh_gpus] = {
    {0, 1, 1, 2, 2, 0, 0, 0}, {1, 0, 2, 1, 0, 2, 0, 0}, {1, 2, 0, 2, 0, 0, 1, 0},
    {2, 1, 2, 0, 0, 0, 0, 1}, {2, 0, 0, 0, 0, 1, 1, 2}, {0, 2, 0, 0, 1, 0, 2, 1},
    {0, 0, 1, 0, 1, 2, 0, 2}, {0, 0, 0, 1, 2, 1, 2, 0}};

// The nodes worth drawing, in order: see the head of cluster_parts.hpp.
std::vector<std::int64_t> representative_nodes(const Cluster& cluster) {
  const auto domain_nodes = static_cast<std::int64_t>(std::ceil(nodes_per_domain(cluster.system)));
  std::vector<std::int64_t> nodes{0};
  if (domain_nodes > 1) nodes.push_back(1);
  nodes.push_back(domain_nodes);
  if (cluster.fabric.type != FabricType::single_switch)
    nodes.push_back(cluster.fabric.nodes_per_leaf);
  std::sort(nodes.begin(), nodes.end());
  nodes.erase(std::unique(nodes.begin(), nodes.end()), nodes.end());
  const auto beyond = [&](std::int64_t node) {
    return node >= std::max<std::int64_t>(1, cluster.nodes);
  };
  nodes.erase(std::remove_if(nodes.begin(), nodes.end(), beyond), nodes.end());
  return nodes;
}

class Builder {
 public:
  explicit Builder(const Cluster& cluster)
      : system_(cluster.system), fabric_(cluster.fabric), nic_(*system_.nic_bandwidth) {
    // A GPU's slot feeds the NICs beside it: platforms are built so, and where GPU and NIC share a
    // faster switch than the host has (B300), pcie_bandwidth, which is to the host, does not say
    // it.
    const bool pcie_domain = system_.intra_node == IntraNode::pcie;
    pcie_ = std::max({pcie_domain ? *system_.link_bandwidth : *system_.pcie_bandwidth, nic_,
                      network_bandwidth_per_gpu(system_)});
    for (const std::int64_t node : representative_nodes(cluster)) add_node(node);
    if (fabric_.type == FabricType::single_switch) return;
    const std::size_t spine = add(PartKind::spine, 0, 0);
    const BytesPerSecond uplinks = leaf_downlinks(cluster) / fabric_.oversubscription;
    for (const std::size_t leaf : leaves_) link(leaf, spine, LinkKind::uplink, uplinks);
  }

  ClusterParts take() && { return std::move(result_); }

 private:
  std::size_t add(PartKind kind, std::int64_t owner, std::int64_t index) {
    result_.parts.push_back({kind, owner, index});
    return result_.parts.size() - 1;
  }
  void link(std::size_t from, std::size_t to, LinkKind kind, BytesPerSecond bandwidth) {
    result_.links.push_back({from, to, kind, bandwidth});
  }

  void add_node(std::int64_t node) {
    std::vector<std::size_t> gpus;
    for (std::int64_t i = 0; i < system_.gpus_per_node; ++i)
      gpus.push_back(add(PartKind::gpu, node, i));
    add_host(node, gpus);
    if (system_.intra_node == IntraNode::nvswitch) add_nvswitch(node, gpus);
    if (system_.intra_node == IntraNode::nvlink_mesh) add_mesh(gpus);
  }

  // PCIe switches with two GPUs each, two sockets from four GPUs on, NICs spread over the switches.
  void add_host(std::int64_t node, const std::vector<std::size_t>& gpus) {
    const std::int64_t gpus_per_switch = 2, gpus_of_two_sockets = 4;
    const auto gpu_count = static_cast<std::int64_t>(gpus.size());
    const std::int64_t switches = std::max<std::int64_t>(1, gpu_count / gpus_per_switch);
    const std::int64_t sockets = gpu_count >= gpus_of_two_sockets ? 2 : 1;
    std::vector<std::size_t> cpus, pcie;
    for (std::int64_t i = 0; i < sockets; ++i) cpus.push_back(add(PartKind::cpu, node, i));
    // Socket links carry all of a socket's GPUs: what they take off in truth is in
    // collective_bandwidth.
    if (sockets == 2)
      link(cpus[0], cpus[1], LinkKind::socket, pcie_ * static_cast<double>(gpu_count));
    for (std::int64_t i = 0; i < switches; ++i) {
      pcie.push_back(add(PartKind::pcie_switch, node, i));
      link(pcie.back(), cpus[static_cast<std::size_t>(i * sockets / switches)], LinkKind::pcie,
           pcie_);
    }
    for (std::int64_t i = 0; i < gpu_count; ++i) {
      link(gpus[static_cast<std::size_t>(i)],
           pcie[static_cast<std::size_t>(i * switches / gpu_count)], LinkKind::pcie, pcie_);
    }
    for (std::int64_t i = 0; i < system_.nics_per_node; ++i) {
      const std::size_t nic = add(PartKind::nic, node, i);
      link(nic, pcie[static_cast<std::size_t>(i * switches / system_.nics_per_node)],
           LinkKind::pcie, pcie_);
      link(nic, leaf(node, i), LinkKind::network, nic_);
    }
  }

  // One switch vertex per domain: the planes of NVSwitches act as one of full bandwidth.
  void add_nvswitch(std::int64_t node, const std::vector<std::size_t>& gpus) {
    const std::int64_t domain = system_.gpus_per_nvlink_domain;
    for (std::size_t i = 0; i < gpus.size(); ++i) {
      const std::int64_t number =
          (node * system_.gpus_per_node + static_cast<std::int64_t>(i)) / domain;
      if (nvswitch_number_ != number) {
        nvswitch_number_ = number;
        const auto first_in_node = number * domain - node * system_.gpus_per_node;
        nvswitch_ =
            add(PartKind::nvswitch, node, std::max<std::int64_t>(0, first_in_node) / domain);
      }
      link(gpus[i], nvswitch_, LinkKind::nvlink, *system_.link_bandwidth);
    }
  }

  // The hybrid cube mesh for eight GPUs, the only mesh of eight in the catalog; else every GPU to
  // every other.
  void add_mesh(const std::vector<std::size_t>& gpus) {
    const auto domain = static_cast<std::size_t>(system_.gpus_per_nvlink_domain);
    const bool cube = domain == cube_mesh_gpus;
    for (std::size_t i = 0; i < gpus.size(); ++i) {
      for (std::size_t j = i + 1; j < gpus.size() && j / domain == i / domain; ++j) {
        const double share =
            cube ? cube_mesh[i % domain][j % domain] / double{cube_mesh_links_per_gpu}
                 : 1.0 / static_cast<double>(domain - 1);
        if (share > 0.0) link(gpus[i], gpus[j], LinkKind::nvlink, *system_.link_bandwidth * share);
      }
    }
  }

  std::size_t leaf(std::int64_t node, std::int64_t nic) {
    const bool single = fabric_.type == FabricType::single_switch;
    const std::int64_t unit = single ? 0 : node / std::max<std::int64_t>(1, fabric_.nodes_per_leaf);
    const std::int64_t index = fabric_.type == FabricType::rail_optimized ? nic : 0;
    for (const std::size_t existing : leaves_) {
      if (result_.parts[existing].owner == unit && result_.parts[existing].index == index)
        return existing;
    }
    leaves_.push_back(add(PartKind::leaf, unit, index));
    return leaves_.back();
  }

  const System& system_;
  const Fabric& fabric_;
  BytesPerSecond nic_, pcie_;
  ClusterParts result_;
  std::vector<std::size_t> leaves_;
  std::int64_t nvswitch_number_ = -1;
  std::size_t nvswitch_ = 0;
};

}  // namespace

std::string name(const Part& part) {
  switch (part.kind) {
    case PartKind::gpu:
      return fmt::format("node{}.gpu{}", part.owner, part.index);
    case PartKind::nvswitch:
      return fmt::format("node{}.nvswitch{}", part.owner, part.index);
    case PartKind::pcie_switch:
      return fmt::format("node{}.pcie{}", part.owner, part.index);
    case PartKind::cpu:
      return fmt::format("node{}.cpu{}", part.owner, part.index);
    case PartKind::nic:
      return fmt::format("node{}.nic{}", part.owner, part.index);
    case PartKind::leaf:
      return fmt::format("unit{}.leaf{}", part.owner, part.index);
    case PartKind::spine:
      return "spine";
  }
  return {};
}

const char* to_string(LinkKind kind) {
  switch (kind) {
    case LinkKind::nvlink:
      return "NVLink";
    case LinkKind::pcie:
      return "PCIe";
    case LinkKind::socket:
      return "socket link";
    case LinkKind::network:
      return "NIC";
    case LinkKind::uplink:
      return "leaf uplinks";
  }
  return "";
}

ClusterParts cluster_parts(const Cluster& cluster) {
  return Builder{cluster}.take();
}

BytesPerSecond leaf_downlinks(const Cluster& cluster) {
  const System& system = cluster.system;
  const bool rails = cluster.fabric.type == FabricType::rail_optimized;
  const std::int64_t nics = cluster.fabric.nodes_per_leaf * (rails ? 1 : system.nics_per_node);
  return *system.nic_bandwidth * static_cast<double>(nics);
}

}  // namespace lockstep
