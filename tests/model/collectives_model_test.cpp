// Collectives on round numbers: GPUs of 100 GB/s in domains of 8, 8 NICs of 10 GB/s a node,
// latencies only where a test sets them.
#include "topology/collectives/collective_model.hpp"

#include <cmath>

#include "tests/catch.hpp"
#include "tests/support/round_numbers.hpp"
#include "topology/graph.hpp"

using namespace lockstep;
using lockstep::testing::round_cluster;

namespace {

CollectiveCost cost(const Cluster& cluster, std::int64_t degree, std::int64_t stride,
                    Collective collective, Bytes bytes = 1_GB) {
  return collective_cost(cluster, group_shape(cluster, degree, stride), collective, bytes);
}

double milliseconds(const CollectiveCost& result) {
  return result.time.value() * 1e3;
}

}  // namespace

TEST_CASE("collective cost: a ring in one domain") {
  // 1 GB all-reduced by 8: each link carries 2 * 7/8 GB at 100 GB/s, 17.5 ms.
  const Cluster cluster = round_cluster(1);
  const CollectiveCost all_reduce = cost(cluster, 8, 1, Collective::all_reduce);
  CHECK(milliseconds(all_reduce) == Approx(17.5));
  CHECK(all_reduce.bus_bandwidth.rate().value() == Approx(100e9));
  CHECK(all_reduce.algorithm == "ring");
  CHECK(all_reduce.bottleneck == "NVLink");
  // The gathered and the scattered buffer cross once: 7/8 GB, 8.75 ms.
  CHECK(milliseconds(cost(cluster, 8, 1, Collective::all_gather)) == Approx(8.75));
  CHECK(milliseconds(cost(cluster, 8, 1, Collective::reduce_scatter)) == Approx(8.75));
  // A pipelined ring brings the whole buffer past every rank: 10 ms.
  CHECK(milliseconds(cost(cluster, 8, 1, Collective::broadcast)) == Approx(10.0));
  CHECK(milliseconds(cost(cluster, 8, 1, Collective::reduce)) == Approx(10.0));
}

TEST_CASE("collective cost: a ring over nodes uses all NICs of each") {
  // 16 ranks on 2 nodes: 15/16 GB leave each node through 8 * 10 GB/s, less than NVLink's 100.
  const CollectiveCost result = cost(round_cluster(2), 16, 1, Collective::all_gather);
  CHECK(milliseconds(result) == Approx(1000.0 * 15.0 / 16.0 / 80.0));
  CHECK(result.bus_bandwidth.rate().value() == Approx(80e9));
  CHECK(result.bottleneck == "NIC");
}

TEST_CASE("collective cost: fast NICs leave NVLink as the limit of a ring over nodes") {
  Cluster cluster = round_cluster(2);
  cluster.system.nic_bandwidth = Constant(50_GBps);
  const CollectiveCost result = cost(cluster, 16, 1, Collective::all_gather);
  CHECK(milliseconds(result) == Approx(1000.0 * 15.0 / 16.0 / 100.0));
  CHECK(result.bottleneck == "NVLink");
}

TEST_CASE("collective cost: sibling groups share the NICs of a node") {
  // 8 groups of one rank per node: each has one of 8 NICs. Over 2 nodes 2 * 1/2 GB at 10 GB/s.
  const CollectiveCost all = cost(round_cluster(2), 2, 8, Collective::all_reduce);
  CHECK(milliseconds(all) == Approx(100.0));
  // Tensor parallel by 4 leaves two ranks of each data group in a node: 4 ranks, 4 siblings, 20
  // GB/s.
  const CollectiveCost pairs = cost(round_cluster(2), 4, 4, Collective::all_gather);
  CHECK(milliseconds(pairs) == Approx(1000.0 * 0.75 / 20.0));
}

TEST_CASE("collective cost: one rank per node has one NIC, however many are idle") {
  const GroupShape lonely{.ranks = 2, .domains = 2, .ranks_per_domain = 1, .sibling_groups = 1};
  const CollectiveCost result =
      collective_cost(round_cluster(2), lonely, Collective::all_reduce, 1_GB);
  CHECK(milliseconds(result) == Approx(100.0));
  CHECK(result.bottleneck == "NIC");
  // 32 NICs of 2.5 GB/s are four for each GPU: the same 10 GB/s.
  Cluster many = round_cluster(2);
  many.system.nics_per_node = 32;
  many.system.nic_bandwidth = Constant(2.5_GBps);
  CHECK(milliseconds(collective_cost(many, lonely, Collective::all_reduce, 1_GB)) == Approx(100.0));
  // One NIC of 80 GB/s for all eight GPUs is one rank's own while its siblings are idle.
  Cluster one = round_cluster(2);
  one.system.nics_per_node = 1;
  one.system.nic_bandwidth = Constant(80_GBps);
  CHECK(milliseconds(collective_cost(one, lonely, Collective::all_reduce, 1_GB)) == Approx(12.5));
}

