// The folded graph against the whole one, and what failures may never do, on random small
// clusters.
#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "tests/catch.hpp"
#include "tests/support/round_numbers.hpp"
#include "topology/failures.hpp"
#include "topology/graph.hpp"
#include "topology/routes.hpp"

using namespace lockstep;
using lockstep::testing::round_cluster;

namespace {

class Chance {
 public:
  explicit Chance(unsigned seed) : engine_(seed) {}
  std::size_t below(std::size_t end) { return engine_() % end; }
  template <class T>
  T one_of(const std::vector<T>& all) {
    return all[below(all.size())];
  }

 private:
  std::mt19937 engine_;
};

Cluster random_cluster(Chance& chance) {
  Cluster cluster = round_cluster(1 + static_cast<std::int64_t>(chance.below(12)));
  System& system = cluster.system;
  cluster.gpus = 0;
  system.gpus_per_node = chance.one_of<std::int64_t>({1, 2, 4, 8});
  system.gpus_per_nvlink_domain =
      system.gpus_per_node * chance.one_of<std::int64_t>({1, 1, 1, 2, 3});
  system.nics_per_node = chance.one_of<std::int64_t>({1, 2, 4, 8});
  system.intra_node =
      chance.one_of<IntraNode>({IntraNode::nvswitch, IntraNode::nvswitch, IntraNode::pcie,
                                IntraNode::nvlink_mesh, IntraNode::nvlink_bridge});
  if (system.intra_node != IntraNode::nvswitch)
    system.gpus_per_nvlink_domain = system.gpus_per_node;
  system.nvswitch_planes = chance.one_of<std::int64_t>({1, 2, 3});
  system.gpus_per_pcie_switch = chance.one_of<std::int64_t>({0, 1, 2, 4});
  cluster.fabric.type = chance.one_of<FabricType>(
      {FabricType::rail_optimized, FabricType::fat_tree, FabricType::single_switch});
  cluster.fabric.nodes_per_leaf = chance.one_of<std::int64_t>({1, 2, 3, 4});
  cluster.fabric.oversubscription = chance.one_of<double>({1.0, 2.0, 4.0});
  cluster.fabric.spines = chance.one_of<std::int64_t>({0, 0, 3});
  if (chance.below(3) == 0) {
    cluster.fabric.nodes_per_pod = 2 * cluster.fabric.nodes_per_leaf;
    cluster.fabric.core_oversubscription = chance.one_of<double>({1.0, 2.0});
  }
  return cluster;
}

// A part or a link of it that takes no node out.
std::string random_failure(const Cluster& cluster, Chance& chance) {
  const ClusterGraph graph{cluster, Extent::whole};
  for (;;) {
    Cluster damaged = cluster;
    if (chance.below(2) == 0) {
      damaged.failed.push_back(name(chance.one_of(graph.parts())));
    } else {
      const std::vector<Link> links = graph.links();
      if (links.empty()) continue;
      const Link& link = links[chance.below(links.size())];
      damaged.failed.push_back(link.from + "-" + link.to);
    }
    if (nodes_out(damaged).size() == nodes_out(cluster).size()) return damaged.failed.back();
  }
}

void require_alike(const Routes& a, const Routes& b, const Cluster& cluster) {
  const std::int64_t domain = cluster.system.gpus_per_nvlink_domain;
  const bool one_node = domain <= cluster.system.gpus_per_node;
  // Of a domain of several nodes the folded graph lists some: groups that cut it differ there.
  for (std::int64_t ranks = one_node ? 2 : domain; ranks <= domain; ++ranks)
    CHECK(a.link(ranks).value() == Approx(b.link(ranks).value()));
  CHECK(a.in_domain_bottleneck == b.in_domain_bottleneck);
  CHECK(a.nic == b.nic);
  CHECK(a.node_network.value() == Approx(b.node_network.value()));
  CHECK(a.gpu_network.value() == Approx(b.gpu_network.value()));
  CHECK(a.network_bottleneck == b.network_bottleneck);
  CHECK(a.nic_path == b.nic_path);
  CHECK(a.farthest_nic_path == b.farthest_nic_path);
  CHECK(a.uplink_share == Approx(b.uplink_share));
  CHECK(a.core_share == Approx(b.core_share));
}

}  // namespace

TEST_CASE("graph: the folded graph and the whole one agree on routes, counts and ways") {
  Chance chance(1);
  for (int turn = 0; turn < 400; ++turn) {
    Cluster cluster = random_cluster(chance);
    const std::size_t failures = chance.below(4);
    for (std::size_t i = 0; i < failures; ++i)
      cluster.failed.push_back(random_failure(cluster, chance));
    if (chance.below(4) == 0 && cluster.nodes > 2) cluster.failed.push_back("node1");
    CAPTURE(turn, cluster.nodes, cluster.failed, cluster.system.gpus_per_node,
            cluster.system.gpus_per_nvlink_domain, cluster.fabric.nodes_per_leaf);
    REQUIRE(failure_problems(cluster).empty());
    const ClusterGraph folded{cluster}, whole{cluster, Extent::whole};
    require_alike(routes(cluster, folded), routes(cluster, whole), cluster);
    for (const PartKind kind :
         {PartKind::gpu, PartKind::nvswitch, PartKind::pcie_switch, PartKind::cpu, PartKind::nic})
      CHECK(folded.count(kind) == whole.count(kind));
    if (cluster.system.nics_per_node > 0) {
      for (const PartKind kind : {PartKind::leaf, PartKind::spine, PartKind::core})
        CHECK(folded.count(kind) == whole.count(kind));
    }
    for (int pair = 0; pair < 3; ++pair) {
      const std::string a = name(chance.one_of(folded.parts()));
      const std::string b = name(chance.one_of(folded.parts()));
      CAPTURE(a, b);
      CHECK(folded.widest_route(a, b).bandwidth.value() ==
            Approx(whole.widest_route(a, b).bandwidth.value()));
      CHECK(folded.hops(a, b) == whole.hops(a, b));
      CHECK(folded.path_kind(a, b) == whole.path_kind(a, b));
    }
  }
}

