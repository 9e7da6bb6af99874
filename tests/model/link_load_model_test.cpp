// Do the links carry what can be worked out by hand?
#include "tests/catch.hpp"
#include "tests/support/round_numbers.hpp"
#include "topology/link_load.hpp"

using namespace lockstep;
using lockstep::testing::round_cluster;

namespace {

const LinkLoad* load_on(const LinkLoads& loads, LinkClass link_class) {
  for (const LinkLoad& load : loads.classes) {
    if (load.link_class == link_class) return &load;
  }
  return nullptr;
}

double gigabytes(const LinkLoads& loads, LinkClass link_class) {
  const LinkLoad* load = load_on(loads, link_class);
  return load == nullptr ? 0.0 : load->bytes.value() / 1e9;
}

double seconds(const LinkLoads& loads, LinkClass link_class) {
  const LinkLoad* load = load_on(loads, link_class);
  return load == nullptr ? 0.0 : load->busy.value();
}

// 8 GPUs a node at 100 GB/s, 8 NICs of 10 GB/s behind slots of 25 GB/s, leaves of 4 nodes.
Cluster cluster_of(std::int64_t nodes, FabricType type = FabricType::rail_optimized,
                   double oversubscription = 1.0) {
  Cluster cluster = round_cluster(nodes);
  cluster.fabric.type = type;
  cluster.fabric.oversubscription = oversubscription;
  cluster.fabric.nodes_per_leaf = 4;
  return cluster;
}

}  // namespace

TEST_CASE("an all_reduce in a node loads NVLink and nothing else", "[model][link_load]") {
  // 8 GB over 8 GPUs: 2 * 7/8 * 8 = 14 GB on every link, twice a step: 28 GB, 0.28 s at 100 GB/s.
  const LinkLoads loads = link_loads(cluster_of(4), {{.name = "tensor all_reduce",
                                                      .collective = Collective::all_reduce,
                                                      .degree = 8,
                                                      .stride = 1,
                                                      .bytes = 8_GB,
                                                      .calls = 2}});
  CHECK(gigabytes(loads, LinkClass::nvlink) == Approx(28.0));
  CHECK(seconds(loads, LinkClass::nvlink) == Approx(0.28));
  // The switch carries all eight: 224 GB at 800 GB/s.
  CHECK(gigabytes(loads, LinkClass::nvswitch) == Approx(224.0));
  CHECK(seconds(loads, LinkClass::nvswitch) == Approx(0.28));
  CHECK(loads.classes.size() == 2);
  REQUIRE(loads.bottleneck);
  CHECK(loads.classes[*loads.bottleneck].from == "node0.gpu0");
  CHECK(loads.classes[*loads.bottleneck].to == "node0.nvswitch0");
  CHECK(loads.complete);
}

TEST_CASE("a ring over nodes leaves each node once for every GPU of it", "[model][link_load]") {
  // all_gather of 32 GB over 32 GPUs on 4 nodes: 31 GB over every edge of the ring. A node's eight
  // rings leave by its eight NICs: 31/8 GB on each; over NVLink 7/8 of 31 GB from each GPU.
  const LinkLoads loads = link_loads(cluster_of(4), {{.name = "all_gather",
                                                      .collective = Collective::all_gather,
                                                      .degree = 32,
                                                      .bytes = 32_GB,
                                                      .calls = 1}});
  CHECK(gigabytes(loads, LinkClass::nic) == Approx(31.0 / 8));
  CHECK(seconds(loads, LinkClass::nic) == Approx(31.0 / 80));
  CHECK(gigabytes(loads, LinkClass::nvlink) == Approx(31.0 * 7 / 8));
  CHECK(gigabytes(loads, LinkClass::pcie) == Approx(31.0 / 8));
  CHECK(load_on(loads, LinkClass::leaf_uplink) == nullptr);
  REQUIRE(loads.bottleneck);
  CHECK(loads.classes[*loads.bottleneck].from == "node0.nic0");
  CHECK(loads.classes[*loads.bottleneck].to == "unit0.leaf0");
}

