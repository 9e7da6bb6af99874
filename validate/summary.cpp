#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <string>
#include <utility>

#include "validate/runs.hpp"

namespace lockstep {
namespace {

struct Errors {
  std::vector<double> signed_errors;
  std::vector<double> half_widths;
  std::size_t covered = 0;
};

using Key = std::function<std::string(const RunResult&)>;
using Metric = Comparison RunResult::*;

ErrorSummary summarize(const Errors& errors) {
  ErrorSummary out;
  out.n = errors.signed_errors.size();
  std::vector<double> absolute;
  for (const double error : errors.signed_errors) absolute.push_back(std::fabs(error));
  out.median_abs_error = quantile(absolute, 0.5);
  out.p90_abs_error = quantile(absolute, 0.9);
  out.mean_abs_error = mean(absolute);
  out.bias = mean(errors.signed_errors);
  out.coverage_90 = static_cast<double>(errors.covered) / static_cast<double>(out.n);
  out.median_half_width = median(errors.half_widths);
  return out;
}

void add_groups(const std::vector<RunResult>& rows, const char* metric_name, Metric metric,
                const char* group_by, const Key& key, std::vector<ErrorSummary>& out) {
  std::vector<std::string> order;
  std::map<std::string, Errors> groups;
  for (const RunResult& row : rows) {
    const Comparison& comparison = row.*metric;
    if (!row.simulated() || !comparison.measured_too()) continue;
    const std::string group = key(row);
    if (groups.count(group) == 0) order.push_back(group);
    Errors& errors = groups[group];
    errors.signed_errors.push_back(comparison.error());
    errors.half_widths.push_back(comparison.half_width());
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

std::vector<ErrorSummary> summarize_errors(const std::vector<RunResult>& rows) {
  std::vector<ErrorSummary> out;
  const std::pair<const char*, Metric> metrics[] = {{"step_time", &RunResult::step_time},
                                                    {"peak_memory", &RunResult::peak_memory}};
  for (const auto& [name, metric] : metrics) {
    add_groups(
        rows, name, metric, "source", [](const RunResult& row) { return row.source; }, out);
    add_groups(
        rows, name, metric, "model", [](const RunResult& row) { return row.model; }, out);
    add_groups(
        rows, name, metric, "gpu", [](const RunResult& row) { return row.gpu; }, out);
    add_groups(
        rows, name, metric, "parallelism",
        [](const RunResult& row) { return row.facts.parallelism; }, out);
    add_groups(
        rows, name, metric, "software", [](const RunResult& row) { return row.software; }, out);
    add_groups(
        rows, name, metric, "overall", [](const RunResult&) { return std::string("all"); }, out);
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

std::vector<SourceMean> summarize_sources(const std::vector<ErrorSummary>& summary,
                                          const std::vector<std::string>& apart) {
  std::vector<SourceMean> out;
  for (const char* metric : {"step_time", "peak_memory"}) {
    SourceMean one;
    one.metric = metric;
    std::vector<double> medians;
    std::vector<double> covered;
    std::vector<double> half_widths;
    for (const ErrorSummary& source : summary) {
      if (source.metric != metric || source.group_by != "source") continue;
      // Repeats were compared by their times; memory does not depend on who else uses the cluster.
      const bool times = source.metric == "step_time";
      if (times && std::find(apart.begin(), apart.end(), source.group) != apart.end()) {
        one.apart.push_back(source.group);
        continue;
      }
      medians.push_back(source.median_abs_error);
      covered.push_back(source.coverage_90);
      half_widths.push_back(source.median_half_width);
    }
    one.sources = medians.size();
    one.median_abs_error = median(medians);
    one.coverage_90 = mean(covered);
    one.median_half_width = median(half_widths);
    if (one.sources + one.apart.size() > 0) out.push_back(std::move(one));
  }
  return out;
}

}  // namespace lockstep
