#include <nlohmann/json.hpp>

#include "validate/calibrate.hpp"

namespace lockstep {
namespace {

using Json = nlohmann::ordered_json;

constexpr int schema_version = 1;

Json number(const std::optional<double>& value) {
  return value ? Json(*value) : Json(nullptr);
}
Json count(std::int64_t value) {
  return value > 0 ? Json(value) : Json(nullptr);
}

Json log_json(const CalibratedLog& log) {
  Json out = {{"file", log.file},
              {"collective", log.collective},
              {"gpus", count(log.gpus)},
              {"nodes", count(log.nodes)},
              {"system", log.system},
              {"fabric", log.fabric},
              {"health", log.health},
              {"status", log.status},
              {"notes", log.notes},
              {"uncalibrated_median_abs_error", number(log.uncalibrated_median)}};
  if (!log.fitted()) return out;
  const CollectiveCalibration& entry = log.calibration;
  out["median_abs_error"] = log.median_abs_error;
  out["p90_abs_error"] = log.p90_abs_error;
  out["left_out_median_abs_error"] = log.left_out_median;
  out["spread"] = entry.spread;
  out["confidence"] = to_string(log.confidence);
  out["in_file"] = log.in_file;
  out["nccl_version"] = entry.nccl_version;
  out["date"] = entry.date;
  out["pieces"] = Json::array();
  for (const CalibrationPiece& piece : entry.pieces) {
    out["pieces"].push_back({{"from_bytes", piece.from.value()},
                             {"latency_s", piece.latency.value()},
                             {"seconds_per_byte", piece.seconds_per_byte}});
  }
  out["rows"] = Json::array();
  for (const TimedSize& point : log.points) {
    const double fitted = evaluate(entry.pieces, point.bytes);
    out["rows"].push_back({{"size_bytes", static_cast<std::int64_t>(point.bytes)},
                           {"fitted_time_s", fitted},
                           {"measured_time_s", point.seconds},
                           {"error", fitted / point.seconds - 1.0}});
  }
  return out;
}

std::string written(const Json& json) {
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + '\n';
}

}  // namespace

std::string calibration_json(const CalibrationReport& report) {
  Json json = {
      {"schema_version", schema_version}, {"command", "calibrate"}, {"logs", Json::array()}};
  for (const CalibratedLog& log : report.logs) json["logs"].push_back(log_json(log));
  return written(json);
}

std::string transfer_json(const std::vector<TransferPair>& pairs) {
  Json json = {{"schema_version", schema_version},
               {"command", "calibrate --transfer"},
               {"pairs", Json::array()}};
  for (const TransferPair& pair : pairs) {
    json["pairs"].push_back({{"system", pair.from->system},
                             {"fabric", pair.from->fabric},
                             {"calibrated_on", pair.from->file},
                             {"predicting", pair.to->file},
                             {"basis", nccl::to_string(pair.basis)},
                             {"median_abs_error", pair.median_abs_error},
                             {"uncalibrated_median_abs_error", pair.uncalibrated_median}});
  }
  return written(json);
}

}  // namespace lockstep
