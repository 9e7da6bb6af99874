#include "validate/corpus_fit.hpp"

#include <cmath>
#include <map>

#include "validate/evidence_rows.hpp"

namespace lockstep {
namespace {

// Rows that took no part in any fit keep the fit to all.
LeftOutFits with_all_groups(LeaveOut by, std::map<std::string, FittedParameters> fits,
                            const std::vector<RunRecord>& records, const FittedParameters& all) {
  for (const RunRecord& record : records) fits.try_emplace(group_of(record, by), all);
  return {by, std::move(fits)};
}

double error_of(const Comparison& one) {
  return std::log(one.measured / one.predicted.value);
}

std::vector<ErrorSummary> step_errors(const std::vector<RunResult>& rows) {
  std::vector<ErrorSummary> out;
  for (const ErrorSummary& one : summarize_errors(rows)) {
    if (one.metric != "step_time") continue;
    if (one.group_by == "source" || one.group_by == "overall") out.push_back(one);
  }
  return out;
}

}  // namespace

CorpusFit fit_corpus(const std::vector<RunRecord>& records, const Catalog& catalog,
                     const Aliases& aliases, const CorpusProgress& progress) {
  const auto hear = [&](const std::string& what) -> FitProgress {
    if (!progress) return {};
    return [&progress, what](std::size_t done, std::size_t of) { progress(what, done, of); };
  };
  CorpusFit out;
  out.fit = fit_runs(records, catalog, aliases, hear("iterations of the fit"));
  const FittedParameters& all = out.fit.fitted;
  const auto predicted = [&](LeaveOut by, const std::string& what) {
    const LeftOutFits fits = with_all_groups(
        by, refit_without_each(records, catalog, aliases, by, hear(what)), records, all);
    RunsOptions options;
    options.left_out = &fits;
    return validate_runs(records, catalog, aliases, options).rows;
  };
  const std::vector<RunResult> by_model = predicted(LeaveOut::model, "models left out");
  const std::vector<RunResult> by_source = predicted(LeaveOut::source, "sources left out");

  std::map<std::size_t, double> in_fit;  // error by record
  for (const FittedRow& row : out.fit.rows) in_fit.emplace(row.record, row.error);
  RunBuilder builder(catalog, aliases);
  std::vector<EvidenceRow> evidence;
  std::vector<RunResult> in_sample, left_out, new_source;
  for (std::size_t i = 0; i < records.size(); ++i) {
    const RunResult& result = by_model[i];
    const auto fitted = in_fit.find(i);
    if (!result.simulated()) continue;
    RunScenario run = builder.build(records[i]);
    set_fitted(run.cluster, run.plan, all);
    // A measurement that cannot be repeated is no evidence of the tool's error.
    if (fitted == in_fit.end()) run.step_time_s = 0;
    if (run.step_time_s <= 0 && run.peak_memory_bytes <= 0) continue;
    EvidenceRow row = evidence_row(records[i], run, all);
    if (fitted != in_fit.end()) {
      row.step_error = error_of(result.step_time);
      row.step_error_new_source = error_of(by_source[i].step_time);
      left_out.push_back(result);
      new_source.push_back(by_source[i]);
      in_sample.push_back(result);
      in_sample.back().step_time.predicted.value =
          result.step_time.measured * std::exp(-fitted->second);
    }
    if (run.peak_memory_bytes > 0) row.memory_error = error_of(result.peak_memory);
    evidence.push_back(std::move(row));
  }
  out.in_sample = step_errors(in_sample);
  out.left_out = step_errors(left_out);
  out.new_source = step_errors(new_source);
  out.evidence = evidence_of(all, std::move(evidence));
  return out;
}

}  // namespace lockstep
