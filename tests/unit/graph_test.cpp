#include "topology/graph.hpp"

#include <algorithm>
#include <cmath>

#include "tests/catch.hpp"
#include "tests/support/round_numbers.hpp"
#include "topology/routes.hpp"

using namespace lockstep;
using lockstep::testing::round_cluster;

TEST_CASE("cluster graph: a cluster of any size is drawn by its representative nodes") {
  const auto gpus = [](const Cluster& cluster) {
    const ClusterGraph graph{cluster};
    return std::count_if(graph.parts().begin(), graph.parts().end(),
                         [](const Part& part) { return part.kind == PartKind::gpu; });
  };
  CHECK(gpus(round_cluster(1)) == 8);
  CHECK(gpus(round_cluster(2)) == 16);
  // Nodes 0 and 1 under one leaf, node 32 under the next.
  CHECK(gpus(round_cluster(64)) == 24);
  CHECK(gpus(round_cluster(12500)) == 24);
  CHECK(ClusterGraph{round_cluster(64)}.find("node32.gpu7"));
  CHECK_FALSE(ClusterGraph{round_cluster(64)}.find("node31.gpu7"));
}

TEST_CASE("cluster graph: GPUs of a node meet in the NVSwitch") {
  const ClusterGraph graph{round_cluster(1)};
  const Route route = graph.widest_route("node0.gpu0", "node0.gpu7");
  CHECK(route.parts == std::vector<std::string>{"node0.gpu0", "node0.nvswitch0", "node0.gpu7"});
  CHECK(route.hops() == 2);
  CHECK(route.bandwidth == 100_GBps);
  CHECK(route.bottleneck.kind == LinkKind::nvlink);
}

TEST_CASE("cluster graph: the way to another node is as narrow as its NIC") {
  const ClusterGraph graph{round_cluster(64)};
  const Route rail = graph.widest_route("node0.gpu0", "node1.gpu0");
  CHECK(rail.parts == std::vector<std::string>{"node0.gpu0", "node0.pcie0", "node0.nic0",
                                               "unit0.leaf0", "node1.nic0", "node1.pcie0",
                                               "node1.gpu0"});
  CHECK(rail.bandwidth == 10_GBps);
  CHECK(rail.bottleneck.from == "node0.nic0");
  CHECK(rail.bottleneck.to == "unit0.leaf0");
  CHECK(rail.bottleneck.kind == LinkKind::network);
  // Under another leaf two hops more: up to the spine and down.
  const Route far = graph.widest_route("node0.gpu0", "node32.gpu0");
  CHECK(far.hops() == rail.hops() + 2);
  CHECK(std::count(far.parts.begin(), far.parts.end(), "spine0") == 1);
}

TEST_CASE("cluster graph: a route goes round a failed link") {
  ClusterGraph graph{round_cluster(1)};
  REQUIRE(graph.remove_link("node0.gpu1", "node0.nvswitch0"));
  const Route route = graph.widest_route("node0.gpu0", "node0.gpu1");
  CHECK(route.parts == std::vector<std::string>{"node0.gpu0", "node0.pcie0", "node0.gpu1"});
  CHECK(route.bandwidth == 25_GBps);
  CHECK(route.bottleneck.kind == LinkKind::pcie);
  // And ends where none is left.
  REQUIRE(graph.remove_link("node0.gpu1", "node0.pcie0"));
  CHECK(graph.widest_route("node0.gpu0", "node0.gpu1").parts.empty());
  CHECK(graph.widest_route("node0.gpu0", "node0.gpu1").bandwidth == BytesPerSecond{});
}

TEST_CASE("cluster graph: unknown names are no links and no routes") {
  ClusterGraph graph{round_cluster(1)};
  CHECK_FALSE(graph.remove_link("node0.gpu0", "node9.gpu0"));
  CHECK_FALSE(graph.set_bandwidth("node0.gpu0", "node0.gpu1", 1_GBps));
  CHECK(graph.widest_route("node0.gpu0", "moon").parts.empty());
  const Route here = graph.widest_route("node0.gpu0", "node0.gpu0");
  CHECK(here.hops() == 0);
  CHECK(std::isinf(here.bandwidth.value()));
}