TEST_CASE("collective cost: NIC efficiency and decay scale what the network carries") {
  Cluster cluster = round_cluster(4);
  cluster.system.nic_efficiency = Constant(0.5);
  cluster.system.network_decay = Constant(0.1);
  // 4 nodes are 2 doublings: 80 * 0.5 / 1.2 GB/s.
  const CollectiveCost result = cost(cluster, 32, 1, Collective::all_gather);
  CHECK(result.bus_bandwidth.rate().value() == Approx(80e9 * 0.5 / 1.2));
}

TEST_CASE("collective cost: latency grows with the doublings of nodes") {
  Cluster cluster = round_cluster(64);
  cluster.system.link_latency = Constant(20_us);
  cluster.system.network_latency = Constant(40_us);
  // Stated for 16 nodes, so 10 us for each doubling: 2 nodes 10, 16 nodes 40, 64 nodes 60.
  const auto latency = [&](std::int64_t degree, std::int64_t stride, Collective collective) {
    return cost(cluster, degree, stride, collective).latency.value() * 1e6;
  };
  CHECK(latency(8, 1, Collective::broadcast) == Approx(20.0));
  CHECK(latency(16, 1, Collective::broadcast) == Approx(30.0));
  CHECK(latency(128, 1, Collective::broadcast) == Approx(60.0));
  CHECK(latency(512, 1, Collective::broadcast) == Approx(80.0));
  // The all-reduce goes round the ring twice, a gather or a scatter once: half the steps.
  CHECK(latency(8, 1, Collective::all_reduce) == Approx(20.0));
  CHECK(latency(8, 1, Collective::all_gather) == Approx(10.0));
  CHECK(latency(8, 1, Collective::reduce_scatter) == Approx(10.0));
  // Messages that are posted together wait once.
  CHECK(latency(512, 1, Collective::all_to_all) == Approx(30.0));
  CHECK(latency(2, 8, Collective::send_recv) == Approx(30.0));
  const CollectiveCost result = cost(cluster, 8, 1, Collective::all_gather);
  CHECK(milliseconds(result) == Approx(8.75 + 0.010));
  // They have no tree: 511 steps of 1 us inside and across are a chain that no logarithm shortens.
  cluster.system.link_step_latency = cluster.system.network_step_latency = Constant(1_us);
  CHECK(latency(512, 1, Collective::all_gather) == Approx(511.0));
  CHECK(latency(512, 1, Collective::all_reduce) == Approx(80.0));
}

TEST_CASE("collective cost: the hierarchical all-reduce wins over a slow network") {
  // 2 nodes, 8 * 1 GB/s. Ring: 2 * 15/16 GB at 8 GB/s, 234 ms. Hierarchical: 1.75 GB at 100 GB/s
  // inside, 2 * 1/2 GB at 8 GB/s across, 142.5 ms.
  Cluster cluster = round_cluster(2);
  cluster.system.nic_bandwidth = Constant(1_GBps);
  const CollectiveCost slow = cost(cluster, 16, 1, Collective::all_reduce);
  CHECK(slow.algorithm == "hierarchical");
  CHECK(slow.bottleneck == "NIC");
  CHECK(milliseconds(slow) == Approx(142.5));
  // At 8 * 10 GB/s the ring's 23.4 ms beat 17.5 + 12.5.
  const CollectiveCost fast = cost(round_cluster(2), 16, 1, Collective::all_reduce);
  CHECK(fast.algorithm == "ring");
  CHECK(milliseconds(fast) == Approx(1000.0 * 1.875 / 80.0));
}

