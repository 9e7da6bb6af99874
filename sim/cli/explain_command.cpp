// explain: why a plan's prediction is what it is.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "scenarios/utf8.hpp"
#include "sim/cli/commands.hpp"
#include "sim/cli/options.hpp"
#include "sim/cli/page_option.hpp"
#include "sim/cli/scenario_input.hpp"
#include "sim/cli/text_options.hpp"
#include "sim/report/ascii.hpp"
#include "sim/report/explain_report.hpp"
#include "sim/report/plan_json.hpp"
#include "topology/quantity_text.hpp"

namespace lockstep::cli {

namespace {

struct MeasuredKey {
  const char* name;
  MeasuredQuantity quantity;
  Dimension dimension;
};

constexpr std::array measured_keys{
    MeasuredKey{"step_time", MeasuredQuantity::step_time, Dimension::seconds},
    MeasuredKey{"tokens_per_s_per_gpu", MeasuredQuantity::tokens_per_s_per_gpu, Dimension::none},
    MeasuredKey{"mfu", MeasuredQuantity::mfu, Dimension::none},
    MeasuredKey{"peak_memory", MeasuredQuantity::peak_memory, Dimension::bytes},
};
constexpr const char* measured_example = "for example --measured \"step_time=71.2 s\"";

// "step_time=71.2 s".
Measured measured_of(const std::string& text) {
  const std::size_t equals = text.find('=');
  if (equals == std::string::npos) {
    throw UsageError(fmt::format("--measured {} has no value", printable(text)), measured_example);
  }
  const std::string name = text.substr(0, equals);
  const auto key = std::find_if(measured_keys.begin(), measured_keys.end(),
                                [&](const MeasuredKey& one) { return name == one.name; });
  if (key == measured_keys.end()) {
    std::vector<std::string> names;
    for (const MeasuredKey& one : measured_keys) names.emplace_back(one.name);
    throw UsageError(fmt::format("--measured knows no '{}'", printable(name)),
                     "what can be measured: " + join(names));
  }
  const ParsedQuantity value = parse_quantity(text.substr(equals + 1), key->dimension);
  if (!value) {
    throw UsageError(fmt::format("--measured {}: the value {}", printable(text), value.message),
                     value.hint.empty() ? measured_example : value.hint);
  }
  const bool share = key->quantity == MeasuredQuantity::mfu;
  if (!(*value.value > 0) || (share && *value.value > 1)) {
    throw UsageError(fmt::format("--measured {}: the value must be above 0{}", printable(text),
                                 share ? " and at most 1, or 100 %" : ""));
  }
  constexpr double most = 1e15;  // of seconds, bytes or tokens
  if (*value.value > most) {
    throw UsageError(fmt::format("--measured {}: the value is beyond what a step can take", printable(text)),
                     measured_example);
  }
  return {key->quantity, *value.value};
}

std::size_t place_of(const Report& report, const std::string& name) {
  const auto found = std::find_if(report.plans.begin(), report.plans.end(),
                                  [&](const PlanReport& plan) { return plan.plan.name == name; });
  return static_cast<std::size_t>(found - report.plans.begin());
}

}  // namespace

Outcome run_explain(const Arguments& arguments, const Environment& environment) {
  check_page_option(arguments);
  ExplainOptions options;
  if (arguments.has("measured")) options.measured = measured_of(arguments.value("measured"));
  options.scenario_file = printable(arguments.positionals().front());
  const CalibratedScenario loaded = scenario_of(arguments, environment);
  const Scenario& scenario = loaded.scenario;
  check_all(scenario);
  std::string name;
  if (arguments.has("plan")) {
    name = known_plan(scenario, arguments.value("plan"));
    check_chosen(scenario, name);
  }
  if (arguments.has("against")) {
    options.against = known_plan(scenario, arguments.value("against"));
    check_chosen(scenario, options.against);
  }
  const Report report = simulate(scenario);
  // Without a name the best plan is explained.
  const std::size_t plan = name.empty() ? report.ranking.front() : place_of(report, name);
  name = report.plans[plan].plan.name;
  if (name == options.against) {
    throw UsageError(fmt::format("--against {} is the explained plan itself", printable(name)),
                     "name another plan with --plan or --against");
  }
  const PlanReport& explained = report.plans[plan];
  const Explanation why = explain(report, plan, options);
  Outcome outcome;
  const std::string format = arguments.value("format", "text");
  if (format == "json") {
    outcome.output = json_text(explain_document(report, why));
  } else if (format == "csv") {
    outcome.output = explain_csv(report, why);
  } else {
    outcome.output = explain_text(report, why, text_options(arguments, environment));
    const bool terminal_without = environment.stdout_is_terminal && environment.ascii_locale;
    if (arguments.has("ascii") || terminal_without) outcome.output = to_ascii(outcome.output);
  }
  outcome.code = explained.feasible ? exit_ok : exit_infeasible;
  outcome.remark = notes_of(scenario, name);
  if (arguments.has("html")) {
    nlohmann::ordered_json document = explain_document(report, why);
    document["page"] = page_json(report, page_origin("explain", arguments));
    add_page(document, arguments, outcome);
  }
  return outcome;
}

}  // namespace lockstep::cli
