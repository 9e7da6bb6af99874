// Do maximum flow and counting agree, and does less never carry more?
#include <random>

#include "tests/catch.hpp"
#include "tests/support/round_numbers.hpp"
#include "topology/bisection.hpp"

using namespace lockstep;
using lockstep::testing::round_cluster;

namespace {

Cluster random_cluster(std::mt19937& random) {
  const auto pick = [&](std::vector<std::int64_t> from) { return from[random() % from.size()]; };
  Cluster cluster = round_cluster(pick({2, 3, 4, 5, 6, 8}));
  System& system = cluster.system;
  system.gpus_per_node = pick({2, 4, 8});
  system.gpus_per_nvlink_domain = system.gpus_per_node;
  system.nics_per_node = pick({1, system.gpus_per_node / 2, system.gpus_per_node});
  cluster.gpus = 0;
  cluster.fabric.type = static_cast<FabricType>(random() % 3);
  cluster.fabric.nodes_per_leaf = pick({1, 2, 3, 4});
  cluster.fabric.oversubscription = static_cast<double>(pick({1, 2, 4}));
  if (random() % 3 == 0 && cluster.fabric.type != FabricType::single_switch) {
    cluster.fabric.nodes_per_pod = cluster.fabric.nodes_per_leaf * pick({1, 2});
    cluster.fabric.core_oversubscription = static_cast<double>(pick({1, 2}));
  }
  return cluster;
}

}  // namespace

TEST_CASE("maximum flow and counting give one bisection", "[property][bisection]") {
  std::mt19937 random(11);
  for (int turn = 0; turn < 150; ++turn) {
    Cluster cluster = random_cluster(random);
    INFO("turn " << turn << ": " << cluster.nodes << " nodes of " << cluster.system.gpus_per_node
                 << ", " << cluster.system.nics_per_node << " NICs, leaves of "
                 << cluster.fabric.nodes_per_leaf << ", pods of " << cluster.fabric.nodes_per_pod
                 << ", " << cluster.fabric.oversubscription << ":1, fabric "
                 << to_string(cluster.fabric.type));
    const double healthy = bisection_by_flow(cluster).bandwidth.value();
    CHECK(healthy == Approx(bisection_by_counting(cluster).bandwidth.value()));
    // Fewer uplinks, or a NIC less, never give more.
    cluster.failed = {"node1.nic0"};
    const double without = bisection_by_flow(cluster).bandwidth.value();
    CHECK(without == Approx(bisection_by_counting(cluster).bandwidth.value()));
    CHECK(without <= healthy * (1 + 1e-9));
    cluster.failed.clear();
    cluster.fabric.oversubscription *= 2;
    CHECK(bisection_by_counting(cluster).bandwidth.value() <= healthy * (1 + 1e-9));
  }
}
