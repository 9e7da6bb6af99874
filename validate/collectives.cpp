#include "validate/collectives.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "scenarios/calibration_use.hpp"
#include "topology/collectives/nccl_model.hpp"
#include "topology/routes.hpp"
#include "validate/measured_table.hpp"
#include "validate/runs.hpp"

namespace lockstep {
namespace {

std::optional<double> median_from(const std::vector<CollectiveComparison>& rows, std::int64_t smallest) {
  std::vector<double> errors;
  for (const CollectiveComparison& row : rows) {
    const std::optional<double> error = row.error();
    if (error && row.size_bytes >= smallest) errors.push_back(std::fabs(*error));
  }
  return errors.empty() ? std::nullopt : std::optional<double>(quantile(std::move(errors), 0.5));
}

void compare(const MeasuredTable& measured, LogResult& result) {
  const LogCluster& where = measured.where;
  const nccl::NcclGroup group = nccl::prepare(where.cluster, routes(where.cluster), where.shape);
  const bool in_place = !has_out_of_place(measured.table);
  if (in_place) result.assumed.emplace_back("times: in place, the log has no others");
  for (const NcclRow& row : measured.table.rows) {
    if (row.size_bytes == 0) continue;
    const nccl::CollectiveChoice choice =
        nccl::choose(group, *measured.collective, Bytes{static_cast<double>(row.size_bytes)});
    CollectiveComparison one;
    one.size_bytes = row.size_bytes;
    one.predicted_time = choice.time.value();
    one.algorithm = choice.algorithm;
    one.protocol = choice.protocol;
    one.measured_time = time_of(row, in_place);
    result.basis = choice.basis;
    result.rows.push_back(std::move(one));
  }
  const std::size_t wrong = wrong_rows(measured.table);
  if (wrong > 0) result.assumed.push_back(fmt::format("times count although {} rows gave wrong results", wrong));
  result.median_abs_error = median_from(result.rows, 0);
  result.median_abs_error_16mb = median_from(result.rows, large_message_bytes);
  if (!result.median_abs_error) result.status = "no time was measured";
}

LogResult evaluate(const MeasuredTable& measured) {
  LogResult result;
  result.file = measured.file;
  result.collective = measured.collective_name;
  result.gpus = measured.gpus;
  result.nodes = measured.nodes;
  result.system = measured.where.cluster.system.name;
  result.health = measured.health;
  result.status = measured.status;
  result.assumed = measured.where.assumed;
  if (measured.usable()) compare(measured, result);
  return result;
}

}  // namespace

std::optional<double> CollectiveComparison::error() const {
  if (!measured_time) return std::nullopt;
  return predicted_time / *measured_time - 1.0;
}

CollectivesReport validate_collectives(const std::vector<std::string>& files,
                                       const Catalog& catalog, const Aliases& aliases,
                                       const ClusterChoice& choice,
                                       const std::vector<std::string>& calibrations) {
  MeasuredTables measured = read_tables(files, catalog, aliases, choice);
  std::vector<Cluster*> clusters;
  for (MeasuredTable& table : measured.tables) {
    if (table.usable()) clusters.push_back(&table.where.cluster);
  }
  apply_calibrations(calibrations, catalog, clusters);
  CollectivesReport report;
  report.problems = std::move(measured.problems);
  for (const MeasuredTable& table : measured.tables) report.logs.push_back(evaluate(table));
  return report;
}

}  // namespace lockstep