TEST_CASE("graph: the links of the folded graph stand for all links of the whole one") {
  Chance chance(2);
  for (int turn = 0; turn < 200; ++turn) {
    const Cluster cluster = random_cluster(chance);
    CAPTURE(turn, cluster.nodes, cluster.fabric.nodes_per_leaf, cluster.fabric.nodes_per_pod);
    const auto totals = [](const ClusterGraph& graph) {
      std::vector<double> sums(6, 0.0);
      for (const PartLink& link : graph.part_links())
        sums[static_cast<std::size_t>(link.kind)] +=
            link.bandwidth.value() * static_cast<double>(link.multiplicity);
      return sums;
    };
    const std::vector<double> folded = totals(ClusterGraph{cluster});
    const std::vector<double> whole = totals(ClusterGraph{cluster, Extent::whole});
    for (std::size_t kind = 0; kind < folded.size(); ++kind)
      CHECK(folded[kind] == Approx(whole[kind]));
  }
}

TEST_CASE("graph: one failure more never widens a route") {
  Chance chance(3);
  for (int turn = 0; turn < 400; ++turn) {
    Cluster cluster = random_cluster(chance);
    Routes before = routes(cluster);
    for (int failures = 0; failures < 4; ++failures) {
      cluster.failed.push_back(random_failure(cluster, chance));
      CAPTURE(turn, cluster.failed);
      const Routes after = routes(cluster);
      constexpr double rounding = 1.0 + 1e-12;
      for (std::int64_t ranks = 2; ranks <= cluster.system.gpus_per_nvlink_domain; ++ranks)
        CHECK(after.link(ranks) <= before.link(ranks) * rounding);
      CHECK(after.node_network <= before.node_network * rounding);
      CHECK(after.nic <= before.nic * rounding);
      // A leaf that is gone is no longer the narrowest.
      if (cluster.failed.back().find(".leaf") == std::string::npos ||
          cluster.failed.back().find('-') != std::string::npos)
        CHECK(after.uplink_share <= before.uplink_share * rounding);
      CHECK(after.core_share <= before.core_share * rounding);
      CHECK(after.nvlink_ranks <= before.nvlink_ranks);
      before = after;
    }
  }
}

TEST_CASE("graph: which of a domain's GPUs, NICs or planes fails makes no difference") {
  Cluster cluster = round_cluster(40);
  cluster.system.nvswitch_planes = 4;
  const auto with = [&](const std::string& failed) {
    Cluster damaged = cluster;
    damaged.failed = {failed};
    return routes(damaged);
  };
  const Routes link = with("node0.gpu0-node0.nvswitch0"), nic = with("node0.nic0");
  Chance chance(4);
  for (int turn = 0; turn < 50; ++turn) {
    const std::string node = "node" + std::to_string(chance.below(40));
    const std::string gpu = node + ".gpu" + std::to_string(chance.below(8));
    const std::string plane = node + ".nvswitch" + std::to_string(chance.below(4));
    const Routes other = with(gpu + "-" + plane);
    for (const std::int64_t ranks : {2, 4, 8}) CHECK(other.link(ranks) == link.link(ranks));
    CHECK(other.node_network == link.node_network);
    const Routes other_nic = with(node + ".nic" + std::to_string(chance.below(8)));
    CHECK(other_nic.node_network == nic.node_network);
    CHECK(other_nic.gpu_network == nic.gpu_network);
  }
}

TEST_CASE("graph: more oversubscription and slower links never widen a route") {
  Chance chance(5);
  for (int turn = 0; turn < 100; ++turn) {
    Cluster cluster = random_cluster(chance);
    const Routes before = routes(cluster);
    Cluster slower = cluster;
    slower.fabric.oversubscription *= 1.5;
    slower.fabric.core_oversubscription *= 1.5;
    CHECK(routes(slower).uplink_share <= before.uplink_share);
    CHECK(routes(slower).core_share <= before.core_share);
    const std::vector<Link> links = ClusterGraph{cluster, Extent::whole}.links();
    if (links.empty()) continue;
    const Link& link = links[chance.below(links.size())];
    cluster.degraded = {{link.from + "-" + link.to, 0.3}};
    CAPTURE(cluster.degraded.front().link);
    const Routes after = routes(cluster);
    CHECK(after.link(cluster.system.gpus_per_nvlink_domain) <=
          before.link(cluster.system.gpus_per_nvlink_domain));
    CHECK(after.node_network <= before.node_network);
    CHECK(after.gpu_network <= before.gpu_network);
  }
}

TEST_CASE("graph: a hundred thousand GPUs are described by some hundred parts") {
  Cluster cluster = round_cluster(16'384);
  cluster.system.nvswitch_planes = 4;
  cluster.fabric.nodes_per_pod = 1024;
  cluster.failed = {"node9999.nic3", "unit77.leaf1", "pod3.spine5"};
  const ClusterGraph graph{cluster};
  CHECK(graph.parts().size() < 500);
  CHECK(graph.count(PartKind::gpu) == 131'072);
  CHECK(graph.count(PartKind::nic) == 131'071);
}
