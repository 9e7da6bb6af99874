#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <utility>

#include "validate/runs.hpp"

namespace lockstep {
namespace {

struct Errors {
  std::vector<double> signed_errors;
  std::size_t covered = 0;
};

using Key = std::function<std::string(const RunResult&)>;
using Metric = Comparison RunResult::*;

ErrorSummary summarize(const Errors& errors) {
  ErrorSummary out;
  out.n = errors.signed_errors.size();
  std::vector<double> absolute;
  double sum = 0;
  double absolute_sum = 0;
  for (const double error : errors.signed_errors) {
    absolute.push_back(std::fabs(error));
    sum += error;
    absolute_sum += std::fabs(error);
  }
  const auto n = static_cast<double>(out.n);
  out.median_abs_error = quantile(absolute, 0.5);
  out.p90_abs_error = quantile(absolute, 0.9);
  out.mean_abs_error = absolute_sum / n;
  out.bias = sum / n;
  out.coverage_90 = static_cast<double>(errors.covered) / n;
  return out;
}

void add_groups(const std::vector<RunResult>& rows, const char* metric_name, Metric metric, const char* group_by,
                const Key& key, std::vector<ErrorSummary>& out) {
  std::vector<std::string> order;
  std::map<std::string, Errors> groups;
  for (const RunResult& row : rows) {
    const Comparison& comparison = row.*metric;
    if (!row.simulated() || !comparison.measured_too()) continue;
    const std::string group = key(row);
    if (groups.count(group) == 0) order.push_back(group);
    Errors& errors = groups[group];
    errors.signed_errors.push_back(comparison.error());
    if (comparison.covered()) ++errors.covered;
  }
  for (const std::string& group : order) {
    ErrorSummary summary = summarize(groups[group]);
    summary.metric = metric_name;
    summary.group_by = group_by;
    summary.group = group;
    out.push_back(std::move(summary));
  }
}

}  // namespace

double quantile(std::vector<double> values, double p) {
  if (values.empty()) return 0.0;
  std::sort(values.begin(), values.end());
  const double position = p * static_cast<double>(values.size() - 1);
  const auto below = static_cast<std::size_t>(position);
  if (below + 1 >= values.size()) return values.back();
  const double share = position - static_cast<double>(below);
  return values[below] + share * (values[below + 1] - values[below]);
}

std::vector<ErrorSummary> summarize_errors(const std::vector<RunResult>& rows) {
  std::vector<ErrorSummary> out;
  const std::pair<const char*, Metric> metrics[] = {{"step_time", &RunResult::step_time},
                                                    {"peak_memory", &RunResult::peak_memory}};
  for (const auto& [name, metric] : metrics) {
    add_groups(rows, name, metric, "source", [](const RunResult& row) { return row.source; }, out);
    add_groups(rows, name, metric, "model", [](const RunResult& row) { return row.model; }, out);
    add_groups(rows, name, metric, "gpu", [](const RunResult& row) { return row.gpu; }, out);
    add_groups(rows, name, metric, "overall", [](const RunResult&) { return std::string("all"); }, out);
  }
  return out;
}

double median_over_sources(const std::vector<ErrorSummary>& summary, const std::string& metric) {
  std::vector<double> medians;
  for (const ErrorSummary& one : summary) {
    if (one.metric == metric && one.group_by == "source") medians.push_back(one.median_abs_error);
  }
  return quantile(medians, 0.5);
}

}  // namespace lockstep
