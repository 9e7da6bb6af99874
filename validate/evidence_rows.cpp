#include "validate/evidence_rows.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <tuple>
#include <utility>

#include "sim/evidence_distance.hpp"
#include "sim/moved_constants.hpp"
#include "sim/residual.hpp"

namespace lockstep {
namespace {

// Runs of one source that the evidence keeps; longer tables are thinned evenly.
constexpr std::size_t most_of_a_source = 300;

double deviation(const Draws& draws) {
  double squares = 0;
  for (const double draw : draws) squares += draw * draw;
  return std::sqrt(squares / static_cast<double>(draw_count));
}

const char* name_of(MeasuredMemory kind) {
  switch (kind) {
    case MeasuredMemory::allocated: return "allocated";
    case MeasuredMemory::reserved: return "reserved";
    case MeasuredMemory::device: return "device";
  }
  return "";
}

std::vector<EvidenceRow> thinned(const std::vector<EvidenceRow>& rows) {
  std::map<std::string, std::size_t> all;
  for (const EvidenceRow& row : rows) ++all[row.source];
  std::map<std::string, std::size_t> seen;
  std::vector<EvidenceRow> kept;
  for (const EvidenceRow& row : rows) {
    // Of n rows, row i stays where i * most / n reaches a new whole number.
    const std::size_t n = std::max(all[row.source], most_of_a_source);
    const std::size_t i = seen[row.source]++;
    if (i * most_of_a_source / n != (i + 1) * most_of_a_source / n) kept.push_back(row);
  }
  return kept;
}

}  // namespace

EvidenceRow evidence_row(const RunRecord& record, const RunScenario& run,
                         const FittedParameters& fitted) {
  EvidenceRow row = described(run.model, run.training, run.cluster, run.plan);
  row.row_id = record.row_id;
  row.source = record.source;
  row.model = record.model;
  row.step_time_s = run.step_time_s;
  row.peak_memory_bytes = run.peak_memory_bytes;
  if (run.peak_memory_bytes > 0) row.memory_kind = name_of(run.memory_kind);
  const PlanReport report = predict(run.model, run.training, run.cluster, run.plan);
  if (!std::isfinite(report.step_time_s.value)) return row;
  const PredictionDraws draws =
      draw_predictions(run.model, run.training, run.cluster, run.plan, report, fitted);
  row.step_spread = deviation(draws.step);
  const bool allocated = run.memory_kind == MeasuredMemory::allocated;
  row.memory_spread = deviation(allocated ? draws.allocated : draws.reserved);
  return row;
}

Evidence evidence_of(const FittedParameters& fitted, std::vector<EvidenceRow> rows) {
  Evidence evidence;
  evidence.fitted = fitted;
  evidence.rows = thinned(rows);
  std::stable_sort(evidence.rows.begin(), evidence.rows.end(),
                   [](const EvidenceRow& a, const EvidenceRow& b) {
                     return std::tie(a.source, a.model, a.gpu, a.software) <
                            std::tie(b.source, b.model, b.gpu, b.software);
                   });
  evidence.step = learn_residual(evidence.rows, Subject::step_time, evidence.step);
  evidence.memory = learn_residual(evidence.rows, Subject::peak_memory, evidence.memory);
  return evidence;
}

}  // namespace lockstep
