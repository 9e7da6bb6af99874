#include "validate/targets.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <utility>

#include "validate/markdown.hpp"
#include "validate/runs_tables.hpp"

namespace lockstep {
namespace {

constexpr std::size_t many_rows = 20;  // of a source whose own coverage is judged
constexpr double share_of_informed = 0.5;

// At most so much; nothing was measured where `measured` is false.
Target at_most(std::string what, double limit, double reached, bool measured,
               const std::string& remark = {}) {
  Target out{std::move(what), fmt::format("at most {:g} %", 100 * limit), "-",
             measured && reached <= limit};
  if (measured) out.reached = percent_of(reached) + remark;
  return out;
}

Target between(std::string what, double low, double high, double reached, bool measured,
               const std::string& remark = {}) {
  Target out{std::move(what), fmt::format("{:g} to {:g} %", 100 * low, 100 * high), "-",
             measured && low <= reached && reached <= high};
  if (measured) out.reached = percent_of(reached) + remark;
  return out;
}

Target at_least(std::string what, double limit, double reached, bool measured) {
  Target out{std::move(what), fmt::format("at least {:g} %", 100 * limit), "-",
             measured && reached >= limit};
  if (measured) out.reached = percent_of(reached);
  return out;
}

const SourceMean* over_sources(const RunsReport& report, const std::string& metric) {
  const auto found = std::find_if(report.over_sources.begin(), report.over_sources.end(),
                                  [&](const SourceMean& one) { return one.metric == metric; });
  return found == report.over_sources.end() ? nullptr : &*found;
}

Target of_source(const RunsReport& report, const char* what, const char* source, const char* metric,
                 const char* statistic, double limit) {
  const std::vector<double> errors = absolute_errors(report.rows, metric, source);
  return at_most(what, limit, statistic_of(errors, statistic), !errors.empty());
}

Target worst_of(const RunsReport& report, const char* what, bool informed, double limit) {
  const WorstSource worst = worst_dense_source(report.rows, apart_of(report), informed);
  return at_most(what, limit, worst.median_abs_error, !worst.source.empty(),
                 fmt::format(" ({})", worst.source));
}

Target experts(const RunsReport& report) {
  std::vector<double> errors;
  for (const RunResult& row : report.rows) {
    if (row.compared() && row.facts.experts) errors.push_back(std::fabs(row.step_time.error()));
  }
  return at_most("mixtures of experts, median", 0.10, median(errors), !errors.empty());
}

void add_step_times(const RunsReport& report, std::vector<Target>& out) {
  const SourceMean* sources = over_sources(report, "step_time");
  out.push_back(at_most("step time: median over the sources of their medians", 0.04,
                        sources != nullptr ? sources->median_abs_error : 0.0, sources != nullptr));
  out.push_back(worst_of(
      report, "worst dense source whose software, GPU and network other models share, median", true,
      0.08));
  out.push_back(
      worst_of(report, "worst dense source that is alone with its software, GPU or network, median",
               false, 0.14));
  out.push_back(experts(report));
  out.push_back(
      of_source(report, "vTrain, several nodes, mean", "vtrain_multi", "step_time", "mean", 0.09));
  out.push_back(of_source(report, "Korthikanti et al., eight step times, mean", "korthikanti_mtnlg",
                          "step_time", "mean", 0.03));
  out.push_back(of_source(report, "vTrain, one node, small models, mean", "vtrain_single",
                          "step_time", "mean", 0.07));
}

void add_memory(const RunsReport& report, std::vector<Target>& out) {
  const std::pair<const char*, std::pair<const char*, double>> sources[] = {
      {"peak memory: SimuMax, median", {"simumax_b200", 0.005}},
      {"peak memory: BLOOM, median", {"bigscience_bloom", 0.025}},
      {"peak memory: nanotron, median", {"nanotron", 0.05}},
      {"peak memory: litgpt, median", {"litgpt", 0.015}},
      {"peak memory: torchtitan, median", {"torchtitan", 0.05}}};
  for (const auto& [what, of] : sources) {
    out.push_back(of_source(report, what, of.first, "peak_memory", "median", of.second));
  }
  const auto aleph =
      std::find_if(report.out_of_memory.begin(), report.out_of_memory.end(),
                   [](const OutOfMemorySummary& one) { return one.source == "aleph_layouts"; });
  const bool known = aleph != report.out_of_memory.end();
  out.push_back(at_least("out of memory or not, configurations of aleph told apart", 0.97,
                         known ? aleph->accuracy() : 0.0, known));
}

// The source of at least 20 rows whose coverage is farthest from 90 %.
const ErrorSummary* least_covered(const RunsReport& report) {
  const std::vector<std::string> apart = apart_of(report);
  const ErrorSummary* worst = nullptr;
  for (const ErrorSummary& one : report.summary) {
    const bool judged = one.metric == "step_time" && one.group_by == "source" && one.n >= many_rows;
    if (!judged || std::find(apart.begin(), apart.end(), one.group) != apart.end()) continue;
    const auto distance = [](const ErrorSummary& of) { return std::fabs(of.coverage_90 - 0.89); };
    if (worst == nullptr || distance(one) > distance(*worst)) worst = &one;
  }
  return worst;
}

void add_intervals(const RunsReport& report, std::vector<Target>& out) {
  const SourceMean* sources = over_sources(report, "step_time");
  const bool known = sources != nullptr;
  out.push_back(between("inside the 90 % interval, sources weighted equally", 0.85, 0.95,
                        known ? sources->coverage_90 : 0.0, known));
  const ErrorSummary* worst = least_covered(report);
  out.push_back(between("the same in every source of 20 rows or more: the farthest off", 0.80, 0.98,
                        worst != nullptr ? worst->coverage_90 : 0.0, worst != nullptr,
                        worst != nullptr ? fmt::format(" ({})", worst->group) : ""));
  out.push_back(at_most("median half-width of the intervals", 0.12,
                        known ? sources->median_half_width : 0.0, known));
}

void add_regret(const RunsReport& report, std::vector<Target>& out) {
  const bool known = !report.regret.empty() && report.regret.back().source == "all";
  const RegretSummary all = known ? report.regret.back() : RegretSummary{};
  out.push_back(at_most("regret of the plan predicted to be fastest, median over the groups", 0.01,
                        all.median_regret, known));
  out.push_back(at_most("the same, mean", 0.03, all.mean_regret, known));
}

// Within the measured plans, with all runs in the fit: farther out most picks were not run.
void add_search_regret(const RunsReport& report, std::vector<Target>& out) {
  const auto all = std::find_if(report.search_regret.begin(), report.search_regret.end(),
                                [](const SearchRegret& one) {
                                  return one.source == "all" && one.space == SearchSpace::plans;
                                });
  const bool known = all != report.search_regret.end() && all->measured > 0;
  out.push_back(at_most("regret of the fastest of the measured plans that are predicted to fit, all in the fit, median",
                        0.01, known ? all->median_regret : 0.0, known));
  out.push_back(
      at_most("the same of the search, mean", 0.03, known ? all->mean_regret : 0.0, known));
}

}  // namespace

WorstSource worst_dense_source(const std::vector<RunResult>& rows,
                               const std::vector<std::string>& apart, bool informed) {
  const auto surroundings = [](const RunResult& row) {
    return row.software + '\n' + row.gpu + '\n' + row.system;
  };
  std::map<std::string, std::set<std::string>> models;
  for (const RunResult& row : rows) {
    if (row.compared() && !row.facts.experts) models[surroundings(row)].insert(row.model);
  }
  struct Source {
    std::vector<double> errors;
    double informed = 0;
  };
  std::map<std::string, Source> sources;
  for (const RunResult& row : rows) {
    if (!row.compared() || row.facts.experts || !row.facts.grade_a) continue;
    if (std::find(apart.begin(), apart.end(), row.source) != apart.end()) continue;
    Source& source = sources[row.source];
    source.errors.push_back(std::fabs(row.step_time.error()));
    if (models.at(surroundings(row)).size() >= 3) source.informed += 1;  // its own and two others
  }
  WorstSource out;
  for (const auto& [name, source] : sources) {
    const double share = source.informed / static_cast<double>(source.errors.size());
    if ((share > share_of_informed) != informed) continue;
    const double error = median(source.errors);
    if (out.source.empty() || error > out.median_abs_error) out = {name, error};
  }
  return out;
}

std::vector<Target> targets(const AccuracyData& data) {
  std::vector<Target> out;
  const RunsReport& report = data.judged();
  add_step_times(report, out);
  add_memory(report, out);
  add_intervals(report, out);
  add_regret(report, out);
  add_search_regret(data.in_sample, out);
  Target constants{"fitted constants, all in all", "at most 80",
                   fmt::format("{}", data.fitted_constants),
                   data.fitted_constants > 0 && data.fitted_constants <= 80};
  out.push_back(std::move(constants));
  return out;
}

}  // namespace lockstep
