// Measured runs against predictions: every row simulated, its error, and the errors summed up.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "sim/report/report.hpp"
#include "validate/fit_runs.hpp"
#include "validate/run_facts.hpp"
#include "validate/run_row.hpp"
#include "validate/search_regret.hpp"
#include "validate/statistics.hpp"

namespace lockstep {

// One quantity of one row, in base units. `error` is predicted / measured - 1.
struct Comparison {
  Predicted predicted;
  double measured = 0;  // 0: not measured
  [[nodiscard]] bool measured_too() const { return measured > 0; }
  [[nodiscard]] double error() const { return predicted.value / measured - 1.0; }
  [[nodiscard]] bool covered() const {
    return predicted.low <= measured && measured <= predicted.high;
  }
  // Half of the interval over the predicted value; 0 without a prediction.
  [[nodiscard]] double half_width() const {
    return predicted.value > 0 ? 0.5 * (predicted.high - predicted.low) / predicted.value : 0.0;
  }
};

struct RunResult {
  std::string row_id;
  std::string source;
  std::string model;
  std::string gpu;  // the catalog's name; the file's text where the row was skipped before
  std::string system;
  std::string software;
  std::string left_out;       // the model or source that took no part in the fit; "" if all did
  std::string status = "ok";  // or why the row was skipped
  std::vector<std::string> assumed;
  Comparison step_time;            // seconds
  Comparison peak_memory;          // bytes of the kind that peak_mem_kind names
  bool ran_out_of_memory = false;  // the measurement was that it does not fit
  bool predicted_to_fit = true;
  RunFacts facts;
  [[nodiscard]] bool simulated() const { return status == "ok"; }
  [[nodiscard]] bool compared() const { return simulated() && step_time.measured_too(); }
};

// Errors of one metric over one group of rows.
struct ErrorSummary {
  std::string metric;    // "step_time", "peak_memory"
  std::string group_by;  // "source", "model", "gpu", "parallelism", "software", "overall"
  std::string group;
  std::size_t n = 0;
  double median_abs_error = 0;
  double p90_abs_error = 0;
  double mean_abs_error = 0;
  double bias = 0;               // mean of the signed errors
  double coverage_90 = 0;        // share of rows whose 90 % interval holds the measurement
  double median_half_width = 0;  // of these intervals, relative
};

// One metric over the sources, each counting once, whatever its number of rows. Sources whose
// repeated configurations disagree widely (noisy_sources) stay apart: their clusters were measured,
// not the runs.
struct SourceMean {
  std::string metric;
  std::size_t sources = 0;
  double median_abs_error = 0;   // median over the sources of their medians
  double coverage_90 = 0;        // mean over the sources
  double median_half_width = 0;  // median over the sources of their medians
  std::vector<std::string> apart;
};

// How runs were told apart that fit on the device and that did not, of sources that have both or
// one.
struct OutOfMemorySummary {
  std::string source;
  std::size_t n = 0;                 // ran out of memory
  std::size_t predicted = 0;         // of these, predicted not to fit
  std::size_t fitted = 0;            // ran
  std::size_t fitted_predicted = 0;  // of these, predicted to fit
  // Share of all configurations that are told apart rightly.
  [[nodiscard]] double accuracy() const {
    return static_cast<double>(predicted + fitted_predicted) / static_cast<double>(n + fitted);
  }
};

// Runs that are one configuration to the tool, measured more than once.
struct NoiseFloor {
  std::string source;
  std::size_t configurations = 0;  // measured at least twice
  std::size_t rows = 0;
  double median_difference =
      0;  // max(a, b)/min(a, b) - 1: median of the pairs, then of the configurations
};

// How one source's runs are ordered and where they lie: a run can only lose time that the model
// does not know.
struct RankSummary {
  std::string source;
  std::size_t n = 0;
  double spearman = 0;            // of predicted and measured step times
  std::vector<double> quantiles;  // of measured / predicted at 10, 25, 50, 75, 90 %
};

// One question "which plan is fastest?" that measurements answer: runs that differ only in the
// plan.
struct PlanChoice {
  std::string source;
  std::string model;
  std::string gpu;
  std::int64_t gpus = 0;
  std::size_t plans = 0;
  double regret = 0;  // measured(shortest predicted step) / measured(fastest) - 1: all of them ran
  double fitting_regret = 0;  // the same, picked among those predicted to fit, as `compare` ranks
  double spearman = 0;
};

// The runs of one choice: a plan of it and the times it was measured at.
struct GroupPlan {
  std::size_t row = 0;  // the first one of it
  double predicted = 0;
  bool fits = true;
  std::vector<double> measured;
};
struct ChoiceGroup {
  std::vector<GroupPlan> plans;  // in order of first appearance
};

struct RegretSummary {
  std::string source;  // "all" over all but the noisy ones
  std::size_t groups = 0;
  std::size_t plans = 0;
  double median_regret = 0;
  double mean_regret = 0;
  double median_fitting_regret = 0;
  double mean_fitting_regret = 0;
  std::size_t best_picked = 0;  // groups in which the best plan was picked
  double mean_spearman = 0;
};

// A row far off, and what may explain it.
struct WorstRow {
  std::size_t row = 0;  // index into RunsReport::rows
  std::vector<std::string> suspected;
};

struct RunsReport {
  std::optional<LeaveOut> left_out;  // what was left out of the fit that predicted a row
  std::vector<RunResult> rows;
  std::vector<ErrorSummary> summary;
  std::vector<SourceMean> over_sources;  // one per metric
  std::vector<OutOfMemorySummary> out_of_memory;
  std::vector<NoiseFloor> noise;
  std::vector<RankSummary> ranks;
  std::vector<PlanChoice> choices;
  std::vector<RegretSummary> regret;
  std::vector<SearchedChoice> searched;  // in the order of `choices`; empty where nobody asked
  std::vector<SearchRegret> search_regret;
  std::vector<WorstRow> worst;
};

// Parameters fitted without a group, by the group's name: of rows of that group.
struct LeftOutFits {
  LeaveOut by = LeaveOut::model;
  std::map<std::string, FittedParameters> fits;
};

struct RunsOptions {
  std::function<void(std::size_t)> done;  // hears after each row how many are done
  std::vector<std::string> calibrations;  // files of measured collectives
  const LeftOutFits* left_out = nullptr;  // rows of groups that it lacks keep the fit to all runs
  bool search = false;                    // fills `searched`
  std::size_t threads = 2;                // the result does not depend on it
};

// The model or the source of a row.
const std::string& group_of(const RunRecord& record, LeaveOut by);

// Builds and predicts every row. Throws InputError where the catalog or the aliases are broken,
// never for a row; or where a calibration is broken or no row is of its system.
RunsReport validate_runs(const std::vector<RunRecord>& records, const Catalog& catalog,
                         const Aliases& aliases, const RunsOptions& options = {});

// Everything of the report that follows from its rows.
void analyse(RunsReport& report);

// -- its parts
// Summaries by source, model, GPU, parallelism, software and overall, of both metrics, in order of
// first appearance.
std::vector<ErrorSummary> summarize_errors(const std::vector<RunResult>& rows);
// Median over the sources of the median error of each; 0 without any.
double median_over_sources(const std::vector<ErrorSummary>& summary, const std::string& metric);
std::vector<SourceMean> summarize_sources(const std::vector<ErrorSummary>& summary,
                                          const std::vector<std::string>& apart);
// Sources with out-of-memory rows.
std::vector<OutOfMemorySummary> count_out_of_memory(const std::vector<RunResult>& rows);
std::vector<NoiseFloor> noise_floor(const std::vector<RunResult>& rows);
// Sources of at least 5 repeated configurations whose median difference is above 25 %.
std::vector<std::string> noisy_sources(const std::vector<NoiseFloor>& noise);
std::vector<RankSummary> rank_sources(const std::vector<RunResult>& rows);
// Groups of at least five plans, in order of first appearance.
std::vector<ChoiceGroup> choice_groups(const std::vector<RunResult>& rows);
// One for each of choice_groups(). Repeats of a plan count as one, with the median of their times.
std::vector<PlanChoice> plan_choices(const std::vector<RunResult>& rows);
std::vector<RegretSummary> summarize_regret(const std::vector<PlanChoice>& choices,
                                            const std::vector<std::string>& apart);

// -- renderings (pure)
// `by`: the only grouping, or "" for all.
std::string runs_text(const RunsReport& report, const std::string& by);
std::string runs_json(const RunsReport& report);
std::string runs_csv(const RunsReport& report);
std::string runs_markdown(const RunsReport& report);
// The predictions alone, to be kept: see left_out_table.hpp.
std::string runs_predictions(const RunsReport& report);

}  // namespace lockstep
