#include "validate/measured_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "validate/nccl_log_line.hpp"
#include "validate/nccl_subject.hpp"

namespace lockstep {
namespace {

void describe(const NcclLog& log, const std::optional<LogMetadata>& metadata,
              MeasuredTable& result) {
  result.file = log.source->name();
  result.source = result.file;
  result.nccl_version = log.nccl_version;
  if (!metadata) return;
  result.health = metadata->health;
  result.date = metadata->word("date");
  if (!metadata->word("source").empty()) result.source = metadata->word("source");
  if (result.nccl_version.empty()) result.nccl_version = metadata->word("nccl_version");
}

MeasuredTable measured(const NcclLog& log, const NcclTable& table,
                       const std::optional<LogMetadata>& metadata, LogClusters& clusters) {
  MeasuredTable result;
  describe(log, metadata, result);
  result.table = table;
  const NcclSubject subject = identify(log, table, metadata);
  result.collective = subject.collective;
  result.collective_name = subject.collective ? to_string(*subject.collective) : subject.name;
  result.gpus = subject.gpus;
  result.where = clusters.find(table, metadata, subject.gpus);
  const LogCluster& where = result.where;
  if (where.unknown.empty()) result.nodes = where.cluster.nodes;
  if (!subject.collective) {
    result.status = subject.unknown;
  } else if (subject.gpus == 1) {
    result.status = "one GPU only: nothing was communicated";
  } else if (!where.unknown.empty()) {
    result.status = where.unknown;
  } else if (subject.gpus == 0 && !clusters.states_gpus()) {
    result.status = subject.unknown;
  } else if (subject.gpus == 0 &&
             (where.shape.ranks < subject.fewest || where.shape.ranks > subject.most)) {
    result.status = fmt::format("{} GPUs of that cluster: {}", where.shape.ranks, subject.unknown);
  } else {
    if (subject.gpus == 0)
      result.where.assumed.push_back(fmt::format("gpus: {}", where.shape.ranks));
    result.gpus = where.shape.ranks;
  }
  return result;
}

std::optional<LogMetadata> notes_beside(const std::string& file) {
  const auto notes = log_metadata_file(file);
  return notes ? std::optional<LogMetadata>(load_log_metadata(*notes)) : std::nullopt;
}

}  // namespace

MeasuredTables read_tables(const std::vector<std::string>& files, const Catalog& catalog,
                           const Aliases& aliases, const ClusterChoice& choice) {
  MeasuredTables result;
  LogClusters clusters(catalog, aliases, choice);
  const auto unreadable = [&](const std::string& file, const InputError& error) {
    MeasuredTable table;
    table.file = file;
    table.status = "not read: " + error.diagnostics().front().message;
    result.tables.push_back(std::move(table));
    result.problems.insert(result.problems.end(), error.diagnostics().begin(),
                           error.diagnostics().end());
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
        result.tables.push_back(measured(*log, table, metadata, clusters));
      } catch (const InputError& error) {
        unreadable(file, error);
      }
    }
  }
  return result;
}

bool has_out_of_place(const NcclTable& table) {
  return std::any_of(table.rows.begin(), table.rows.end(),
                     [](const NcclRow& row) { return row.out_of_place.time.value_or(0.0) > 0.0; });
}

std::optional<double> time_of(const NcclRow& row, bool in_place) {
  const std::optional<double>& time = in_place ? row.in_place.time : row.out_of_place.time;
  return time.value_or(0.0) > 0.0 ? time : std::nullopt;
}

bool is_wrong(const NcclRow& row) {
  return whole_number(row.out_of_place.wrong).value_or(0) > 0 ||
         whole_number(row.in_place.wrong).value_or(0) > 0;
}

std::size_t wrong_rows(const NcclTable& table) {
  return static_cast<std::size_t>(std::count_if(table.rows.begin(), table.rows.end(), is_wrong));
}

}  // namespace lockstep
