#include <algorithm>
#include <map>
#include <numeric>
#include <set>
#include <tuple>
#include <vector>

#include "tests/catch.hpp"
#include "tests/support/round_numbers.hpp"
#include "topology/collectives/collective_model.hpp"

using namespace lockstep;
using lockstep::testing::round_cluster;

namespace {

constexpr Collective every_collective[] = {Collective::all_reduce,     Collective::all_gather,
                                           Collective::reduce_scatter, Collective::broadcast,
                                           Collective::reduce,         Collective::all_to_all,
                                           Collective::send_recv};

// 8 GPUs a node and leaves of 4 nodes.
Cluster full_cluster(std::int64_t nodes) {
  Cluster cluster = round_cluster(nodes);
  cluster.fabric = {FabricType::fat_tree, 2.0, 4};
  return cluster;
}

// (degree, stride) of groups inside a node, over nodes with siblings, and over leaves.
constexpr std::pair<std::int64_t, std::int64_t> groups[] = {{2, 1},  {8, 1},  {4, 2},   {16, 1},
                                                            {64, 1}, {8, 8},  {2, 32},  {16, 4},
                                                            {3, 5},  {12, 1}, {128, 1}, {16, 8}};

CollectiveCost cost(const Cluster& cluster, std::pair<std::int64_t, std::int64_t> group,
                    Collective collective, Bytes bytes) {
  return collective_cost(cluster, group_shape(cluster, group.first, group.second), collective,
                         bytes);
}

// The shape by listing every rank of every group.
GroupShape enumerate(const Cluster& cluster, std::int64_t degree, std::int64_t stride) {
  const std::int64_t domain = cluster.system.gpus_per_nvlink_domain;
  const std::int64_t node = cluster.system.gpus_per_node;
  const std::int64_t leaf = node * cluster.fabric.nodes_per_leaf;
  GroupShape shape{degree, 0, 0, 0, 0, 0};
  std::map<std::int64_t, std::int64_t> groups_in_domain;
  for (std::int64_t start = 0; start + degree * stride <= cluster.gpus; start += degree * stride) {
    for (std::int64_t offset = 0; offset < stride; ++offset) {
      std::map<std::int64_t, std::int64_t> ranks_in_domain;
      std::set<std::int64_t> leaves, nodes;
      for (std::int64_t i = 0; i < degree; ++i) {
        const std::int64_t gpu = start + offset + i * stride;
        ++ranks_in_domain[gpu / domain];
        leaves.insert(gpu / leaf);
        nodes.insert(gpu / node);
      }
      const auto count = [](const auto& set) { return static_cast<std::int64_t>(set.size()); };
      shape.domains = std::max(shape.domains, count(ranks_in_domain));
      shape.leaves = std::max(shape.leaves, count(leaves));
      shape.nodes = std::max(shape.nodes, count(nodes));
      for (const auto& [number, ranks] : ranks_in_domain) {
        shape.ranks_per_domain = std::max(shape.ranks_per_domain, ranks);
        shape.sibling_groups = std::max(shape.sibling_groups, ++groups_in_domain[number]);
      }
    }
  }
  return shape;
}

auto members(const GroupShape& shape) {
  return std::tuple(shape.ranks, shape.domains, shape.ranks_per_domain, shape.sibling_groups,
                    shape.leaves, shape.nodes);
}

}  // namespace

TEST_CASE("placement: the closed form agrees with listing every rank") {
  std::int64_t cases = 0;
  for (const std::int64_t gpus_per_node : {1, 2, 3, 4, 8}) {
    for (const std::int64_t domain : {1, 2, 3, 4, 6, 8, 9, 12, 16}) {
      for (const std::int64_t nodes_per_leaf : {1, 3, 4}) {
        for (std::int64_t gpus = 1; gpus <= 40; ++gpus) {
          Cluster cluster = round_cluster(40);
          cluster.system.gpus_per_node = gpus_per_node;
          cluster.system.gpus_per_nvlink_domain = domain;
          cluster.fabric.nodes_per_leaf = nodes_per_leaf;
          cluster.gpus = gpus;
          for (std::int64_t degree = 1; degree <= gpus; ++degree) {
            for (std::int64_t stride = 1; degree * stride <= gpus; ++stride) {
              const GroupShape found = group_shape(cluster, degree, stride);
              const GroupShape listed = enumerate(cluster, degree, stride);
              ++cases;
              if (members(found) == members(listed)) continue;
              CAPTURE(gpus_per_node, domain, nodes_per_leaf, gpus, degree, stride);
              REQUIRE(members(found) == members(listed));
            }
          }
        }
      }
    }
  }
  CHECK(cases > 300000);
}

TEST_CASE("placement: a cluster of a hundred thousand GPUs costs no more than a small one") {
  const Cluster cluster = round_cluster(12500);
  const GroupShape all = group_shape(cluster, 100000, 1);
  CHECK(all.domains == 12500);
  CHECK(all.ranks_per_domain == 8);
  CHECK(all.sibling_groups == 1);
  CHECK(all.leaves == 391);  // 12,500 nodes by 32
  const GroupShape data = group_shape(cluster, 12500, 8);
  CHECK(data.ranks_per_domain == 1);
  CHECK(data.sibling_groups == 8);
}

