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
  CHECK(std::count(far.parts.begin(), far.parts.end(), "spine") == 1);
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