TEST_CASE("two groups on one NIC add up", "[model][link_load]") {
  // 2 NICs for 8 GPUs: four of the eight data groups of a node share a NIC. Each sends 7/4 GB for
  // an all_gather of 2 GB over 8 nodes: 4 * 1.75 = 7 GB.
  Cluster cluster = cluster_of(8, FabricType::single_switch);
  cluster.system.nics_per_node = 2;
  const Flow gather{.name = "gather",
                    .collective = Collective::all_gather,
                    .degree = 8,
                    .stride = 8,
                    .bytes = 2_GB,
                    .calls = 1};
  CHECK(gigabytes(link_loads(cluster, {gather}), LinkClass::nic) == Approx(7.0));
  // And a second flow on top: 14 GB, half from each.
  Flow scatter = gather;
  scatter.name = "scatter";
  scatter.collective = Collective::reduce_scatter;
  const LinkLoads both = link_loads(cluster, {gather, scatter});
  REQUIRE(load_on(both, LinkClass::nic) != nullptr);
  CHECK(gigabytes(both, LinkClass::nic) == Approx(14.0));
  REQUIRE(load_on(both, LinkClass::nic)->flows.size() == 2);
  CHECK(load_on(both, LinkClass::nic)->flows[1].flow == "scatter");
  CHECK(load_on(both, LinkClass::nic)->flows[1].bytes.value() == Approx(7e9));
}

TEST_CASE("leaf uplinks carry what leaves the leaf, and halve at 2:1", "[model][link_load]") {
  // Rings over 8 nodes under two leaves of 4 nodes, one rank a node: only node 3 -> 4 and 7 -> 0
  // climb. all_gather of 8 GB: 7 GB over each edge; on a rail one group: 7 GB up. The uplinks of a
  // leaf are 4 * 10 GB/s: 0.175 s; at 2:1 0.35 s.
  const Flow gather{.name = "gather",
                    .collective = Collective::all_gather,
                    .degree = 8,
                    .stride = 8,
                    .bytes = 8_GB,
                    .calls = 1};
  const LinkLoads even = link_loads(cluster_of(8), {gather});
  CHECK(gigabytes(even, LinkClass::leaf_uplink) == Approx(7.0));
  CHECK(seconds(even, LinkClass::leaf_uplink) == Approx(0.175));
  const LinkLoads half = link_loads(cluster_of(8, FabricType::rail_optimized, 2.0), {gather});
  CHECK(gigabytes(half, LinkClass::leaf_uplink) == Approx(7.0));
  CHECK(seconds(half, LinkClass::leaf_uplink) == Approx(0.35));
  // In a plain fat tree one leaf has all eight rails of its nodes: 56 GB over 320 GB/s.
  const LinkLoads plain = link_loads(cluster_of(8, FabricType::fat_tree), {gather});
  CHECK(gigabytes(plain, LinkClass::leaf_uplink) == Approx(56.0));
  CHECK(seconds(plain, LinkClass::leaf_uplink) == Approx(0.175));
}

TEST_CASE("an all_to_all splits by where the peers are", "[model][link_load]") {
  // 64 GPUs on 8 nodes, 64 GB each: 1 GB to every other GPU. 7 in the node, 56 outside, of which 32
  // under the other leaf: a rail's uplinks carry 4 nodes * 32 GB.
  const LinkLoads loads = link_loads(cluster_of(8), {{.name = "expert",
                                                      .collective = Collective::all_to_all,
                                                      .degree = 64,
                                                      .bytes = 64_GB,
                                                      .calls = 1}});
  CHECK(gigabytes(loads, LinkClass::nvlink) == Approx(7.0));
  CHECK(gigabytes(loads, LinkClass::nic) == Approx(56.0));
  CHECK(gigabytes(loads, LinkClass::leaf_uplink) == Approx(128.0));
}