TEST_CASE("cluster graph: the trays of one NVLink domain share its switch") {
  Cluster cluster = round_cluster(36);
  cluster.system.gpus_per_node = 4;
  cluster.system.gpus_per_nvlink_domain = 72;
  cluster.system.nics_per_node = 4;
  cluster.gpus = 144;
  const ClusterGraph graph{cluster};
  CHECK(graph.widest_route("node0.gpu0", "node1.gpu3").hops() == 2);
  CHECK(graph.widest_route("node0.gpu0", "node18.gpu0").bandwidth == 10_GBps);
}

TEST_CASE("cluster graph: every GPU of a cube mesh has six links") {
  Cluster cluster = round_cluster(1);
  cluster.system.intra_node = IntraNode::nvlink_mesh;
  cluster.system.link_bandwidth = Constant(60_GBps);
  const ClusterGraph graph{cluster};
  for (std::size_t i = 0; i < graph.parts().size(); ++i) {
    if (graph.parts()[i].kind != PartKind::gpu) continue;
    CHECK(graph.incident(i, LinkKind::nvlink).value() == Approx(60e9));
  }
}

TEST_CASE("cluster graph: uplinks follow the oversubscription") {
  Cluster cluster = round_cluster(64);
  cluster.fabric = {FabricType::fat_tree, 4.0, 32};
  const ClusterGraph graph{cluster};
  // 32 nodes of 8 NICs of 10 GB/s below, a quarter above.
  const std::vector<Link> links = graph.links();
  const auto uplink = std::find_if(links.begin(), links.end(),
                                   [](const Link& link) { return link.kind == LinkKind::uplink; });
  REQUIRE(uplink != links.end());
  CHECK(uplink->bandwidth.value() == Approx(32 * 8 * 10e9 / 4));
  CHECK(routes(cluster).uplink_share == Approx(0.25));
}

TEST_CASE("cluster graph: each GPU is linked to every NVSwitch plane, and a way takes them all") {
  Cluster cluster = round_cluster(1);
  cluster.system.nvswitch_planes = 4;
  ClusterGraph graph{cluster};
  CHECK(graph.count(PartKind::nvswitch) == 4);
  // 100 GB/s over four planes.
  CHECK(graph.direct(0, *graph.find("node0.nvswitch3"), LinkKind::nvlink) == 25_GBps);
  CHECK(graph.widest_route("node0.gpu0", "node0.gpu1").bandwidth == 100_GBps);
  REQUIRE(graph.remove_link("node0.gpu1", "node0.nvswitch2"));
  CHECK_FALSE(graph.remove_link("node0.gpu1", "node0.nvswitch2"));
  CHECK(graph.widest_route("node0.gpu0", "node0.gpu1").bandwidth == 75_GBps);
  CHECK(graph.widest_route("node0.gpu0", "node0.gpu2").bandwidth == 100_GBps);
}

TEST_CASE("cluster graph: cards with NVLink bridges are linked in pairs") {
  Cluster cluster = round_cluster(1);
  cluster.system.intra_node = IntraNode::nvlink_bridge;
  const ClusterGraph graph{cluster};
  CHECK(graph.widest_route("node0.gpu2", "node0.gpu3").bandwidth == 100_GBps);
  CHECK(graph.widest_route("node0.gpu1", "node0.gpu2").bandwidth == 25_GBps);
  CHECK(graph.path_kind("node0.gpu2", "node0.gpu3") == PathKind::nvl);
  CHECK(graph.path_kind("node0.gpu1", "node0.gpu2") == PathKind::phb);
  const Routes read = routes(cluster);
  CHECK(read.link(2) == 100_GBps);
  CHECK(read.link(4) == 25_GBps);
  CHECK(read.nvlink_ranks == 2);
  CHECK(read.in_domain_bottleneck == "PCIe");
}

