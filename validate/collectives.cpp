#include "validate/collectives.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "topology/collectives/nccl_model.hpp"
#include "topology/routes.hpp"
#include "validate/nccl_log_line.hpp"
#include "validate/nccl_subject.hpp"
#include "validate/runs.hpp"

namespace lockstep {
namespace {

// Some tables hold in-place times only.
bool has_out_of_place(const NcclTable& table) {
  return std::any_of(table.rows.begin(), table.rows.end(),
                     [](const NcclRow& row) { return row.out_of_place.time.value_or(0.0) > 0.0; });
}

std::optional<double> median_from(const std::vector<CollectiveComparison>& rows, std::int64_t smallest) {
  std::vector<double> errors;
  for (const CollectiveComparison& row : rows) {
    const std::optional<double> error = row.error();
    if (error && row.size_bytes >= smallest) errors.push_back(std::fabs(*error));
  }
  return errors.empty() ? std::nullopt : std::optional<double>(quantile(std::move(errors), 0.5));
}

void compare(const NcclTable& table, const LogCluster& where, Collective collective, LogResult& result) {
  const nccl::NcclGroup group = nccl::prepare(where.cluster, routes(where.cluster), where.shape);
  const bool in_place = !has_out_of_place(table);
  if (in_place) result.assumed.emplace_back("times: in place, the log has no others");
  for (const NcclRow& row : table.rows) {
    if (row.size_bytes == 0) continue;
    const nccl::CollectiveChoice choice =
        nccl::choose(group, collective, Bytes{static_cast<double>(row.size_bytes)});
    CollectiveComparison one;
    one.size_bytes = row.size_bytes;
    one.predicted_time = choice.time.value();
    one.algorithm = choice.algorithm;
    one.protocol = choice.protocol;
    const std::optional<double>& measured = in_place ? row.in_place.time : row.out_of_place.time;
    if (measured.value_or(0.0) > 0.0) one.measured_time = measured;
    result.rows.push_back(std::move(one));
  }
  const auto wrong = std::count_if(table.rows.begin(), table.rows.end(), [](const NcclRow& row) {
    return whole_number(row.out_of_place.wrong).value_or(0) > 0 || whole_number(row.in_place.wrong).value_or(0) > 0;
  });
  if (wrong > 0) result.assumed.push_back(fmt::format("times count although {} rows gave wrong results", wrong));
  result.median_abs_error = median_from(result.rows, 0);
  result.median_abs_error_16mb = median_from(result.rows, large_message_bytes);
  if (!result.median_abs_error) result.status = "no time was measured";
}

LogResult evaluate(const NcclLog& log, const NcclTable& table, const std::optional<LogMetadata>& metadata,
                   LogClusters& clusters) {
  LogResult result;
  result.file = log.source->name();
  if (metadata) result.health = metadata->health;
  const NcclSubject subject = identify(log, table, metadata);
  result.collective = subject.collective ? to_string(*subject.collective) : subject.name;
  result.gpus = subject.gpus;
  LogCluster where = clusters.find(table, metadata, subject.gpus);
  result.system = where.cluster.system.name;
  result.assumed = std::move(where.assumed);
  if (where.unknown.empty()) result.nodes = where.cluster.nodes;
  if (!subject.collective) {
    result.status = subject.unknown;
  } else if (subject.gpus == 1) {
    result.status = "one GPU only: nothing was communicated";
  } else if (!where.unknown.empty()) {
    result.status = where.unknown;
  } else if (subject.gpus == 0 && !clusters.states_gpus()) {
    result.status = subject.unknown;
  } else if (subject.gpus == 0 && (where.shape.ranks < subject.fewest || where.shape.ranks > subject.most)) {
    result.status = fmt::format("{} GPUs of that cluster: {}", where.shape.ranks, subject.unknown);
  } else {
    if (subject.gpus == 0) result.assumed.push_back(fmt::format("gpus: {}", where.shape.ranks));
    result.gpus = where.shape.ranks;
    compare(table, where, *subject.collective, result);
  }
  return result;
}

std::optional<LogMetadata> notes_beside(const std::string& file) {
  const auto notes = log_metadata_file(file);
  return notes ? std::optional<LogMetadata>(load_log_metadata(*notes)) : std::nullopt;
}

}  // namespace

std::optional<double> CollectiveComparison::error() const {
  if (!measured_time) return std::nullopt;
  return predicted_time / *measured_time - 1.0;
}

CollectivesReport validate_collectives(const std::vector<std::string>& files, const Catalog& catalog,
                                       const Aliases& aliases, const ClusterChoice& choice) {
  CollectivesReport report;
  LogClusters clusters(catalog, aliases, choice);
  const auto unreadable = [&](const std::string& file, const InputError& error) {
    LogResult result;
    result.file = file;
    result.status = "not read: " + error.diagnostics().front().message;
    report.logs.push_back(std::move(result));
    report.problems.insert(report.problems.end(), error.diagnostics().begin(), error.diagnostics().end());
  };
  for (const std::string& file : files) {
    std::optional<NcclLog> log;
    std::optional<LogMetadata> metadata;
    try {
      log = load_nccl_log(file);
      metadata = notes_beside(file);
    } catch (const InputError& error) {
      unreadable(file, error);
      continue;
    }
    for (const NcclTable& table : log->tables) {
      try {
        report.logs.push_back(evaluate(*log, table, metadata, clusters));
      } catch (const InputError& error) {
        unreadable(file, error);
      }
    }
  }
  return report;
}

}  // namespace lockstep