TEST_CASE("pipeline stages send on and back, the middle ones both", "[model][link_load]") {
  // 4 stages of one node: 1 GB, 3 times, on and back: a GPU of stage 1 sends 3 GB to stage 2 and
  // 3 GB to stage 0.
  Flow pipeline{.name = "pipeline",
                .collective = Collective::send_recv,
                .degree = 4,
                .stride = 8,
                .bytes = 1_GB,
                .calls = 3};
  const LinkLoads loads = link_loads(cluster_of(4), {pipeline});
  CHECK(gigabytes(loads, LinkClass::nic) == Approx(6.0));
  REQUIRE(load_on(loads, LinkClass::nic) != nullptr);
  CHECK(load_on(loads, LinkClass::nic)->from == "node1.nic0");
  // With two stages each sends one way only.
  pipeline.degree = 2;
  CHECK(gigabytes(link_loads(cluster_of(2), {pipeline}), LinkClass::nic) == Approx(3.0));
  // The wrap of interleaving: the last stage sends to the first, 2 of 3 times, and back.
  pipeline.wrap_calls = 2;
  CHECK(gigabytes(link_loads(cluster_of(2), {pipeline}), LinkClass::nic) == Approx(5.0));
}

TEST_CASE("only the ends of the pipeline share a tied embedding", "[model][link_load]") {
  // 4 stages of 2 nodes; all_reduce of 1 GB between first and last: 2 * 1/2 * 1 GB.
  const LinkLoads loads = link_loads(cluster_of(8), {{.name = "tied",
                                                      .collective = Collective::all_reduce,
                                                      .degree = 4,
                                                      .stride = 16,
                                                      .ends_only = true,
                                                      .bytes = 1_GB,
                                                      .calls = 1}});
  CHECK(gigabytes(loads, LinkClass::nic) == Approx(1.0));
}

TEST_CASE("without NVLink a ring goes over the slots and between the sockets",
          "[model][link_load]") {
  // Slots of 25 GB/s, two GPUs on a PCIe switch, four on a socket. all_reduce of 8 GB over 8 GPUs:
  // 14 GB over every edge; one edge leaves each switch.
  Cluster cluster = cluster_of(1);
  cluster.system.intra_node = IntraNode::pcie;
  cluster.system.link_bandwidth = cluster.system.pcie_bandwidth;
  const Flow reduce{.name = "reduce",
                    .collective = Collective::all_reduce,
                    .degree = 8,
                    .bytes = 8_GB,
                    .calls = 1};
  const LinkLoads loads = link_loads(cluster, {reduce});
  CHECK(gigabytes(loads, LinkClass::pcie) == Approx(14.0));
  CHECK(gigabytes(loads, LinkClass::socket) == Approx(14.0));
  CHECK(load_on(loads, LinkClass::nvlink) == nullptr);
  // Four groups of two that are four apart: two GPUs of each switch send through its one uplink,
  // 2 * 8 GB.
  const LinkLoads across = link_loads(cluster, {{.name = "reduce",
                                                 .collective = Collective::all_reduce,
                                                 .degree = 2,
                                                 .stride = 4,
                                                 .bytes = 8_GB,
                                                 .calls = 1}});
  CHECK(gigabytes(across, LinkClass::pcie) == Approx(16.0));
  CHECK(load_on(across, LinkClass::pcie)->from == "node0.pcie0");
  CHECK(gigabytes(across, LinkClass::socket) == Approx(32.0));
  // Cards without peer access send everything up to the CPU: each uplink carries both its GPUs.
  cluster.system.peer_to_peer = false;
  CHECK(gigabytes(link_loads(cluster, {reduce}), LinkClass::pcie) == Approx(28.0));
}

TEST_CASE("nothing is carried where nothing is sent", "[model][link_load]") {
  const LinkLoads none = link_loads(cluster_of(2), {});
  CHECK(none.classes.empty());
  CHECK_FALSE(none.bottleneck);
  const LinkLoads alone =
      link_loads(cluster_of(2), {{.name = "alone", .degree = 1, .bytes = 1_GB, .calls = 1}});
  CHECK(alone.classes.empty());
}

TEST_CASE("a hundred thousand GPUs cost what a hundred do", "[model][link_load]") {
  // The answer is that of two nodes: 12,800 nodes in rings of two neighbours.
  const Flow reduce{.name = "reduce",
                    .collective = Collective::all_reduce,
                    .degree = 2,
                    .stride = 8,
                    .bytes = 1_GB,
                    .calls = 1};
  const LinkLoads loads = link_loads(cluster_of(12800), {reduce});
  CHECK(loads.complete);
  CHECK(gigabytes(loads, LinkClass::nic) == Approx(1.0));
}

