// What failed parts, slow links and oversubscription leave of the routes, derived by hand, and what
// NCCL's channels make of it.
#include "tests/catch.hpp"
#include "tests/support/nccl_cluster.hpp"
#include "tests/support/round_numbers.hpp"
#include "topology/graph.hpp"

using namespace lockstep;
using namespace lockstep::testing;

namespace {

Routes with(Cluster cluster, std::vector<std::string> failed) {
  cluster.failed = std::move(failed);
  return routes(cluster);
}

Routes degraded(Cluster cluster, const std::string& link, double left) {
  cluster.degraded = {{link, left}};
  return routes(cluster);
}

Cluster planes(std::int64_t nodes, std::int64_t count) {
  Cluster cluster = round_cluster(nodes);
  cluster.system.nvswitch_planes = count;
  return cluster;
}

nccl::Graphs graphs_of(const Cluster& cluster, const GroupShape& shape) {
  return nccl::graphs(nccl::node_view(cluster, routes(cluster), shape));
}

double gigabytes_per_second(const Cluster& cluster, const GroupShape& shape,
                            Collective collective) {
  const nccl::NcclGroup group = nccl::prepare(cluster, routes(cluster), shape);
  return nccl::choose(group, collective, 100_GB).bus_bandwidth.rate() / 1_GBps;
}

}  // namespace

TEST_CASE("failures: a GPU without its link to one of four planes has three quarters of NVLink") {
  const Routes read = with(planes(16, 4), {"node9.gpu1-node9.nvswitch2"});
  // 100 GB/s over four planes; groups of 2, 4 and 8 hold the GPU in some node.
  for (const std::int64_t ranks : {2, 4, 8}) CHECK(read.link(ranks) == 75_GBps);
  CHECK(read.in_domain_bottleneck == "NVLink");
  CHECK(read.in_domain_narrowed_by == "node9.gpu1-node9.nvswitch2 is down");
  CHECK(read.node_network == routes(planes(16, 4)).node_network);
  CHECK(routes(planes(16, 4)).in_domain_narrowed_by.empty());
}

TEST_CASE("failures: links of two GPUs to two planes leave the pair what both reach") {
  // GPU 0 lacks plane 0, GPU 1 plane 1: they share two of four.
  const Routes read =
      with(planes(1, 4), {"node0.gpu0-node0.nvswitch0", "node0.gpu1-node0.nvswitch1"});
  CHECK(read.link(2) == 50_GBps);
  CHECK(read.in_domain_narrowed_by == "node0.gpu0-node0.nvswitch0 is down and 1 more");
}

TEST_CASE("failures: a dead NVSwitch plane takes its share from all") {
  CHECK(with(planes(4, 4), {"node3.nvswitch0"}).link(8) == 75_GBps);
  // Of 18 planes of an NVL72 17 are left; the domain's switches belong to its first node.
  Cluster rack = planes(36, 18);
  rack.system.gpus_per_node = rack.system.nics_per_node = 4;
  rack.system.gpus_per_nvlink_domain = 72;
  rack.gpus = 0;
  CHECK(with(rack, {"node18.nvswitch4"}).link(72).value() == Approx(100e9 * 17 / 18));
}

TEST_CASE("failures: a degraded NVLink narrows by its part of one plane") {
  // Three planes of 25 GB/s and one of 12.5.
  const Routes read = degraded(planes(2, 4), "node1.gpu1-node1.nvswitch0", 0.5);
  CHECK(read.link(8) == 87.5_GBps);
  CHECK(read.in_domain_narrowed_by == "node1.gpu1-node1.nvswitch0 has 50 % of its bandwidth left");
}

TEST_CASE("failures: without NVLink the host is left") {
  const Routes read = with(planes(2, 1), {"node1.gpu1-node1.nvswitch0"});
  CHECK(read.link(2) == 25_GBps);
  CHECK(read.in_domain_bottleneck == "PCIe");
  CHECK(read.nvlink_ranks == 1);
}

