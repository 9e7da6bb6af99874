// Does the search for channels find what NCCL finds? The expected graphs follow from its rules, in
// the words above each, and agree with the channel counts that logs of these machines print.
#include "topology/collectives/channels.hpp"

#include "tests/catch.hpp"
#include "tests/support/nccl_cluster.hpp"

using namespace lockstep;
using namespace lockstep::testing;

namespace {

nccl::Graphs graphs_of(const Cluster& cluster, std::int64_t ranks, std::int64_t nodes) {
  return nccl::graphs(
      nccl::node_view(cluster, routes(cluster), spread_group(cluster, ranks, nodes)));
}

void check(const nccl::Graph& graph, std::int64_t channels, double inside, double across) {
  CHECK(graph.channels == channels);
  CHECK(graph.inside == Approx(inside));
  CHECK(graph.across == Approx(across));
}

}  // namespace

TEST_CASE("channels: 8 H100 on NVSwitch") {
  // 18 links of 20.6 GB/s are 370.8: six channels of 60, doubled to twelve of 30. NVLS: (8 + 1) *
  // 40 = 360 fits, and 60 is the most below twice 40.
  const nccl::Graphs found = graphs_of(h100(1), 8, 1);
  check(found.ring, 12, 30, 30);
  check(found.tree, 12, 30, 30);
  check(found.nvls, 8, 40, 60);
}

TEST_CASE("channels: 8 H100 a node with 8 NICs of 400 Gb/s") {
  // 50 GB/s a NIC behind 48 GB/s of PCIe 5: one channel of 48 each, not doubled (Hopper, below 50,
  // more than 4).
  const nccl::Graphs found = graphs_of(h100(2), 16, 2);
  check(found.ring, 8, 48, 48);
  check(found.nvls, 8, 40, 48);
}

TEST_CASE("channels: A100 nodes") {
  // 240 GB/s: six of 40, doubled to twelve of 20. 25 GB/s a NIC hold 24; trees raise 24 to 30
  // inside: 8 * 30 of 240 * 8/7, but 8 * 48 is too much.
  check(graphs_of(a100(1), 8, 1).ring, 12, 20, 20);
  const nccl::Graphs across = graphs_of(a100(2), 16, 2);
  check(across.ring, 8, 24, 24);
  check(across.tree, 8, 30, 24);
  CHECK(across.nvls.channels == 0);
}

TEST_CASE("channels: nodes of four GPUs that are linked pair by pair") {
  const Cluster polaris = nvlink_cluster("ampere", 4, 12, 2, 200.0, 2, IntraNode::nvlink_mesh);
  check(graphs_of(polaris, 8, 2).ring, 2, 24, 24);
  const Cluster alps = nvlink_cluster("hopper", 4, 18, 4, 200.0, 2, IntraNode::nvlink_mesh);
  check(graphs_of(alps, 8, 2).ring, 4, 24, 24);
  CHECK(graphs_of(alps, 8, 2).nvls.channels == 0);
}

TEST_CASE("channels: a host that is wider than one NVLink does not take the mesh's place") {
  // Grace Hopper: 150 GB/s to each of three peers, 370 to the host over NVLink-C2C.
  Cluster grace = nvlink_cluster("hopper", 4, 18, 4, 200.0, 1, IntraNode::nvlink_mesh);
  grace.system.pcie_bandwidth = Constant(BytesPerSecond{370e9});
  CHECK(routes(grace).in_domain_bottleneck == "NVLink");
  check(graphs_of(grace, 4, 1).ring, 12, 30, 30);
}

TEST_CASE("channels: two cards on PCIe") {
  // Generation 4: two of 12 reach the slot's 24; generation 3: one.
  check(graphs_of(pcie_pair("ampere"), 2, 1).ring, 2, 12, 12);
  check(graphs_of(pcie_pair("turing"), 2, 1).ring, 1, 12, 12);
}

TEST_CASE("channels: part of a node") {
  // Four of eight: NVLS has (4 + 1) * 60 = 300 of 370.8.
  check(graphs_of(h100(1), 4, 1).ring, 12, 30, 30);
  check(graphs_of(h100(1), 4, 1).nvls, 4, 60, 60);
  // One rank per node has the NIC beside it: one channel of 48, doubled to two of 24.
  check(graphs_of(h100(10), 10, 10).ring, 2, 24, 24);
  // Four ranks a node have four NICs.
  check(graphs_of(h100(2), 8, 2).ring, 8, 24, 24);
}

TEST_CASE("channels: the four adapters of a GPU on EFA are one NIC to NCCL") {
  Cluster cluster = nvlink_cluster("hopper", 8, 18, 32, 100.0, 2);
  cluster.system.network = Network::efa;
  check(graphs_of(cluster, 16, 2).ring, 8, 48, 48);
}

TEST_CASE("channels: a dead NIC takes its channel along") {
  const Cluster cluster = h100(2);
  Routes less = routes(cluster);
  less.node_network = less.node_network * (7.0 / 8.0);
  const GroupShape shape = spread_group(cluster, 16, 2);
  CHECK(nccl::graphs(nccl::node_view(cluster, less, shape)).ring.channels == 7);
}

TEST_CASE("channels: an NVLink domain of many trays is one node to NCCL") {
  Cluster cluster = nvlink_cluster("blackwell", 4, 18, 4, 400.0, 18);
  cluster.system.gpus_per_nvlink_domain = 72;
  const nccl::NodeView view =
      nccl::node_view(cluster, routes(cluster), spread_group(cluster, 72, 18));
  CHECK(view.nodes == 1);
  CHECK(view.ranks == 72);
  // 32 heads at most: (32 + 1) * 20 = 660 of 721.8.
  check(nccl::graphs(view).nvls, 32, 20, 40);
}
