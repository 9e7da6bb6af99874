#include "validate/runs.hpp"
#include "scenarios/calibration_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <exception>
#include <map>
#include <memory>

namespace lockstep {
namespace {

struct StagePeak {
  Bytes reserved{0};
  Bytes allocated{0};
};

// What a comparison needs of a plan's report; small, since it is kept for every row that differs.
struct RunPrediction {
  std::string problem;   // "" if there is none
  Predicted step_time_s;
  Predicted peak_memory_bytes;
  Predicted peak_allocated_bytes;
  StagePeak first, last, worst;
  bool feasible = true;
};

StagePeak peak_of(const StageMemory& stage) { return {stage.reserved, stage.allocated}; }

RunPrediction predict_run(const RunScenario& run, const Evidence& evidence) {
  RunPrediction out;
  try {
    const PlanReport report = predict_with_intervals(run.model, run.training, run.cluster, run.plan, evidence);
    if (!std::isfinite(report.step_time_s.value) || report.step_time_s.value <= 0) {
      out.problem = "the GPU does not have the data type";
      return out;
    }
    out.step_time_s = report.step_time_s;
    out.peak_memory_bytes = report.peak_memory_bytes;
    out.peak_allocated_bytes = report.peak_allocated_bytes;
    out.first = peak_of(report.memory.stages.front());
    out.last = peak_of(report.memory.stages.back());
    out.worst = peak_of(report.memory.worst());
    out.feasible = report.feasible;
  } catch (const std::exception& error) {
    out.problem = fmt::format("the simulation failed: {}", error.what());
  }
  return out;
}

// The rank that the measurement was read on.
const StagePeak& measured_stage(const RunPrediction& predicted, MeasuredStage stage) {
  switch (stage) {
    case MeasuredStage::first: return predicted.first;
    case MeasuredStage::ends:
      return predicted.first.reserved < predicted.last.reserved ? predicted.last : predicted.first;
    case MeasuredStage::worst: break;
  }
  return predicted.worst;
}

// The kind of memory that was measured, with the interval of the plan's peak around it.
Predicted predicted_memory(const RunPrediction& predicted, const RunScenario& run) {
  const StagePeak& stage = measured_stage(predicted, run.memory_stage);
  const Predicted& whole =
      run.memory_kind == MeasuredMemory::allocated ? predicted.peak_allocated_bytes : predicted.peak_memory_bytes;
  double value = stage.reserved.value();
  if (run.memory_kind == MeasuredMemory::allocated) value = stage.allocated.value();
  if (run.memory_kind == MeasuredMemory::reserved) value -= run.plan.software.context_bytes.value;
  if (whole.value <= 0.0) return {value, value, value};
  return {value, value * whole.low / whole.value, value * whole.high / whole.value};
}

// Sweeps repeat their configurations: each is predicted once.
using Predictions = std::map<std::string, RunPrediction>;

// By the system's name.
using CalibrationsBySystem = std::map<std::string, std::shared_ptr<const Calibrations>>;

CalibrationsBySystem calibrations_of(const std::vector<std::string>& files,
                                     const std::vector<RunRecord>& records, RunBuilder& builder,
                                     const Catalog& catalog) {
  CalibrationsBySystem result;
  if (files.empty()) return result;
  std::map<std::string, Cluster> systems;
  for (const RunRecord& record : records) {
    RunScenario run = builder.build(record);
    if (run.skipped.empty()) systems.emplace(run.cluster.system.name, std::move(run.cluster));
  }
  std::vector<Cluster*> clusters;
  for (auto& [name, cluster] : systems) clusters.push_back(&cluster);
  apply_calibrations(files, catalog, clusters);
  for (const auto& [name, cluster] : systems) result.emplace(name, cluster.calibrations);
  return result;
}

RunResult evaluate(const RunRecord& record, RunBuilder& builder,
                   const CalibrationsBySystem& calibrations, const Evidence& evidence,
                   Predictions& predictions) {
  RunResult result;
  result.row_id = record.row_id;
  result.source = record.source;
  result.model = record.model;
  result.gpu = record.word("gpu_key");
  result.ran_out_of_memory = record.word("quality") == "oom";
  RunScenario run = builder.build(record);
  if (!run.cluster.system.gpu.name.empty()) result.gpu = run.cluster.system.gpu.name;
  result.system = run.cluster.system.name;
  result.software = run.plan.software.name;
  result.assumed = std::move(run.assumed);
  if (!run.skipped.empty()) {
    result.status = run.skipped;
    return result;
  }
  const auto calibrated = calibrations.find(run.cluster.system.name);
  if (calibrated != calibrations.end()) run.cluster.calibrations = calibrated->second;
  auto known = predictions.find(record.identity);
  if (known == predictions.end()) known = predictions.emplace(record.identity, predict_run(run, evidence)).first;
  const RunPrediction& predicted = known->second;
  if (!predicted.problem.empty()) {
    result.status = predicted.problem;
    return result;
  }
  result.step_time = {predicted.step_time_s, run.step_time_s};
  result.peak_memory = {predicted_memory(predicted, run), run.peak_memory_bytes};
  result.predicted_to_fit = predicted.feasible;
  return result;
}

std::vector<OutOfMemorySummary> count_out_of_memory(const std::vector<RunResult>& rows) {
  std::vector<OutOfMemorySummary> out;
  for (const RunResult& row : rows) {
    if (!row.ran_out_of_memory || !row.simulated()) continue;
    auto found = std::find_if(out.begin(), out.end(), [&](const auto& one) { return one.source == row.source; });
    if (found == out.end()) found = out.insert(out.end(), {row.source, 0, 0});
    ++found->n;
    if (!row.predicted_to_fit) ++found->predicted;
  }
  return out;
}

}  // namespace

RunsReport validate_runs(const std::vector<RunRecord>& records, const Catalog& catalog,
                         const Aliases& aliases, const std::function<void(std::size_t)>& done,
                         const std::vector<std::string>& calibrations) {
  const std::shared_ptr<const Evidence> evidence = catalog.evidence();
  RunBuilder builder(catalog, aliases);
  const CalibrationsBySystem calibrated = calibrations_of(calibrations, records, builder, catalog);
  RunsReport report;
  report.rows.reserve(records.size());
  Predictions predictions;
  for (const RunRecord& record : records) {
    report.rows.push_back(evaluate(record, builder, calibrated, *evidence, predictions));
    if (done) done(report.rows.size());
  }
  report.summary = summarize_errors(report.rows);
  report.out_of_memory = count_out_of_memory(report.rows);
  return report;
}

}  // namespace lockstep
