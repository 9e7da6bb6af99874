#include "validate/runs.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <exception>

namespace lockstep {
namespace {

// The rank that the measurement was read on.
const StageMemory& measured_stage(const PeakMemory& memory, MeasuredStage stage) {
  const StageMemory& first = memory.stages.front();
  const StageMemory& last = memory.stages.back();
  switch (stage) {
    case MeasuredStage::first: return first;
    case MeasuredStage::ends: return first.reserved < last.reserved ? last : first;
    case MeasuredStage::worst: break;
  }
  return memory.worst();
}

// The kind of memory that was measured, with the interval of the plan's peak around it.
Predicted predicted_memory(const PlanReport& report, const RunScenario& run) {
  const StageMemory& stage = measured_stage(report.memory, run.memory_stage);
  const Predicted& whole =
      run.memory_kind == MeasuredMemory::allocated ? report.peak_allocated_bytes : report.peak_memory_bytes;
  double value = stage.reserved.value();
  if (run.memory_kind == MeasuredMemory::allocated) value = stage.allocated.value();
  if (run.memory_kind == MeasuredMemory::reserved) value -= run.plan.software.context_bytes.value;
  if (whole.value <= 0.0) return {value, value, value};
  return {value, value * whole.low / whole.value, value * whole.high / whole.value};
}

RunResult evaluate(const RunRecord& record, RunBuilder& builder) {
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
  if (run.skipped.empty() && run.step_time_s == 0 && run.peak_memory_bytes == 0 && !result.ran_out_of_memory) {
    run.skipped = "nothing was measured";
  }
  if (!run.skipped.empty()) {
    result.status = run.skipped;
    return result;
  }
  try {
    const PlanReport report = predict_with_intervals(run.model, run.training, run.cluster, run.plan);
    if (!std::isfinite(report.step_time_s.value) || report.step_time_s.value <= 0) {
      result.status = "the GPU does not have the data type";
      return result;
    }
    result.step_time = {report.step_time_s, run.step_time_s};
    result.peak_memory = {predicted_memory(report, run), run.peak_memory_bytes};
    result.predicted_to_fit = report.feasible;
  } catch (const std::exception& error) {
    result.status = fmt::format("the simulation failed: {}", error.what());
  }
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

RunsReport validate_runs(const std::vector<RunRecord>& records, const Catalog& catalog, const Aliases& aliases) {
  RunBuilder builder(catalog, aliases);
  RunsReport report;
  report.rows.reserve(records.size());
  for (const RunRecord& record : records) report.rows.push_back(evaluate(record, builder));
  report.summary = summarize_errors(report.rows);
  report.out_of_memory = count_out_of_memory(report.rows);
  return report;
}

}  // namespace lockstep