TEST_CASE("failures: a dead NIC leaves its node seven of eight, wherever it is") {
  for (const char* nic :
       {"node0.nic0", "node9.nic2", "node9.nic2-unit0.leaf2", "node9.nic2-node9.pcie1"}) {
    const Routes read = with(round_cluster(16), {nic});
    CHECK(read.node_network == 70_GBps);
    CHECK(read.nic == 10_GBps);
    CHECK(read.network_narrowed_by == std::string(nic) + " is down");
    // NIC and NIC's neighbour on the PCIe switch serve one GPU each; now both share one.
    CHECK(read.gpu_network == 5_GBps);
    CHECK(read.nic_path == PathKind::pix);
  }
  CHECK(routes(round_cluster(16)).gpu_network == 10_GBps);
}

TEST_CASE("failures: a degraded NIC takes off what it lacks") {
  const Routes read = degraded(round_cluster(16), "node9.nic2-unit0.leaf2", 0.5);
  CHECK(read.node_network == 75_GBps);
}

TEST_CASE("failures: a dead leaf takes a rail of every node below it") {
  Cluster cluster = round_cluster(64);
  const Routes rails = with(cluster, {"unit1.leaf3"});
  CHECK(rails.node_network == 70_GBps);
  CHECK(rails.network_narrowed_by == "unit1.leaf3 is down");
  CHECK(rails.uplink_share == 1.0);
  // In a fat tree the leaf is all that its nodes have.
  cluster.fabric.type = FabricType::fat_tree;
  CHECK(with(cluster, {"unit1.leaf0"}).node_network == BytesPerSecond{});
}

TEST_CASE("failures: a dead spine takes its part of every leaf's uplinks") {
  // 64 nodes: two units, 16 leaves, 8 spines.
  const Cluster cluster = round_cluster(64);
  CHECK(routes(cluster).uplink_share == 1.0);
  CHECK(with(cluster, {"spine5"}).uplink_share == Approx(7.0 / 8));
  CHECK(with(cluster, {"spine5", "spine0"}).uplink_share == Approx(6.0 / 8));
  const Routes one = with(cluster, {"unit1.leaf3-spine5"});
  CHECK(one.uplink_share == Approx(7.0 / 8));
  CHECK(one.uplink_narrowed_by == "unit1.leaf3-spine5 is down");
  CHECK(degraded(cluster, "unit1.leaf3-spine5", 0.5).uplink_share == Approx(7.5 / 8));
}

TEST_CASE("failures: oversubscription at leaf and spine") {
  Cluster cluster = round_cluster(512);
  for (const double ratio : {2.0, 4.0}) {
    cluster.fabric.oversubscription = ratio;
    CHECK(routes(cluster).uplink_share == Approx(1.0 / ratio));
    CHECK(routes(cluster).core_share == 1.0);  // no pods
  }
  // 4:1 at the leaf and 2:1 at the spine: an eighth of the NICs reaches the core.
  cluster.fabric.nodes_per_pod = 128;
  cluster.fabric.core_oversubscription = 2.0;
  CHECK(routes(cluster).uplink_share == Approx(0.25));
  CHECK(routes(cluster).core_share == Approx(0.125));
  // One of the cores down.
  const auto cores = static_cast<double>(ClusterGraph{cluster}.count(PartKind::core));
  CHECK(with(cluster, {"core0"}).core_share == Approx(0.125 * (cores - 1) / cores));
  CHECK(with(cluster, {"core0"}).core_narrowed_by == "core0 is down");
}

TEST_CASE("failures: a node that is out slows nobody") {
  const Routes healthy = routes(round_cluster(16));
  const Routes read = with(round_cluster(16), {"node3.gpu1", "node3.nic1", "node3.nic2"});
  CHECK(read.node_network == healthy.node_network);
  CHECK(read.link(8) == healthy.link(8));
}

