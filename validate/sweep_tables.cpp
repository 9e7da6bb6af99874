#include "validate/sweep_tables.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "validate/kernel_checks.hpp"

namespace lockstep {
namespace {

NcclTiming timing_of(const std::optional<CollectiveSide>& side, double bytes) {
  NcclTiming timing;
  if (!side) return timing;
  timing.time = side->time.median_s;
  if (side->time.median_s > 0) timing.algorithm_bandwidth = bytes / side->time.median_s;
  if (side->wrong) timing.wrong = std::to_string(*side->wrong);
  return timing;
}

NcclTable table_of(const CollectiveSweep& sweep) {
  NcclTable table;
  for (const CollectivePoint& point : sweep.points) {
    NcclRow row;
    row.size_bytes = point.size_bytes;
    row.count = point.count;
    row.type = sweep.type;
    row.redop = sweep.redop;
    row.out_of_place = timing_of(point.out_of_place, static_cast<double>(point.size_bytes));
    row.in_place = timing_of(point.in_place, static_cast<double>(point.size_bytes));
    table.rows.push_back(std::move(row));
  }
  return table;
}

// "rank 3 (gpu2 of node1) …" would need the placement; the rank is what the run printed.
std::string slow_rank(const CollectiveSweep& sweep) {
  // Of a broadcast and a reduce the ranks are done at different times by their nature.
  const bool by_nature =
      sweep.collective == Collective::broadcast || sweep.collective == Collective::reduce;
  if (sweep.backend != "nccl" || by_nature || sweep.rank_slowness.empty()) return {};
  const auto slowest = std::max_element(sweep.rank_slowness.begin(), sweep.rank_slowness.end());
  if (*slowest <= most_slower) return {};
  return fmt::format(
      "rank {} takes {:.2f} times as long as the fastest rank: a power cap, heat, a "
      "bad link, or another program on its GPU",
      slowest - sweep.rank_slowness.begin(), *slowest);
}

}  // namespace

SweepTables sweep_tables(const Measurement& measurement, const std::string& file,
                         const Catalog& catalog, const Aliases& aliases,
                         const ClusterChoice& choice) {
  SweepTables result;
  for (const CollectiveSweep& sweep : measurement.collectives) {
    MeasuredTable table;
    table.file = file;
    table.source = file;
    table.date = measurement.machine.date;
    table.nccl_version = sweep.backend == "nccl" ? measurement.machine.nccl : std::string{};
    table.collective = sweep.collective;
    table.collective_name = to_string(sweep.collective);
    table.gpus = sweep.ranks;
    table.nodes = sweep.nodes;
    table.registered = sweep.registered;
    table.table = table_of(sweep);
    for (const MeasuredGpu& gpu : measurement.machine.gpus)
      table.table.devices.push_back({0, 0, gpu.host, gpu.name});
    ClusterChoice own = choice;
    own.nodes = sweep.nodes;
    const std::vector<std::string> systems = catalog.names("systems");
    const std::string& name = measurement.machine.system;
    if (!own.cluster && !name.empty()) {
      if (std::find(systems.begin(), systems.end(), name) == systems.end()) {
        table.status = fmt::format("refused: the system '{}' is not in the catalog", name);
        result.tables.push_back(std::move(table));
        continue;
      }
      Cluster cluster;
      cluster.system = catalog.system(name);
      own.cluster = cluster;
    }
    LogClusters clusters(catalog, aliases, own);
    table.where = clusters.find(table.table, std::nullopt, sweep.ranks);
    const std::string slow = slow_rank(sweep);
    if (sweep.ranks < 2) {
      table.status = "one rank only: nothing was communicated";
    } else if (!table.where.unknown.empty()) {
      table.status = "refused: " + table.where.unknown;
    } else if (sweep.groups > 1) {
      table.status = fmt::format(
          "{} groups at the same time: shown only, a calibration holds groups "
          "alone",
          sweep.groups);
    } else if (!slow.empty()) {
      table.status = "refused: " + slow;
    }
    if (sweep.backend != "nccl" && table.usable()) {
      table.where.assumed.push_back(sweep.backend + " instead of NCCL");
      table.source += ", by " + sweep.backend + " instead of NCCL";
    }
      table.source += ", by " + sweep.backend + " instead of NCCL";
    if (sweep.registered) table.where.assumed.emplace_back("registered buffers");
    result.tables.push_back(std::move(table));
  }
  return result;
}

}  // namespace lockstep