TEST_CASE("cluster graph: paths have NCCL's names") {
  Cluster cluster = round_cluster(2);
  cluster.system.nics_per_node = 4;  // one beside every second GPU
  cluster.system.gpus_per_pcie_switch = 1;
  const ClusterGraph graph{cluster};
  const auto kind = [&](const char* a, const char* b) { return to_string(graph.path_kind(a, b)); };
  CHECK(kind("node0.gpu0", "node0.gpu0") == std::string("LOC"));
  CHECK(kind("node0.gpu0", "node0.gpu7") == std::string("NVL"));
  CHECK(kind("node0.gpu0", "node0.nic0") == std::string("PIX"));
  // GPU 1 has no NIC beside it; GPU 0, its NVLink peer, has.
  CHECK(kind("node0.gpu1", "node0.nic0") == std::string("PXN"));
  CHECK(kind("node0.gpu0", "node1.gpu0") == std::string("NET"));
  CHECK(kind("node0.gpu0", "moon") == std::string("DIS"));

  cluster.system.intra_node = IntraNode::pcie;
  cluster.system.gpus_per_pcie_switch = 2;
  const ClusterGraph cards{cluster};
  CHECK(cards.path_kind("node0.gpu0", "node0.gpu1") == PathKind::pix);
  CHECK(cards.path_kind("node0.gpu0", "node0.gpu2") == PathKind::phb);
  CHECK(cards.path_kind("node0.gpu0", "node0.gpu4") == PathKind::sys);
  CHECK(cards.path_kind("node0.gpu4", "node0.nic0") == PathKind::sys);
}

TEST_CASE("cluster graph: slots of the CPU where there are no PCIe switches") {
  Cluster cluster = round_cluster(1);
  cluster.system.intra_node = IntraNode::pcie;
  cluster.system.gpus_per_pcie_switch = 0;
  const ClusterGraph graph{cluster};
  CHECK(graph.count(PartKind::pcie_switch) == 0);
  CHECK(graph.path_kind("node0.gpu0", "node0.gpu3") == PathKind::phb);
  CHECK(graph.path_kind("node0.gpu0", "node0.gpu4") == PathKind::sys);
  cluster.system.sockets = 1;
  CHECK(ClusterGraph{cluster}.path_kind("node0.gpu0", "node0.gpu4") == PathKind::phb);
}

TEST_CASE("cluster graph: a GPU pair of a cube mesh that shares no link goes through a third") {
  Cluster cluster = round_cluster(1);
  cluster.system.intra_node = IntraNode::nvlink_mesh;
  const ClusterGraph graph{cluster};
  CHECK(graph.path_kind("node0.gpu0", "node0.gpu3") == PathKind::nvl);
  CHECK(graph.path_kind("node0.gpu0", "node0.gpu5") == PathKind::nvb);
  CHECK(graph.hops("node0.gpu0", "node0.gpu5") == 2);
}

TEST_CASE("cluster graph: counts are those of the whole cluster") {
  for (const Extent extent : {Extent::folded, Extent::whole}) {
    Cluster cluster = round_cluster(100);
    cluster.fabric.nodes_per_leaf = 16;
    const ClusterGraph graph{cluster, extent};
    CHECK(graph.count(PartKind::gpu) == 800);
    CHECK(graph.count(PartKind::nic) == 800);
    CHECK(graph.count(PartKind::nvswitch) == 100);
    CHECK(graph.count(PartKind::pcie_switch) == 400);
    CHECK(graph.count(PartKind::cpu) == 200);
    // Seven units, the last one not full, of eight leaves with 16 links up each; 896 links onto
    // ports of 32 would be 28 spines, but a leaf has 16 links.
    CHECK(graph.count(PartKind::leaf) == 56);
    CHECK(graph.count(PartKind::spine) == 16);
  }
}