TEST_CASE("failures: without a way the routes say so") {
  std::vector<std::string> nics;
  for (int i = 0; i < 8; ++i) nics.push_back("node2.nic" + std::to_string(i));
  const Routes read = with(round_cluster(4), nics);
  CHECK(read.node_network == BytesPerSecond{});
  CHECK(read.network_narrowed_by == "node2.nic0 is down and 7 more");
  CHECK(read.nic_path == PathKind::dis);
}

TEST_CASE("failures: NCCL finds fewer channels") {
  Cluster cluster = h100(16);
  cluster.system.nvswitch_planes = 4;
  // Between nodes a channel per NIC.
  cluster.failed = {"node9.nic2"};
  CHECK(graphs_of(cluster, group_shape(cluster, 128, 1)).ring.channels == 7);
  // In a node: three quarters of 370.8 GB/s are 278: nine channels of 30 are more than four of 60;
  // NVLS has (8 + 1) * 30.
  cluster.failed = {"node9.gpu1-node9.nvswitch0"};
  const nccl::Graphs inside = graphs_of(cluster, group_shape(cluster, 8, 1));
  CHECK(inside.ring.channels == 9);
  CHECK(inside.ring.inside == Approx(30));
  CHECK(inside.nvls.inside == Approx(30));
}

TEST_CASE("failures: a rail's group shares its neighbour's NIC") {
  // One rank per node on every GPU: eight groups, of which two have one NIC.
  Cluster cluster = h100(16);
  const GroupShape rail = group_shape(cluster, 16, 8);
  const double healthy = gigabytes_per_second(cluster, rail, Collective::all_gather);
  cluster.failed = {"node9.nic2"};
  // 25 of 50 GB/s are left, of which NCCL's channels counted 48 behind PCIe: 25/48.
  CHECK(gigabytes_per_second(cluster, rail, Collective::all_gather) ==
        Approx(healthy * 25 / 48).epsilon(0.05));
}

TEST_CASE("failures: one uplink fewer slows what has one domain below each leaf") {
  // 128 nodes in units of 32; a pair of neighbours 32 nodes apart leaves its leaf with all it has.
  // 32 links go up from a leaf, one to each of 16 spines twice.
  Cluster cluster = h100(128);
  const GroupShape pair = group_shape(cluster, 2, 256);
  const double healthy = gigabytes_per_second(cluster, pair, Collective::send_recv);
  cluster.failed = {"unit2.leaf3-spine1"};
  CHECK(gigabytes_per_second(cluster, pair, Collective::send_recv) ==
        Approx(healthy * 15 / 16).epsilon(1e-3));
  cluster.failed.clear();
  cluster.fabric.oversubscription = 2.0;
  CHECK(gigabytes_per_second(cluster, pair, Collective::send_recv) ==
        Approx(healthy / 2).epsilon(1e-3));
  cluster.fabric.oversubscription = 4.0;
  CHECK(gigabytes_per_second(cluster, pair, Collective::send_recv) ==
        Approx(healthy / 4).epsilon(1e-3));
}

TEST_CASE("failures: an all-to-all pays for what leaves its leaf") {
  // 1,024 GPUs in four units. Of each GPU's buffer 1016/1024 leave the node and 768/1024 the leaf:
  // 2:1 makes that 1.5 times what the NIC alone would carry, 4:1 three times.
  Cluster cluster = h100(128);
  const GroupShape all = group_shape(cluster, 1024, 1);
  const double healthy = gigabytes_per_second(cluster, all, Collective::all_to_all);
  const double of_nic = 1016.0 / 1024;
  cluster.fabric.oversubscription = 2.0;
  CHECK(gigabytes_per_second(cluster, all, Collective::all_to_all) ==
        Approx(healthy * of_nic / 1.5).epsilon(1e-2));
  cluster.fabric.oversubscription = 4.0;
  CHECK(gigabytes_per_second(cluster, all, Collective::all_to_all) ==
        Approx(healthy * of_nic / 3.0).epsilon(1e-2));
}