TEST_CASE("collective cost: oversubscribed leaf uplinks limit rings that leave the leaf often") {
  Cluster cluster = round_cluster(4);
  cluster.fabric = {FabricType::fat_tree, 4.0, 2};
  // Of the 2 nodes of a leaf one passes the ring on to the other leaf. The uplinks carry a quarter
  // of 160 GB/s, so that node gets 40 of its 80 GB/s.
  const CollectiveCost result = cost(cluster, 32, 1, Collective::all_gather);
  CHECK(result.bus_bandwidth.rate().value() == Approx(40e9));
  CHECK(result.bottleneck == "leaf uplinks");
  // At 2:1 the 80 GB/s of uplinks are enough for one node.
  cluster.fabric.oversubscription = 2.0;
  CHECK(cost(cluster, 32, 1, Collective::all_gather).bottleneck == "NIC");
  // Inside one leaf nothing of it matters.
  cluster.fabric.oversubscription = 8.0;
  CHECK(cost(cluster, 16, 1, Collective::all_gather).bottleneck == "NIC");
  // A single switch has no uplinks.
  cluster.fabric.type = FabricType::single_switch;
  CHECK(cost(cluster, 32, 1, Collective::all_gather).bottleneck == "NIC");
}

TEST_CASE("collective cost: rails leave their leaf only beyond its nodes") {
  Cluster cluster = round_cluster(64);
  cluster.fabric = {FabricType::rail_optimized, 4.0, 32};
  CHECK(cost(cluster, 32, 8, Collective::all_gather).bottleneck == "NIC");
  // 64 nodes in two units: 1 of 32 edges crosses, the uplinks of a quarter are enough.
  CHECK(cost(cluster, 64, 8, Collective::all_gather).bottleneck == "NIC");
  // Two ranks, one in each unit: every byte crosses, 10 GB/s become 2.5.
  const CollectiveCost far = cost(cluster, 2, 8 * 32, Collective::all_gather);
  CHECK(far.bottleneck == "leaf uplinks");
  CHECK(milliseconds(far) == Approx(1000.0 * 0.5 / 2.5));
}

TEST_CASE("collective cost: all-to-all is bound by its busiest resource") {
  // 8 ranks in a node: 7/8 GB to the others at 0.8 of 100 GB/s.
  const CollectiveCost inside = cost(round_cluster(1), 8, 1, Collective::all_to_all);
  CHECK(milliseconds(inside) == Approx(1000.0 * 0.875 / 80.0));
  CHECK(inside.bottleneck == "NVLink");
  CHECK(inside.algorithm == "direct");
  // 16 ranks on 2 nodes: half of each rank's GB leaves through its 10 GB/s.
  const CollectiveCost across = cost(round_cluster(2), 16, 1, Collective::all_to_all);
  CHECK(milliseconds(across) == Approx(50.0));
  CHECK(across.bottleneck == "NIC");
  // One node per leaf, uplinks 4:1: the same 8 * 0.5 GB through 20 GB/s.
  Cluster thin = round_cluster(2);
  thin.fabric = {FabricType::fat_tree, 4.0, 1};
  const CollectiveCost uplinks = cost(thin, 16, 1, Collective::all_to_all);
  CHECK(milliseconds(uplinks) == Approx(200.0));
  CHECK(uplinks.bottleneck == "leaf uplinks");
}

TEST_CASE("collective cost: send and receive take a link or the GPU's part of the NICs") {
  // In the node at 0.8 of 100 GB/s.
  CHECK(milliseconds(cost(round_cluster(1), 2, 1, Collective::send_recv)) == Approx(12.5));
  // All 8 GPUs of a node send at once, one NIC each.
  CHECK(milliseconds(cost(round_cluster(2), 2, 8, Collective::send_recv)) == Approx(100.0));
  // 4 NICs for 8 GPUs that send at once: half of one.
  Cluster few = round_cluster(2);
  few.system.nics_per_node = 4;
  CHECK(milliseconds(cost(few, 2, 8, Collective::send_recv)) == Approx(200.0));
  // A chain of 4 stages, two in each node: 4 groups cross at once, each with a NIC of its own.
  CHECK(milliseconds(cost(few, 4, 4, Collective::send_recv)) == Approx(100.0));
}

TEST_CASE("collective cost: an NVLink domain over many trays needs no NIC inside") {
  Cluster cluster = round_cluster(36);
  cluster.system.gpus_per_node = 4;
  cluster.system.gpus_per_nvlink_domain = 72;
  cluster.system.nics_per_node = 4;
  cluster.gpus = 144;
  const CollectiveCost inside = cost(cluster, 64, 1, Collective::all_gather);
  CHECK(inside.bottleneck == "NVLink");
  CHECK(milliseconds(inside) == Approx(1000.0 * 63.0 / 64.0 / 100.0));
  // Both domains: 72 NICs of 10 GB/s carry more than NVLink's 100.
  CHECK(cost(cluster, 144, 1, Collective::all_gather).bottleneck == "NVLink");
}

