#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "validate/csv.hpp"
#include "validate/runs.hpp"

namespace lockstep {
namespace {

using Json = nlohmann::ordered_json;

constexpr int schema_version = 1;

// A number of a row that was not simulated or not measured is null.
Json number(double value, bool present) {
  return present ? Json(value) : Json(nullptr);
}

Json row_json(const RunResult& row) {
  const bool ok = row.simulated();
  const Comparison& time = row.step_time;
  const Comparison& memory = row.peak_memory;
  return {{"row_id", row.row_id},
          {"source", row.source},
          {"model", row.model},
          {"gpu", row.gpu},
          {"system", row.system},
          {"software", row.software},
          {"parallelism", row.facts.parallelism},
          {"left_out", row.left_out.empty() ? Json(nullptr) : Json(row.left_out)},
          {"status", row.status},
          {"assumed", row.assumed},
          {"predicted_step_time_s", number(time.predicted.value, ok)},
          {"predicted_step_time_s_low", number(time.predicted.low, ok)},
          {"predicted_step_time_s_high", number(time.predicted.high, ok)},
          {"measured_step_time_s", number(time.measured, time.measured_too())},
          {"step_time_error", ok && time.measured_too() ? Json(time.error()) : Json(nullptr)},
          {"predicted_peak_memory_bytes", number(memory.predicted.value, ok)},
          {"predicted_peak_memory_bytes_low", number(memory.predicted.low, ok)},
          {"predicted_peak_memory_bytes_high", number(memory.predicted.high, ok)},
          {"measured_peak_memory_bytes", number(memory.measured, memory.measured_too())},
          {"peak_memory_error", ok && memory.measured_too() ? Json(memory.error()) : Json(nullptr)},
          {"predicted_to_fit", ok ? Json(row.predicted_to_fit) : Json(nullptr)},
          {"ran_out_of_memory", row.ran_out_of_memory}};
}

Json summary_json(const ErrorSummary& summary) {
  return {{"metric", summary.metric},
          {"group_by", summary.group_by},
          {"group", summary.group},
          {"n", summary.n},
          {"median_abs_error", summary.median_abs_error},
          {"p90_abs_error", summary.p90_abs_error},
          {"mean_abs_error", summary.mean_abs_error},
          {"bias", summary.bias},
          {"coverage_90", summary.coverage_90},
          {"median_half_width", summary.median_half_width}};
}

Json over_sources_json(const SourceMean& one) {
  return {{"metric", one.metric},
          {"sources", one.sources},
          {"median_abs_error", one.median_abs_error},
          {"coverage_90", one.coverage_90},
          {"median_half_width", one.median_half_width},
          {"apart", one.apart}};
}

Json out_of_memory_json(const OutOfMemorySummary& one) {
  return {{"source", one.source},
          {"n", one.n},
          {"predicted", one.predicted},
          {"fitted", one.fitted},
          {"fitted_predicted", one.fitted_predicted},
          {"accuracy", one.accuracy()}};
}

Json noise_json(const NoiseFloor& one) {
  return {{"source", one.source},
          {"configurations", one.configurations},
          {"rows", one.rows},
          {"median_difference", one.median_difference}};
}

Json rank_json(const RankSummary& one) {
  return {{"source", one.source},
          {"n", one.n},
          {"spearman", one.spearman},
          {"measured_over_predicted_10_25_50_75_90", one.quantiles}};
}

Json choice_json(const PlanChoice& one) {
  return {{"source", one.source},    {"model", one.model}, {"gpu", one.gpu},
          {"gpus", one.gpus},        {"plans", one.plans}, {"regret", one.regret},
          {"fitting_regret", one.fitting_regret}, {"spearman", one.spearman}};
}

Json regret_json(const RegretSummary& one) {
  return {{"source", one.source},
          {"groups", one.groups},
          {"plans", one.plans},
          {"median_regret", one.median_regret},
          {"mean_regret", one.mean_regret},
          {"median_fitting_regret", one.median_fitting_regret},
          {"mean_fitting_regret", one.mean_fitting_regret},
          {"best_picked", one.best_picked},
          {"mean_spearman", one.mean_spearman}};
}

Json pick_json(const SearchPick& one, SearchSpace space) {
  const bool ok = one.found();
  return {{"space", name_of(space)},
          {"problem", ok ? Json(nullptr) : Json(one.problem)},
          {"combinations", one.combinations},
          {"plan", ok ? Json(one.plan) : Json(nullptr)},
          {"measured", ok ? Json(one.measured) : Json(nullptr)},
          {"regret", number(one.regret, ok && one.measured)},
          {"predicted_gain", number(one.predicted_gain, ok)},
          {"unmeasured", one.unmeasured}};
}

Json searched_json(const SearchedChoice& one) {
  Json picks = Json::array();
  for (const SearchSpace space : search_spaces) picks.push_back(pick_json(one.pick(space), space));
  return {{"source", one.source},
          {"model", one.model},
          {"gpu", one.gpu},
          {"gpus", one.gpus},
          {"plans", one.plans},
          {"fastest", one.fastest},
          {"fastest_predicted_to_fit", one.fastest_fits},
          {"picks", picks}};
}

Json search_regret_json(const SearchRegret& one) {
  const bool gains = one.found > one.measured;
  return {{"source", one.source},
          {"space", name_of(one.space)},
          {"groups", one.groups},
          {"found", one.found},
          {"measured", one.measured},
          {"median_regret", number(one.median_regret, one.measured > 0)},
          {"mean_regret", number(one.mean_regret, one.measured > 0)},
          {"fastest", one.fastest},
          {"within_5_percent", one.nearly},
          {"median_predicted_gain", number(one.median_predicted_gain, gains)},
          {"largest_predicted_gain", number(one.largest_predicted_gain, gains)},
          {"beyond", one.beyond}};
}

template <typename Entry>
Json list(const std::vector<Entry>& entries, Json (*json_of)(const Entry&)) {
  Json out = Json::array();
  for (const Entry& entry : entries) out.push_back(json_of(entry));
  return out;
}

Json left_out_json(const std::optional<LeaveOut>& left_out) {
  if (!left_out) return nullptr;
  return *left_out == LeaveOut::model ? "model" : "source";
}

std::string cell(double value, bool present) {
  return present ? fmt::format("{}", value) : std::string{};
}

}  // namespace

std::string runs_json(const RunsReport& report) {
  Json json = {{"schema_version", schema_version}, {"command", "validate runs"}};
  json["left_out"] = left_out_json(report.left_out);
  json["rows"] = list(report.rows, &row_json);
  json["summary"] = list(report.summary, &summary_json);
  json["over_sources"] = list(report.over_sources, &over_sources_json);
  json["out_of_memory"] = list(report.out_of_memory, &out_of_memory_json);
  json["noise"] = list(report.noise, &noise_json);
  json["ranks"] = list(report.ranks, &rank_json);
  json["plan_choices"] = list(report.choices, &choice_json);
  json["regret"] = list(report.regret, &regret_json);
  json["searched"] = list(report.searched, &searched_json);
  json["search_regret"] = list(report.search_regret, &search_regret_json);
  json["worst"] = Json::array();
  for (const WorstRow& one : report.worst) {
    const RunResult& row = report.rows[one.row];
    json["worst"].push_back({{"row_id", row.row_id},
                             {"step_time_error", row.step_time.error()},
                             {"suspected", one.suspected}});
  }
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + '\n';
}

std::string runs_csv(const RunsReport& report) {
  std::string out =
      "row_id,source,model,gpu,system,software,status,assumed,predicted_step_time_s,predicted_step_"
      "time_s_low,"
      "predicted_step_time_s_high,measured_step_time_s,step_time_error,predicted_peak_memory_bytes,"
      "predicted_peak_memory_bytes_low,predicted_peak_memory_bytes_high,measured_peak_memory_bytes,"
      "peak_memory_error,predicted_to_fit,ran_out_of_memory,parallelism,left_out\r\n";
  for (const RunResult& row : report.rows) {
    const bool ok = row.simulated();
    out += fmt::format("{},{},{},{},{},{},{},{}", csv_cell(row.row_id), csv_cell(row.source),
                       csv_cell(row.model), csv_cell(row.gpu), csv_cell(row.system),
                       csv_cell(row.software), csv_cell(row.status),
                       csv_cell(fmt::format("{}", fmt::join(row.assumed, "; "))));
    for (const Comparison* one : {&row.step_time, &row.peak_memory}) {
      const bool both = ok && one->measured_too();
      out += fmt::format(",{},{},{},{},{}", cell(one->predicted.value, ok),
                         cell(one->predicted.low, ok), cell(one->predicted.high, ok),
                         cell(one->measured, one->measured_too()),
                         both ? cell(one->error(), true) : std::string{});
    }
    out += fmt::format(",{},{},{},{}\r\n", ok ? (row.predicted_to_fit ? "true" : "false") : "",
                       row.ran_out_of_memory ? "true" : "false", row.facts.parallelism,
                       csv_cell(row.left_out));
  }
  return out;
}

}  // namespace lockstep
