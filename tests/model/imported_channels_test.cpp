// Do NCCL's dumps take the place of what is derived? The expected channels are those that follow
// from NCCL's rules for these machines (the comments of channels_test.cpp), or stand in the file.
#include <algorithm>

#include "tests/support/nccl_cluster.hpp"
#include "tests/support/nccl_dump.hpp"
#include "tests/support/test_catalog.hpp"
#include "topology/collectives/imported.hpp"

using namespace lockstep;
using namespace lockstep::testing;

namespace {

// Something that no dump would describe, so that what is found must come from the file.
Cluster with_topology(const std::string& file, std::int64_t nodes) {
  Cluster cluster = nvlink_cluster("ampere", 2, 1, 1, 1.0, nodes, IntraNode::pcie);
  cluster.imported.topology_file = dump_path(file);
  std::vector<Diagnostic> problems;
  import_nccl_files(cluster, problems);
  REQUIRE(problems.empty());
  return cluster;
}

void check(const nccl::Graph& graph, std::int64_t channels, double inside, double across) {
  CHECK(graph.channels == channels);
  CHECK(graph.inside == Approx(inside));
  CHECK(graph.across == Approx(across));
}

}  // namespace

TEST_CASE("imported: the channels of H100 nodes follow from their topology") {
  const nccl::Graphs one = group_of(with_topology("dgx_h100.topology.xml", 1), 8, 1).graphs;
  check(one.ring, 12, 30, 30);
  check(one.tree, 12, 30, 30);
  check(one.nvls, 8, 40, 60);
  const nccl::Graphs two = group_of(with_topology("dgx_h100.topology.xml", 2), 16, 2).graphs;
  check(two.ring, 8, 48, 48);
  check(two.nvls, 8, 40, 48);
}

TEST_CASE("imported: the channels of A100 nodes follow from their topology") {
  check(group_of(with_topology("a100_ndv4.topology.xml", 1), 8, 1).graphs.ring, 12, 20, 20);
  const nccl::Graphs two = group_of(with_topology("a100_ndv4.topology.xml", 2), 16, 2).graphs;
  check(two.ring, 8, 24, 24);
  check(two.tree, 8, 30, 24);
}

TEST_CASE("imported: cards that meet in host memory, and cards that do not") {
  // PCIe 3: one channel of 12 GB/s; reaching each other through the Intel CPU 5/6 of it, 10.
  Cluster pair = with_topology("rtx2080ti_pair.topology.xml", 1);
  CHECK(group_of(pair, 2, 1).graphs.ring.inside == 10.0);
  pair.system.peer_to_peer = false;
  CHECK(group_of(pair, 2, 1).graphs.ring.inside == 12.0);
  CHECK(group_of(pair, 2, 1).fabric == nccl::FabricKind::host_memory);
}

TEST_CASE("imported: the topology's numbers are the system's") {
  const System system = with_topology("gb200_two_trays.topology.xml", 2).system;
  CHECK(system.gpus_per_node == 4);
  CHECK(system.gpus_per_nvlink_domain == 8);
  CHECK(system.intra_node == IntraNode::nvswitch);
  CHECK(system.link_bandwidth.value == Approx(900e9));  // 18 links of 50 GB/s
  CHECK(system.nics_per_node == 4);
  CHECK(system.nic_bandwidth.value == Approx(50e9));
  CHECK(system.cpu_vendor == CpuVendor::arm);
  const System slots = with_topology("cloud_slots_only.topology.xml", 1).system;
  CHECK(slots.gpus_per_node == 2);  // as it was
  CHECK(slots.cpu_vendor == CpuVendor::amd);
}

TEST_CASE("imported: a group larger than the dump takes the system") {
  const Cluster cluster = with_topology("rtx2080ti_pair.topology.xml", 1);
  nccl::NodeView view;
  view.ranks = 3;
  view.link = 1.0;
  nccl::apply_imported(cluster, routes(cluster), view);
  CHECK(view.link == 1.0);
}

