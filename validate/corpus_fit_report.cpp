// What `calibrate --corpus runs` prints.
#include <fmt/format.h>

#include <cmath>

#include <nlohmann/json.hpp>

#include "sim/report/display.hpp"
#include "validate/corpus_fit.hpp"

namespace lockstep {
namespace {

constexpr std::size_t text_width = 100;
constexpr double percent = 100.0;
constexpr double surprising = 2.0;  // prior standard deviations from what was believed
constexpr double near_bound = 1.001;

const ErrorSummary* find(const std::vector<ErrorSummary>& errors, const ErrorSummary& like) {
  for (const ErrorSummary& one : errors) {
    if (one.group_by == like.group_by && one.group == like.group) return &one;
  }
  return nullptr;
}

std::string parameter_line(const FittedParameter& parameter, double informed) {
  const double deviations = std::log(parameter.factor) / parameter.prior_spread;
  const bool on_bound = parameter.factor < parameter.low * near_bound ||
                        parameter.factor > parameter.high / near_bound;
  const char* flag = on_bound ? "|" : std::abs(deviations) > surprising ? "!" : " ";
  return fmt::format("  {:<26} {:>6.3f} ± {:>3.0f} %  of ± {:>3.0f} %  {:>4.0f} % {} {}\n",
                     parameter.name, parameter.factor, percent * parameter.spread,
                     percent * parameter.prior_spread, percent * informed, flag,
                     cut(parameter.meaning, 40));
}

std::string error_cells(const ErrorSummary* one) {
  if (one == nullptr) return fmt::format("{:>8} {:>7}", "-", "-");
  return fmt::format("{:>6.1f} % {:>+6.1f}%", percent * one->median_abs_error, percent * one->bias);
}

nlohmann::ordered_json summary_json(const std::vector<ErrorSummary>& errors) {
  nlohmann::ordered_json out = nlohmann::ordered_json::array();
  for (const ErrorSummary& one : errors) {
    out.push_back({{"group_by", one.group_by},
                   {"group", one.group},
                   {"n", one.n},
                   {"median_abs_error", one.median_abs_error},
                   {"p90_abs_error", one.p90_abs_error},
                   {"mean_abs_error", one.mean_abs_error},
                   {"bias", one.bias}});
  }
  return out;
}

}  // namespace

std::string corpus_fit_text(const CorpusFit& fit) {
  std::string out = fmt::format(
      "{}, {} parameters, {} iterations\n\n  {:<26} {:>6}   {:>5}     {:>6}   {:>6}  {}\n",
      fit.fit.fitted.source, fit.fit.fitted.size(), fit.fit.iterations, "parameter", "factor",
      "known", "before", "learnt", "meaning");
  for (std::size_t k = 0; k < fit.fit.fitted.size(); ++k) {
    out += parameter_line(fit.fit.fitted.parameters[k], fit.fit.informed[k]);
  }
  out +=
      "  ! more than two deviations from what was believed; | on the border of what is physical\n";
  out +=
      fmt::format("\n  error of the step time: median, bias\n  {:<20} {:>5} {:>16} {:>16} {:>16}\n",
                  "source", "runs", "in the fit", "model left out", "source left out");
  for (const ErrorSummary& one : fit.in_sample) {
    out += fmt::format("  {:<20} {:>5} {:>16} {:>16} {:>16}\n",
                       one.group_by == "overall" ? "all" : cut(one.group, 20), one.n,
                       error_cells(&one), error_cells(find(fit.left_out, one)),
                       error_cells(find(fit.new_source, one)));
  }
  out += fmt::format("  {:<20} {:>5} {:>6.1f} % {:>14.1f} % {:>14.1f} %\n", "median of sources", "",
                     percent * median_over_sources(fit.in_sample, "step_time"),
                     percent * median_over_sources(fit.left_out, "step_time"),
                     percent * median_over_sources(fit.new_source, "step_time"));
  return out;
}

std::string corpus_fit_json(const CorpusFit& fit) {
  nlohmann::ordered_json parameters = nlohmann::ordered_json::array();
  for (std::size_t k = 0; k < fit.fit.fitted.size(); ++k) {
    const FittedParameter& one = fit.fit.fitted.parameters[k];
    parameters.push_back({{"name", one.name},
                          {"meaning", one.meaning},
                          {"factor", one.factor},
                          {"spread", one.spread},
                          {"prior_spread", one.prior_spread},
                          {"informed", fit.fit.informed[k]}});
  }
  const nlohmann::ordered_json out{{"schema_version", 1},
                                   {"source", fit.fit.fitted.source},
                                   {"iterations", fit.fit.iterations},
                                   {"objective", fit.fit.objective},
                                   {"parameters", parameters},
                                   {"in_sample", summary_json(fit.in_sample)},
                                   {"model_left_out", summary_json(fit.left_out)},
                                   {"source_left_out", summary_json(fit.new_source)}};
  return out.dump(2) + "\n";
}

}  // namespace lockstep
