// Does NCCL's model keep the order of things: more bandwidth, fewer bytes, fewer siblings?
#include "tests/catch.hpp"
#include "tests/support/nccl_cluster.hpp"

using namespace lockstep;
using namespace lockstep::testing;

namespace {

// A choice may change with the bandwidth, from one that the ranking model rates too well to
// another.
constexpr double change_of_choice = 1.25;

Seconds time_of(const Cluster& cluster, const GroupShape& shape, Collective collective,
                Bytes bytes) {
  return nccl::choose(nccl::prepare(cluster, routes(cluster), shape), collective, bytes).time;
}

const Cluster clusters[] = {
    h100(4), a100(4), nvlink_cluster("hopper", 4, 18, 4, 200.0, 8, IntraNode::nvlink_mesh),
    nvlink_cluster("blackwell", 8, 18, 8, 400.0, 4), nvlink_cluster("ampere", 8, 12, 1, 100.0, 2)};

}  // namespace

TEST_CASE("NCCL model: a slower NIC never speeds a large collective up") {
  for (Cluster cluster : clusters) {
    const GroupShape shape =
        spread_group(cluster, cluster.nodes * cluster.system.gpus_per_node, cluster.nodes);
    for (const Collective collective : all_collectives) {
      Seconds before;
      for (int step = 0; step < 6; ++step) {
        const Seconds time = time_of(cluster, shape, collective, 16_GiB);
        CHECK(time.value() >= before.value() * (1.0 - 1e-12));
        before = time;
        cluster.system.nic_bandwidth.value /= 2.0;
      }
      cluster.system.nic_bandwidth.value *= 64.0;
    }
  }
}

TEST_CASE("NCCL model: fewer NVLinks never speed a large collective up") {
  for (const int links : {18, 12, 6, 4}) {
    for (const Collective collective : all_collectives) {
      const Cluster more = nvlink_cluster("hopper", 8, links, 8, 400.0, 1);
      const Cluster fewer = nvlink_cluster("hopper", 8, links / 2, 8, 400.0, 1);
      const GroupShape shape = spread_group(more, 8, 1);
      CHECK(time_of(fewer, shape, collective, 1_GiB) >= time_of(more, shape, collective, 1_GiB));
    }
  }
}

TEST_CASE("NCCL model: siblings and oversubscription never speed a group up") {
  for (Cluster cluster : clusters) {
    cluster.fabric = {FabricType::fat_tree, 1.0, 1};
    GroupShape shape = spread_group(cluster, 2 * cluster.nodes, cluster.nodes);
    for (const Collective collective : all_collectives) {
      Seconds before;
      for (const std::int64_t siblings : {1, 2, 4, 8}) {
        shape.sibling_groups = siblings;
        const Seconds time = time_of(cluster, shape, collective, 1_GiB);
        CHECK(time >= before);
        before = time;
      }
      for (const double oversubscription : {2.0, 4.0}) {
        cluster.fabric.oversubscription = oversubscription;
        const Seconds time = time_of(cluster, shape, collective, 1_GiB);
        CHECK(time >= before);
        before = time;
      }
      cluster.fabric.oversubscription = 1.0;
    }
  }
}

TEST_CASE("NCCL model: more bytes take no less time but for a change of choice") {
  for (const Cluster& cluster : clusters) {
    const GroupShape shape =
        spread_group(cluster, cluster.nodes * cluster.system.gpus_per_node, cluster.nodes);
    const nccl::NcclGroup group = nccl::prepare(cluster, routes(cluster), shape);
    for (const Collective collective : all_collectives) {
      nccl::CollectiveChoice before;
      for (double bytes = 8.0; bytes < 1e11; bytes *= 2.0) {
        const nccl::CollectiveChoice now = nccl::choose(group, collective, Bytes{bytes});
        CHECK(now.time.value() * change_of_choice >= before.time.value());
        CHECK(now.time >= now.latency);
        before = now;
      }
    }
  }
}

TEST_CASE("NCCL model: the choice is the least of the alternatives in NCCL's model") {
  for (const Cluster& cluster : clusters) {
    const GroupShape shape =
        spread_group(cluster, cluster.nodes * cluster.system.gpus_per_node, cluster.nodes);
    const nccl::NcclGroup group = nccl::prepare(cluster, routes(cluster), shape);
    for (const Collective collective :
         {Collective::all_reduce, Collective::all_gather, Collective::broadcast}) {
      for (const Bytes bytes : {Bytes{64.0}, Bytes{1e6}, Bytes{1e9}}) {
        const nccl::CollectiveChoice choice = nccl::choose(group, collective, bytes);
        const auto all = nccl::alternatives(group, collective, bytes);
        REQUIRE(all.size() == nccl::methods().size() * nccl::protocol_count);
        CHECK(std::string(all.front().algorithm) == choice.algorithm);
        CHECK(all.front().nccl_time == choice.nccl_time);
        CHECK(all.front().time == choice.time);
        for (const nccl::Alternative& other : all)
          CHECK((other.off != nullptr || other.nccl_time >= choice.nccl_time));
      }
    }
  }
}

TEST_CASE("NCCL model: collective_cost is prepare and choose") {
  const Cluster cluster = h100(4);
  const GroupShape shape = group_shape(cluster, 32, 1);
  const Routes ready = routes(cluster);
  const CollectiveCost cost = collective_cost(cluster, ready, shape, Collective::all_reduce, 1_GB);
  const nccl::CollectiveChoice choice =
      nccl::choose(nccl::prepare(cluster, ready, shape), Collective::all_reduce, 1_GB);
  CHECK(cost.time == choice.time);
  CHECK(cost.algorithm == choice.algorithm);
  CHECK(cost.protocol == choice.protocol);
}
