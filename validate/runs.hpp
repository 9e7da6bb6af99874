// Measured runs against predictions: every row simulated, its error, and the errors summed up.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "sim/report/report.hpp"
#include "validate/run_row.hpp"

namespace lockstep {

// One quantity of one row, in base units. `error` is predicted / measured - 1.
struct Comparison {
  Predicted predicted;
  double measured = 0;     // 0: not measured
  [[nodiscard]] bool measured_too() const { return measured > 0; }
  [[nodiscard]] double error() const { return predicted.value / measured - 1.0; }
  [[nodiscard]] bool covered() const { return predicted.low <= measured && measured <= predicted.high; }
};

struct RunResult {
  std::string row_id;
  std::string source;
  std::string model;
  std::string gpu;               // the catalog's name; the file's text where the row was skipped before
  std::string system;
  std::string software;
  std::string status = "ok";     // or why the row was skipped
  std::vector<std::string> assumed;
  Comparison step_time;          // seconds
  Comparison peak_memory;        // bytes of the kind that peak_mem_kind names
  bool ran_out_of_memory = false;    // the measurement was that it does not fit
  bool predicted_to_fit = true;
  [[nodiscard]] bool simulated() const { return status == "ok"; }
};

// Errors of one metric over one group of rows.
struct ErrorSummary {
  std::string metric;      // "step_time", "peak_memory"
  std::string group_by;    // "source", "model", "gpu", "overall"
  std::string group;
  std::size_t n = 0;
  double median_abs_error = 0;
  double p90_abs_error = 0;
  double mean_abs_error = 0;
  double bias = 0;         // mean of the signed errors
  double coverage_90 = 0;  // share of rows whose 90 % interval holds the measurement
};

// Rows of a group that ran out of memory, and how many of them the prediction does not fit either.
struct OutOfMemorySummary {
  std::string source;
  std::size_t n = 0;
  std::size_t predicted = 0;
};

struct RunsReport {
  std::vector<RunResult> rows;
  std::vector<ErrorSummary> summary;
  std::vector<OutOfMemorySummary> out_of_memory;
};

// Builds and predicts every row. Throws InputError where the catalog or the aliases are broken,
// never for a row. `done`, where it is given, hears after each row how many are done.
// `calibrations`: files of measured collectives; InputError where they are broken or no row is of a
// calibrated system.
RunsReport validate_runs(const std::vector<RunRecord>& records, const Catalog& catalog,
                         const Aliases& aliases, const std::function<void(std::size_t)>& done = {},
                         const std::vector<std::string>& calibrations = {});

// Summaries by source, model, GPU and overall, of both metrics, in order of first appearance.
std::vector<ErrorSummary> summarize_errors(const std::vector<RunResult>& rows);

// The p-quantile of the values by linear interpolation between order statistics.
double quantile(std::vector<double> values, double p);

// Median over the sources of the median error of each; 0 without any.
double median_over_sources(const std::vector<ErrorSummary>& summary, const std::string& metric);

// -- renderings (pure)
std::string runs_text(const RunsReport& report, const std::string& by);   // "source", "model", "gpu" or "" for all
std::string runs_json(const RunsReport& report);
std::string runs_csv(const RunsReport& report);
std::string runs_markdown(const RunsReport& report);

}  // namespace lockstep