TEST_CASE("collective cost: a PCIe node names PCIe") {
  Cluster cluster = round_cluster(1);
  cluster.system.intra_node = IntraNode::pcie;
  cluster.system.link_bandwidth = Constant(20_GBps);
  cluster.system.collective_bandwidth = Constant(10_GBps);
  const CollectiveCost result = cost(cluster, 8, 1, Collective::all_reduce);
  CHECK(milliseconds(result) == Approx(175.0));
  CHECK(result.bottleneck == "PCIe");
}

TEST_CASE("collective cost: pairs of bridged GPUs meet over PCIe in their node") {
  Cluster cluster = round_cluster(1);
  cluster.system.gpus_per_nvlink_domain = 2;
  cluster.system.intra_node = IntraNode::nvlink_mesh;
  // Four ranks in two pairs: 3/4 GB out of each pair over two slots of 25 GB/s.
  cluster.gpus = 4;
  const CollectiveCost result = cost(cluster, 4, 1, Collective::all_gather);
  CHECK(result.bottleneck == "PCIe");
  CHECK(milliseconds(result) == Approx(1000.0 * 0.75 / 50.0));
}

TEST_CASE("collective cost: part of a cube mesh has part of its links") {
  // Six links of 10 GB/s. All eight GPUs use six; a quad keeps four of each, a pair keeps one.
  Cluster cluster = round_cluster(1);
  cluster.system.intra_node = IntraNode::nvlink_mesh;
  cluster.system.link_bandwidth = cluster.system.collective_bandwidth = Constant(60_GBps);
  const auto bandwidth = [&](std::int64_t degree) {
    const CollectiveCost result = cost(cluster, degree, 1, Collective::all_gather);
    return result.bus_bandwidth.rate().value();
  };
  CHECK(bandwidth(8) == Approx(60e9));
  CHECK(bandwidth(4) == Approx(40e9));
  CHECK(bandwidth(2) == Approx(10e9));
}

TEST_CASE("collective cost: a failed NIC slows every ring that crosses its node") {
  const Cluster cluster = round_cluster(2);
  ClusterGraph graph{cluster};
  REQUIRE(graph.remove_link("node0.nic0", "unit0.leaf0"));
  // 7 of 8 NICs are left.
  const CollectiveCost result = collective_cost(
      cluster, routes(cluster, graph), group_shape(cluster, 16, 1), Collective::all_gather, 1_GB);
  CHECK(result.bus_bandwidth.rate().value() == Approx(70e9));
}

TEST_CASE("collective cost: a slow NVLink slows the groups that hold its GPU") {
  const Cluster cluster = round_cluster(1);
  ClusterGraph graph{cluster};
  const auto time = [&](std::int64_t degree) {
    return milliseconds(collective_cost(cluster, routes(cluster, graph),
                                        group_shape(cluster, degree, 1), Collective::all_gather,
                                        1_GB));
  };
  REQUIRE(graph.set_bandwidth("node0.gpu3", "node0.nvswitch0", 50_GBps));
  CHECK(time(8) == Approx(2 * 8.75));
  // A pair holds GPU 3 as well, and a step waits for the slowest pair.
  CHECK(time(2) == Approx(2 * 5.0));
  // Without the link the GPU is reached over PCIe, at a quarter of NVLink.
  REQUIRE(graph.remove_link("node0.gpu3", "node0.nvswitch0"));
  CHECK(time(8) == Approx(4 * 8.75));
  CHECK(routes(cluster, graph).in_domain_bottleneck == "PCIe");
}

TEST_CASE("collective cost: thinner uplinks slow what leaves the leaf") {
  Cluster cluster = round_cluster(2);
  cluster.fabric = {FabricType::fat_tree, 1.0, 1};
  ClusterGraph graph{cluster};
  REQUIRE(graph.set_bandwidth("unit0.leaf0", "spine0", 20_GBps));
  const CollectiveCost result = collective_cost(
      cluster, routes(cluster, graph), group_shape(cluster, 16, 1), Collective::all_gather, 1_GB);
  CHECK(result.bus_bandwidth.rate().value() == Approx(20e9));
  CHECK(result.bottleneck == "leaf uplinks");
}

TEST_CASE("collective cost: without a route the time is infinite") {
  Cluster cluster = round_cluster(2);
  cluster.system.nics_per_node = 0;
  CHECK(std::isinf(cost(cluster, 16, 1, Collective::all_gather).time.value()));
}