TEST_CASE("placement: a single switch is one leaf") {
  Cluster cluster = round_cluster(64);
  cluster.fabric = {FabricType::single_switch, 1.0, 4};
  CHECK(group_shape(cluster, 512, 1).leaves == 1);
}

TEST_CASE("collective cost: a group of one is free, and so are no bytes") {
  const Cluster cluster = full_cluster(16);
  for (const Collective collective : every_collective) {
    CHECK(cost(cluster, {1, 1}, collective, 1_GB).time == Seconds{});
    CHECK(cost(cluster, {8, 1}, collective, Bytes{}).time == Seconds{});
  }
}

TEST_CASE("collective cost: time never falls as bytes grow, and is linear once latency is off") {
  const Cluster cluster = full_cluster(16);
  for (const Collective collective : every_collective) {
    for (const auto& group : groups) {
      Seconds before;
      for (double bytes = 1.0; bytes < 1e12; bytes *= 7.0) {
        const CollectiveCost now = cost(cluster, group, collective, Bytes{bytes});
        CHECK(now.time > before);
        CHECK(now.time >= now.latency);
        before = now.time;
      }
      const CollectiveCost one = cost(cluster, group, collective, 100_GB);
      const CollectiveCost two = cost(cluster, group, collective, 200_GB);
      CHECK((two.time - two.latency) / (one.time - one.latency) == Approx(2.0));
    }
  }
}

TEST_CASE("collective cost: more bandwidth anywhere never costs time") {
  const Cluster base = full_cluster(16);
  Cluster faster[4] = {base, base, base, base};
  faster[0].system.nic_bandwidth.value *= 2.0;
  faster[1].system.link_bandwidth.value *= 2.0;
  faster[2].system.nics_per_node *= 2;
  faster[3].fabric.oversubscription = 1.0;
  for (const Collective collective : every_collective) {
    for (const auto& group : groups) {
      const Seconds time = cost(base, group, collective, 1_GB).time;
      for (const Cluster& cluster : faster) {
        CHECK(cost(cluster, group, collective, 1_GB).time.value() <= time.value() * (1.0 + 1e-12));
      }
    }
  }
}

TEST_CASE("collective cost: unlimited links leave what NCCL's channels carry") {
  const Cluster base = full_cluster(16);
  Cluster cluster = base;
  cluster.system.nic_bandwidth.value = cluster.system.link_bandwidth.value = 1e30;
  for (const Collective collective : every_collective) {
    for (const auto& group : groups) {
      const CollectiveCost result = cost(cluster, group, collective, 1_GB);
      CHECK(result.time > Seconds{});
      CHECK(result.time <= cost(base, group, collective, 1_GB).time);
    }
  }
}

TEST_CASE("collective cost: a ring's all-reduce is a reduce-scatter and an all-gather") {
  const Cluster cluster = full_cluster(16);
  for (const auto& group : groups) {
    const auto transfer = [&](Collective collective) {
      const CollectiveCost result = cost(cluster, group, collective, 1_GB);
      return (result.time - result.latency).value();
    };
    const double parts = transfer(Collective::reduce_scatter) + transfer(Collective::all_gather);
    if (cost(cluster, group, Collective::all_reduce, 1_GB).algorithm == "ring") {
      CHECK(transfer(Collective::all_reduce) == Approx(parts));
    } else {
      CHECK(transfer(Collective::all_reduce) < parts);  // NCCL's trees beat it over slow networks
    }
  }
}

TEST_CASE("collective cost: siblings never speed a group up") {
  const Cluster cluster = full_cluster(16);
  for (const Collective collective : every_collective) {
    Seconds before;
    for (const std::int64_t siblings : {1, 2, 4, 8}) {
      const GroupShape shape{4, 4, 1, siblings, 1, 4};
      const Seconds time = collective_cost(cluster, shape, collective, 1_GB).time;
      CHECK(time >= before);
      before = time;
    }
  }
}

TEST_CASE("collective cost: given routes and routes built on the way agree") {
  const Cluster cluster = full_cluster(16);
  const Routes ready = routes(cluster);
  for (const Collective collective : every_collective) {
    for (const auto& group : groups) {
      const GroupShape shape = group_shape(cluster, group.first, group.second);
      CHECK(collective_cost(cluster, ready, shape, collective, 1_GB).time ==
            collective_cost(cluster, shape, collective, 1_GB).time);
    }
  }
}

TEST_CASE("collective cost: bus bandwidth is what nccl-tests would print") {
  const Cluster cluster = full_cluster(16);
  for (const Collective collective : every_collective) {
    for (const auto& group : groups) {
      const CollectiveCost result = cost(cluster, group, collective, 100_GB);
      CHECK(result.bus_bandwidth.rate().value() ==
            Approx(100e9 / result.time.value() * bus_factor(collective, group.first)));
    }
  }
}
