#include "validate/measure/expected_times.hpp"

#include <fmt/format.h>

#include <utility>

#include "topology/collectives/nccl_model.hpp"
#include "topology/routes.hpp"

namespace lockstep {
namespace {

// As the list of devices of a log.
NcclTable table_of(const MachineFacts& machine) {
  NcclTable table;
  for (const MeasuredGpu& gpu : machine.gpus) {
    NcclDevice device;
    device.rank = static_cast<std::int64_t>(table.devices.size());
    device.host = gpu.host;
    device.name = gpu.name;
    table.devices.push_back(std::move(device));
  }
  return table;
}

// Ranks that are the same number apart lie as a plan's groups do, where the run took all GPUs of
// its nodes; else the group is as nccl-tests would start it alone.
GroupShape shape_of(const Cluster& cluster, const CollectiveSweep& sweep, const RankGroups& groups,
                    std::int64_t ranks_per_node) {
  const auto& first = groups.groups.front();
  const bool whole_nodes = ranks_per_node == cluster.system.gpus_per_node;
  const bool everybody = groups.groups.size() == 1;
  if (everybody || first.size() < 2 || !whole_nodes)
    return spread_group(cluster, sweep.ranks, sweep.nodes);
  GroupShape shape = group_shape(cluster, sweep.ranks, first[1] - first[0]);
  if (!groups.at_once) shape.sibling_groups = 1;
  return shape;
}

}  // namespace

std::string add_predictions(Measurement& measurement, const std::vector<RankGroups>& groups,
                            std::int64_t ranks_per_node, const Catalog& catalog,
                            const Aliases& aliases, const ClusterChoice& choice) {
  const auto ranks = static_cast<std::int64_t>(measurement.machine.gpus.size());
  if (ranks < 2) return {};
  LogClusters clusters(catalog, aliases, choice);
  const LogCluster where = clusters.find(table_of(measurement.machine), std::nullopt, ranks);
  if (!where.unknown.empty())
    return fmt::format("no prediction beside the measurement: {}", where.unknown);
  const Routes ways = routes(where.cluster);
  for (std::size_t i = 0; i < measurement.collectives.size(); ++i) {
    CollectiveSweep& sweep = measurement.collectives[i];
    const nccl::NcclGroup group = nccl::prepare(
        where.cluster, ways, shape_of(where.cluster, sweep, groups[i], ranks_per_node));
    for (CollectivePoint& point : sweep.points) {
      const Bytes bytes{static_cast<double>(point.size_bytes)};
      point.predicted_s = nccl::choose(group, sweep.collective, bytes).time.value();
    }
  }
  if (choice.cluster) return {};
  return fmt::format("predicted as {}, by the GPUs' name; --cluster names the system",
                     where.cluster.system.name);
}

}  // namespace lockstep