TEST_CASE("cluster graph: switches are counted as NVIDIA counts them for a SuperPOD") {
  // DGX H100 SuperPOD reference architecture: 1, 2 and 4 units of 32 nodes have 8, 16, 32 leaves
  // and 4, 8, 16 spines.
  for (const std::int64_t units : {1, 2, 4}) {
    const ClusterGraph graph{round_cluster(32 * units)};
    CHECK(graph.count(PartKind::leaf) == 8 * units);
    CHECK(graph.count(PartKind::spine) == 4 * units);
  }
}

TEST_CASE("cluster graph: core switches join pods") {
  // 512 nodes in pods of 128: four pods of four units. A pod: 32 leaves of 32 links up, spines of
  // 64 ports, half of them down: 32. Cores: 4 * 32 spines * 32 links up / 64 ports = 64, but a
  // spine has 32 links up.
  Cluster cluster = round_cluster(512);
  cluster.fabric.nodes_per_pod = 128;
  const ClusterGraph graph{cluster};
  CHECK(graph.count(PartKind::leaf) == 128);
  CHECK(graph.count(PartKind::spine) == 128);
  CHECK(graph.count(PartKind::core) == 32);
  // Up to the leaf, spine, core and down again: the NIC and its switch at either end.
  CHECK(graph.hops("node0.gpu0", "node128.gpu0") == 10);
  CHECK(graph.widest_route("node0.gpu0", "node128.gpu0").bandwidth == 10_GBps);
  CHECK(graph.find("pod1.spine0"));
}

TEST_CASE("cluster graph: hops and paths of GPUs ever farther away") {
  Cluster cluster = round_cluster(512);
  cluster.fabric.nodes_per_pod = 128;
  const auto row = [](const Distance& one) {
    return std::string(one.relation) + ": " + one.from + " " + one.to + " " +
           std::to_string(one.hops) + " " + to_string(one.path);
  };
  std::vector<std::string> rows;
  for (const Distance& one : ClusterGraph{cluster}.distances()) rows.push_back(row(one));
  CHECK(rows == std::vector<std::string>{"same PCIe switch: node0.gpu0 node0.gpu1 2 NVL",
                                         "same node: node0.gpu0 node0.gpu7 2 NVL",
                                         "same leaf: node0.gpu0 node1.gpu0 6 NET",
                                         "same unit, other rail: node0.gpu0 node1.gpu7 8 NET",
                                         "same pod: node0.gpu0 node32.gpu0 8 NET",
                                         "other pod: node0.gpu0 node128.gpu0 10 NET"});
}

TEST_CASE("cluster graph: what has failed is gone, and its node is listed beside a healthy one") {
  Cluster cluster = round_cluster(64);
  cluster.failed = {"node3.nic2", "unit1.leaf5", "node7.gpu1", "spine2"};
  const ClusterGraph graph{cluster};
  CHECK(graph.find("node3.nic2"));
  CHECK(graph.widest_route("node3.nic2", "unit0.leaf2").parts.empty());
  CHECK(graph.incident(*graph.find("node32.nic5"), LinkKind::network) == BytesPerSecond{});
  CHECK(graph.count(PartKind::gpu) == 64 * 8 - 8);  // node 7 is out
  CHECK(graph.count(PartKind::nic) == 64 * 8 - 8 - 1);
  CHECK(graph.count(PartKind::leaf) == 15);
  CHECK(graph.count(PartKind::spine) == 7);
}

TEST_CASE("cluster summary: one line names GPUs, links and network") {
  Cluster cluster = round_cluster(8);
  CHECK(summary(cluster) ==
        "64 x round in 8 nodes, NVSwitch 100 GB/s, 8 x 80.0 Gb/s per node, rail-optimised");
  cluster.fabric = {FabricType::fat_tree, 2.0, 4};
  CHECK(summary(cluster) ==
        "64 x round in 8 nodes, NVSwitch 100 GB/s, 8 x 80.0 Gb/s per node, "
        "fat tree 2:1 oversubscribed");
  CHECK(summary(round_cluster(1)) == "8 x round, NVSwitch 100 GB/s");
}
