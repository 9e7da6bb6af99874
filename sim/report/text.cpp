#include "sim/report/text.hpp"

#include <fmt/format.h>

#include <cmath>

#include "scenarios/utf8.hpp"
#include "sim/report/names.hpp"
#include "sim/report/numbers.hpp"

namespace lockstep::text {

std::string paragraph(const std::string& words, const TextOptions& options, std::string_view indent) {
  return wrap(words, static_cast<std::size_t>(options.width), indent, indent) + '\n';
}

const char* branch(std::size_t i, std::size_t count) { return i + 1 == count ? "└─ " : "├─ "; }

std::string signed_percent(double share) {
  const std::string size = percent(std::abs(share));
  if (share == 0 || size.front() == '<') return size;
  return (share < 0 ? "−" : "+") + size;
}

namespace {

// A model of the file's own has no name that says how large it is.
std::string model_name(const Scenario& scenario) {
  const Model& model = scenario.model;
  if (model.name != "inline") return printable(model.name);
  const double parameters = count_parameters(model, model.vocabulary, scenario.training.sequence_length).total;
  return fmt::format("inline model, {} layers × {}, {} parameters", model.layers, model.hidden, scaled(parameters));
}

}  // namespace

std::string heading(const Report& report, const TextOptions& options) {
  const Scenario& scenario = report.scenario;
  const auto width = static_cast<std::size_t>(options.width);
  const std::string tokens = fmt::format("{} tokens per step ({} × {})", scaled(report.tokens_per_step),
                                         scenario.training.global_batch, scenario.training.sequence_length);
  std::string facts;
  for (const std::string& fact : {model_name(scenario), printable(report.cluster_summary), tokens,
                                  std::string(to_string(scenario.training.precision))}) {
    if (!fact.empty()) facts += (facts.empty() ? "" : " · ") + unbroken(cut(fact, width));
  }
  const std::string title = cut(printable(report.scenario_name), width);
  return painted(title, Tone::strong, options.color) + '\n' + wrap(facts, width, "", "") + '\n';
}

std::string constant_with_spread(const Sensitivity& s, const ConstantTable& table) {
  const auto info = table.find(s.path);
  const Dimension dimension = info == table.end() ? Dimension::none : info->second.dimension;
  return fmt::format("{} ± {}, {}", constant_text(s.value, dimension), percent(s.spread), to_string(s.kind));
}

std::string not_modelled_text(const Report& report, const TextOptions& options) {
  if (report.not_modelled.empty()) return {};
  std::string words = "Not modelled here: ";
  for (std::size_t i = 0; i < report.not_modelled.size(); ++i) {
    words += (i > 0 ? "; " : "") + printable(report.not_modelled[i]);
  }
  return paragraph(words + ".", options);
}

Cell verdict(const PlanReport& plan) {
  if (!plan.legal) return {"not legal", Tone::bad};
  if (!std::isfinite(plan.step_time_s.value)) return {"no route", Tone::bad};
  if (!plan.feasible) return {"too big", Tone::bad};
  // A plan that fits with less than 90 % certainty is one to look at.
  return {"fits", plan.fit_probability < 0.9 ? Tone::warning : Tone::good};
}

}  // namespace lockstep::text