TEST_CASE("imported: the graph file counts for groups of its shape") {
  Cluster cluster = h100(4);
  cluster.imported.graphs = parse_nccl_graphs(
      replaced(dump_text("h100_nodes.graphs.xml"), "speedintra=\"48\" speedinter=\"48\"",
               "speedintra=\"24\" speedinter=\"22\""),
      "g.xml");
  const nccl::NcclGroup fits = group_of(cluster, 32, 4);
  CHECK(fits.graph_source == nccl::GraphSource::dump);
  check(fits.graphs.ring, 8, 24, 22);
  // One node, and one GPU of each node: searched.
  CHECK(group_of(cluster, 8, 1).graph_source == nccl::GraphSource::dump_unfitting);
  check(group_of(cluster, 8, 1).graphs.ring, 12, 30, 30);
  CHECK(group_of(cluster, 4, 4).graph_source == nccl::GraphSource::dump_unfitting);
  CHECK(group_of(h100(4), 32, 4).graph_source == nccl::GraphSource::search);
}

TEST_CASE("imported: the file's graphs that agree with the search change nothing") {
  Cluster cluster = h100(1);
  const nccl::NcclGroup searched = group_of(cluster, 8, 1);
  cluster.imported.graphs = graph_file_of("h100_one_node.graphs.xml");
  const nccl::NcclGroup dumped = group_of(cluster, 8, 1);
  for (const double bytes : {1e3, 1e6, 1e9})
    CHECK(nccl::choose(dumped, Collective::all_reduce, Bytes{bytes}).time.value() ==
          nccl::choose(searched, Collective::all_reduce, Bytes{bytes}).time.value());
}

TEST_CASE("imported: paths, patterns and NIC latency of the file go into the tuning model") {
  const std::string text = dump_text("h100_nodes.graphs.xml");
  const auto offer = [&](const std::string& xml, nccl::Algorithm algorithm,
                         nccl::Protocol protocol) {
    Cluster cluster = h100(2);
    cluster.imported.graphs = parse_nccl_graphs(xml, "g.xml");
    return offer_of(group_of(cluster, 16, 2), Collective::all_reduce, algorithm, protocol);
  };
  using nccl::Algorithm;
  using nccl::Protocol;
  CHECK(offer(text, Algorithm::ring, Protocol::ll128).off == nullptr);
  // PXN is near enough on Hopper, the CPU is not.
  const auto across = [&](const std::string& type) {
    return replaced(text, "typeinter=\"PXB\"", "typeinter=\"" + type + "\"");
  };
  CHECK(offer(across("PXN"), Algorithm::ring, Protocol::ll128).off == nullptr);
  CHECK(std::string(offer(across("PHB"), Algorithm::ring, Protocol::ll128).off) ==
        "LL128 needs GPUs beside their NICs");
  // Two crossings of a ring over two nodes: 2 us more for LL, and twice that for Simple, which
  // flushes.
  const std::string slow = replaced(text, "latencyinter=\"0\"", "latencyinter=\"1.0\"");
  const auto added = [&](Protocol protocol) {
    return offer(slow, Algorithm::ring, protocol).latency -
           offer(text, Algorithm::ring, protocol).latency;
  };
  CHECK(added(Protocol::ll) == Approx(2.0));
  CHECK(added(Protocol::simple) == Approx(4.0));
  // A plain tree has 0.85 of a balanced one.
  const std::string plain = replaced(text, "pattern=\"1\"", "pattern=\"3\"");
  CHECK(offer(plain, Algorithm::tree, Protocol::simple).bandwidth ==
        Approx(0.85 * offer(text, Algorithm::tree, Protocol::simple).bandwidth));
}

TEST_CASE("imported: failed NICs and slower links are taken off the dump") {
  const Cluster cluster = with_topology("dgx_h100.topology.xml", 2);
  Routes broken = routes(cluster);
  broken.node_network = broken.node_network * 0.75;  // six of eight NICs
  const GroupShape shape = spread_group(cluster, 16, 2);
  CHECK(nccl::node_view(cluster, routes(cluster), shape).nics == 8);
  CHECK(nccl::node_view(cluster, broken, shape).nics == 6);
  Routes slow = routes(cluster);
  for (BytesPerSecond& link : slow.in_domain) link = link * 0.5;
  CHECK(nccl::node_view(cluster, slow, shape).link == Approx(185.4));
}