TEST_CASE("a dead NIC sends its GPU's bytes through its neighbour", "[model][link_load]") {
  // As above 31/8 GB on every NIC; node 2's NIC 4 is down: its GPU uses NIC 5 beside it, which then
  // carries 31/4 GB.
  Cluster cluster = cluster_of(4);
  const Flow gather{.name = "all_gather",
                    .collective = Collective::all_gather,
                    .degree = 32,
                    .bytes = 32_GB,
                    .calls = 1};
  cluster.failed = {"node2.nic4"};
  const LinkLoads loads = link_loads(cluster, {gather});
  CHECK(gigabytes(loads, LinkClass::nic) == Approx(31.0 / 4));
  REQUIRE(load_on(loads, LinkClass::nic) != nullptr);
  CHECK(load_on(loads, LinkClass::nic)->from == "node2.nic5");
  CHECK(load_on(loads, LinkClass::nic)->to == "unit0.leaf5");
  // A dead leaf does that to every node below it.
  cluster.failed = {"unit0.leaf4"};
  CHECK(gigabytes(link_loads(cluster, {gather}), LinkClass::nic) == Approx(31.0 / 4));
  CHECK(link_loads(cluster, {gather}).cut_off.empty());
  // In a plain fat tree nothing is left.
  Cluster plain = cluster_of(4, FabricType::fat_tree);
  plain.failed = {"unit0.leaf0"};
  CHECK(link_loads(plain, {gather}).cut_off == "node0.gpu0");
  // A wire at half is busy twice as long.
  cluster.failed.clear();
  cluster.degraded = {{"node1.nic0-unit0.leaf0", 0.5}};
  const LinkLoads half = link_loads(cluster, {gather});
  CHECK(gigabytes(half, LinkClass::nic) == Approx(31.0 / 8));
  CHECK(seconds(half, LinkClass::nic) == Approx(31.0 / 40));
  CHECK(load_on(half, LinkClass::nic)->from == "node1.nic0");
}

TEST_CASE("ranks skip a node that is out", "[model][link_load]") {
  // 4 nodes without node 0: a ring over the 24 GPUs that are left, the first of them node 1's.
  Cluster cluster = cluster_of(4);
  cluster.gpus = 0;
  cluster.failed = {"node0"};
  const LinkLoads loads = link_loads(cluster, {{.name = "all_gather",
                                                .collective = Collective::all_gather,
                                                .degree = 24,
                                                .bytes = 24_GB,
                                                .calls = 1}});
  CHECK(gigabytes(loads, LinkClass::nic) == Approx(23.0 / 8));
  REQUIRE(load_on(loads, LinkClass::nic) != nullptr);
  CHECK(load_on(loads, LinkClass::nic)->from == "node1.nic0");
}

TEST_CASE("cores carry what leaves a pod", "[model][link_load]") {
  // Two pods of 4 nodes, one unit each: rings of one rank a node cross twice, 7 GB from each of the
  // 8 rails, over all spines of the pod together. Its leaves have 8 * 4 * 10 GB/s up; at 2:1 the
  // spines have 160 GB/s: 56 / 160 = 0.35 s.
  Cluster cluster = cluster_of(8);
  cluster.fabric.nodes_per_pod = 4;
  cluster.fabric.core_oversubscription = 2.0;
  const LinkLoads loads = link_loads(cluster, {{.name = "all_gather",
                                                .collective = Collective::all_gather,
                                                .degree = 8,
                                                .stride = 8,
                                                .bytes = 8_GB,
                                                .calls = 1}});
  CHECK(seconds(loads, LinkClass::core_uplink) == Approx(0.35));
  REQUIRE(load_on(loads, LinkClass::core_uplink) != nullptr);
  CHECK(load_on(loads, LinkClass::core_uplink)->from == "pod0.spine0");
  CHECK(load_on(loads, LinkClass::core_uplink)->to == "cores");
}
