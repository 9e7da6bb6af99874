// Is what two halves can send each other what can be counted by hand?
#include "tests/catch.hpp"
#include "tests/support/round_numbers.hpp"
#include "topology/bisection.hpp"

using namespace lockstep;
using lockstep::testing::round_cluster;

namespace {

// 8 NICs of 10 GB/s a node, leaves of 4 nodes.
Cluster cluster_of(std::int64_t nodes, FabricType type = FabricType::rail_optimized,
                   double oversubscription = 1.0) {
  Cluster cluster = round_cluster(nodes);
  cluster.fabric.type = type;
  cluster.fabric.oversubscription = oversubscription;
  cluster.fabric.nodes_per_leaf = 4;
  return cluster;
}

double by_both(const Cluster& cluster) {
  const Bisection flow = bisection_by_flow(cluster), count = bisection_by_counting(cluster);
  CHECK(flow.bandwidth.value() == Approx(count.bandwidth.value()));
  CHECK(flow.full.value() == count.full.value());
  CHECK(flow.by_flow);
  CHECK_FALSE(count.by_flow);
  return flow.bandwidth.value() / 1e9;
}

}  // namespace

TEST_CASE("halves of a full fat tree send what their NICs do", "[model][bisection]") {
  // 8 nodes: 4 nodes * 8 NICs * 10 GB/s = 320 GB/s.
  for (const FabricType type :
       {FabricType::rail_optimized, FabricType::fat_tree, FabricType::single_switch}) {
    CHECK(by_both(cluster_of(8, type)) == Approx(320.0));
  }
  const Bisection cut = bisection(cluster_of(8));
  CHECK(cut.nodes == 4);
  CHECK(cut.gpus == 32);
  CHECK(cut.share == Approx(1.0));
}

TEST_CASE("an oversubscribed tree has that much less between its halves", "[model][bisection]") {
  // 2:1: each unit of four nodes has half its 320 GB/s to the spines.
  CHECK(by_both(cluster_of(8, FabricType::rail_optimized, 2.0)) == Approx(160.0));
  CHECK(by_both(cluster_of(8, FabricType::fat_tree, 4.0)) == Approx(80.0));
  CHECK(bisection(cluster_of(8, FabricType::fat_tree, 4.0)).share == Approx(0.25));
  // Halves below one leaf do not see it.
  CHECK(by_both(cluster_of(4, FabricType::fat_tree, 4.0)) == Approx(160.0));
  // 6 nodes, 3 and 3: node 3 shares its leaf with the first half. Over 4:1 uplinks (80 GB/s a unit)
  // nodes 4 and 5 send 80, node 3 its own 80 below the leaf.
  CHECK(by_both(cluster_of(6, FabricType::fat_tree, 4.0)) == Approx(160.0));
}

TEST_CASE("what is down is missing from the bisection", "[model][bisection]") {
  Cluster cluster = cluster_of(8);
  cluster.failed = {"node0.nic3"};
  CHECK(by_both(cluster) == Approx(310.0));
  cluster.failed = {"unit1.leaf0"};
  CHECK(by_both(cluster) == Approx(280.0));
  CHECK(bisection(cluster).share == Approx(280.0 / 320.0));
  // A node that is out: 3 of 7 nodes are the smaller half.
  cluster.failed = {"node7"};
  cluster.gpus = 0;
  CHECK(by_both(cluster) == Approx(240.0));
  CHECK(bisection(cluster).nodes == 3);
}

TEST_CASE("cores narrow what pods send each other", "[model][bisection]") {
  // Two pods of 4 nodes, one unit each; 2:1 at the spines: 160 of 320 GB/s.
  Cluster cluster = cluster_of(8);
  cluster.fabric.nodes_per_pod = 4;
  cluster.fabric.core_oversubscription = 2.0;
  CHECK(by_both(cluster) == Approx(160.0));
}

TEST_CASE("inside one domain halves meet over NVLink", "[model][bisection]") {
  // 4 GPUs of 100 GB/s each.
  CHECK(by_both(cluster_of(1)) == Approx(400.0));
  CHECK(bisection(cluster_of(1)).nodes == 0);
  // Over PCIe: the link between the sockets is 8 * 25 GB/s, but two switches of 25 GB/s lead to it.
  Cluster pcie = cluster_of(1);
  pcie.system.intra_node = IntraNode::pcie;
  pcie.system.link_bandwidth = pcie.system.pcie_bandwidth;
  CHECK(bisection(pcie).bandwidth.value() == Approx(50e9));
}

TEST_CASE("a large cluster is counted", "[model][bisection]") {
  // 12,800 nodes: 6,400 * 80 GB/s.
  const Bisection cut = bisection(cluster_of(12800));
  CHECK_FALSE(cut.by_flow);
  CHECK(cut.bandwidth.value() == Approx(512e12));
}
