#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "validate/collectives.hpp"
#include "validate/csv.hpp"

namespace lockstep {
namespace {

using Json = nlohmann::ordered_json;

constexpr int schema_version = 1;

Json number(const std::optional<double>& value) { return value ? Json(*value) : Json(nullptr); }
Json count(std::int64_t value) { return value > 0 ? Json(value) : Json(nullptr); }
std::string cell(const std::optional<double>& value) { return value ? fmt::format("{}", *value) : std::string{}; }

Json log_json(const LogResult& log) {
  Json out = {{"file", log.file},
              {"collective", log.collective},
              {"gpus", count(log.gpus)},
              {"nodes", count(log.nodes)},
              {"status", log.status},
              {"median_abs_error", number(log.median_abs_error)},
              {"median_abs_error_16mb", number(log.median_abs_error_16mb)},
              {"system", log.system},
              {"health", log.health},
              {"assumed", log.assumed},
              {"basis", nccl::to_string(log.basis)},
              {"rows", Json::array()}};
  for (const CollectiveComparison& row : log.rows) {
    out["rows"].push_back({{"size_bytes", row.size_bytes},
                           {"predicted_time_s", row.predicted_time},
                           {"measured_time_s", number(row.measured_time)},
                           {"error", number(row.error())},
                           {"algorithm", row.algorithm},
                           {"protocol", row.protocol}});
  }
  return out;
}

}  // namespace

std::string collectives_json(const CollectivesReport& report) {
  Json json = {{"schema_version", schema_version}, {"command", "validate collectives"}, {"logs", Json::array()}};
  for (const LogResult& log : report.logs) json["logs"].push_back(log_json(log));
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + '\n';
}

std::string collectives_csv(const CollectivesReport& report) {
  std::string out =
      "file,collective,gpus,nodes,system,status,size_bytes,predicted_time_s,measured_time_s,error,algorithm,protocol\r\n";
  for (const LogResult& log : report.logs) {
    const std::string begin = fmt::format("{},{},{},{},{},{}", csv_cell(log.file), csv_cell(log.collective), log.gpus,
                                          log.nodes, csv_cell(log.system), csv_cell(log.status));
    if (log.rows.empty()) out += begin + ",,,,,,\r\n";
    for (const CollectiveComparison& row : log.rows) {
      out += fmt::format("{},{},{},{},{},{},{}\r\n", begin, row.size_bytes, row.predicted_time, cell(row.measured_time),
                         cell(row.error()), csv_cell(row.algorithm), csv_cell(row.protocol));
    }
  }
  return out;
}

}  // namespace lockstep
