// simulate and compare.
#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <filesystem>
#include <sstream>

#include "scenarios/calibration_use.hpp"
#include "scenarios/utf8.hpp"
#include "sim/cli/catalog_folder.hpp"
#include "sim/cli/commands.hpp"
#include "sim/cli/output_file.hpp"
#include "sim/cli/page_option.hpp"
#include "sim/cli/text_options.hpp"
#include "sim/report/ascii.hpp"
#include "sim/report/calibration_text.hpp"
#include "sim/report/display.hpp"
#include "sim/report/html/page.hpp"
#include "sim/report/plan_json.hpp"
#include "sim/report/timeline_report.hpp"

namespace lockstep::cli {

namespace {

// The scenario, and the same with what --calibration holds.
struct CalibratedScenario {
  Scenario plain;
  Scenario scenario;
  AppliedCalibration applied;
  [[nodiscard]] bool calibrated() const { return !applied.files.empty(); }
};

CalibratedScenario scenario_of(const Arguments& arguments, const Environment& environment) {
  const Catalog catalog = open_catalog(arguments, environment, settings_of(arguments));
  CalibratedScenario result;
  result.plain =
      load_scenario(arguments.positionals().front(), catalog, IllegalPlans::keep);
  require_plans(result.plain, arguments.positionals().front());
  result.scenario = result.plain;
  result.applied = apply_calibrations(arguments.values("calibration"), catalog,
                                      clusters_of(result.scenario));
  return result;
}

// What the calibration did to the plans of the report; nothing without one.
std::optional<CalibrationEffect> effect_of(const CalibratedScenario& of, const Report& report,
                                           const std::vector<std::string>& plans) {
  if (!of.calibrated()) return std::nullopt;
  return calibration_effect(simulate(of.plain, plans), report, of.applied);
}

// The other plans' problems are theirs.
void check_chosen(const Scenario& scenario, const std::string& name) {
  Scenario chosen;
  for (const ScenarioPlan& plan : scenario.plans) {
    if (plan.plan.name == name) chosen.plans.push_back(plan);
  }
  std::vector<Diagnostic> problems = plan_problems(chosen);
  if (!problems.empty()) throw InputError(std::move(problems));
}

// A comparison can do without some of the plans, but not without their names.
void check_all(const Scenario& scenario) {
  std::vector<Diagnostic> problems = plan_problems(scenario);
  const bool any_legal = std::any_of(scenario.plans.begin(), scenario.plans.end(),
                                     [](const ScenarioPlan& plan) { return plan.problems.empty(); });
  const bool misnamed = std::any_of(problems.begin(), problems.end(), [](const Diagnostic& problem) {
    return problem.code == "E452" || problem.code == "E453";
  });
  if (misnamed || !any_legal) throw InputError(std::move(problems));
}

// Settings of the scenario's software that some of the shown plans do not see.
std::string notes_of(const Scenario& scenario, const std::string& only_plan) {
  std::string notes;
  for (const UnreachedPlans& unreached : scenario.unreached) {
    std::vector<std::string> plans = unreached.plans;
    if (!only_plan.empty()) {
      plans.erase(std::remove_if(plans.begin(), plans.end(), [&](const std::string& p) { return p != only_plan; }),
                  plans.end());
    }
    if (plans.empty()) continue;
    const bool one = plans.size() == 1;
    const std::string words =
        fmt::format("--set {}: {} {} {} own software and {} not affected", printable(unreached.setting),
                    one ? "plan" : "plans", printable(join(plans)), one ? "has its" : "have their", one ? "is" : "are");
    notes += wrap(words, 100, "lockstep: note: ", std::string(16, ' ')) + '\n';
  }
  return notes;
}

std::vector<std::string> plan_names(const Scenario& scenario) {
  std::vector<std::string> names;
  for (const ScenarioPlan& plan : scenario.plans) names.push_back(plan.plan.name);
  return names;
}

// The plan that --plan names, or the only one there is.
std::string chosen_plan(const Scenario& scenario, const Arguments& arguments) {
  const std::vector<std::string> names = plan_names(scenario);
  const std::string listed = printable(join(names));
  if (!arguments.has("plan")) {
    if (names.size() == 1) return names.front();
    throw UsageError(fmt::format("the scenario has {} plans: name one with --plan", names.size()),
                     fmt::format("its plans: {}", listed));
  }
  const std::string name = arguments.value("plan");
  if (std::find(names.begin(), names.end(), name) != names.end()) return name;
  const std::string nearest = nearest_name(name, names);
  std::string hint = fmt::format("its plans: {}", listed);
  if (!nearest.empty()) hint = fmt::format("did you mean {}? {}", printable(nearest), hint);
  throw UsageError(fmt::format("the scenario has no plan '{}'", printable(name)), hint);
}

Outcome rendered(const Report& report, const std::optional<CalibrationEffect>& effect,
                 const std::string& command, const Arguments& arguments,
                 const Environment& environment) {
  const std::string format = arguments.value("format", "text");
  Outcome outcome;
  if (format == "json") {
    outcome.output = report_json(report, command, effect ? &*effect : nullptr);
  } else if (format == "csv") {
    outcome.output = report_csv(report);
  } else {
    const TextOptions options = text_options(arguments, environment);
    outcome.output = command == "simulate" ? simulate_text(report, options) : compare_text(report, options);
    if (effect) outcome.output += '\n' + calibration_effect_text(*effect, options);
  }
  const bool fits =
      std::any_of(report.plans.begin(), report.plans.end(), [](const PlanReport& plan) { return plan.feasible; });
  outcome.code = fits ? exit_ok : exit_infeasible;
  return outcome;
}

// What goes together, before anything is computed or written.
void check_timeline_options(const Arguments& arguments) {
  const std::string format = arguments.value("format", "text");
  if (format != "text" && arguments.has("timeline")) {
    throw UsageError("--timeline goes with --format text", "--format json has it as numbers");
  }
  if (format != "text" && arguments.has("ops")) {
    throw UsageError("--ops goes with --format text", "--format json has every op");
  }
  if (format != "text" && arguments.has("ascii")) {
    throw UsageError("--ascii goes with --format text");
  }
  std::error_code missing;
  if (arguments.has("trace") &&
      std::filesystem::equivalent(arguments.value("trace"), arguments.positionals().front(), missing)) {
    throw UsageError("--trace would overwrite the scenario", "name another file");
  }
  check_page_option(arguments);
  if (arguments.value("trace") != "-") return;
  for (const char* other : {"timeline", "format", "ascii"}) {
    if (arguments.has(other)) {
      throw UsageError(fmt::format("--trace - leaves no room for --{}", other),
                       "--trace FILE writes the trace beside the report");
    }
  }
}

// The page of the report, where one is asked for.
void add_page_of(const Report& report, const std::optional<CalibrationEffect>& effect,
                 const std::string& command, const Arguments& arguments, Outcome& outcome) {
  if (!arguments.has("html")) return;
  nlohmann::ordered_json document = report_document(report, command, effect ? &*effect : nullptr);
  document["page"] = page_json(report, page_origin(command, arguments));
  add_page(document, arguments, outcome);
}

// The trace of the plan, to a file or in the place of the report.
void add_trace(const TimelineReport& timeline, const std::string& path, Outcome& outcome) {
  if (path == "-") {
    std::ostringstream text;
    write_trace(timeline, text);
    outcome.output = text.str();
    return;
  }
  write_file(path, "--trace", [&](std::ostream& out) { write_trace(timeline, out); });
}

}  // namespace

Outcome run_simulate(const Arguments& arguments, const Environment& environment) {
  check_timeline_options(arguments);
  const CalibratedScenario loaded = scenario_of(arguments, environment);
  const Scenario& scenario = loaded.scenario;
  const std::string plan = chosen_plan(scenario, arguments);
  check_chosen(scenario, plan);
  const Report report = simulate(scenario, {plan});
  const std::optional<CalibrationEffect> effect = effect_of(loaded, report, {plan});
  Outcome outcome = rendered(report, effect, "simulate", arguments, environment);
  if (arguments.has("timeline") || arguments.has("trace")) {
    const std::optional<TimelineReport> timeline = timeline_of(report, report.plans.front());
    if (!timeline) {
      throw UsageError("the plan has no timeline: its collectives never end",
                       "the report without --timeline and --trace says why");
    }
    if (arguments.has("timeline")) {
      outcome.output += timeline_text(*timeline, text_options(arguments, environment));
    }
    if (arguments.has("trace")) add_trace(*timeline, arguments.value("trace"), outcome);
  }
  const bool terminal_without = environment.stdout_is_terminal && environment.ascii_locale;
  if (arguments.value("format", "text") == "text" && arguments.value("trace") != "-" &&
      (arguments.has("ascii") || terminal_without)) {
    outcome.output = to_ascii(outcome.output);
  }
  outcome.remark = notes_of(scenario, plan);
  add_page_of(report, effect, "simulate", arguments, outcome);
  return outcome;
}

Outcome run_compare(const Arguments& arguments, const Environment& environment) {
  check_page_option(arguments);
  const CalibratedScenario loaded = scenario_of(arguments, environment);
  check_all(loaded.scenario);
  const Report report = simulate(loaded.scenario);
  const std::optional<CalibrationEffect> effect = effect_of(loaded, report, {});
  Outcome outcome = rendered(report, effect, "compare", arguments, environment);
  outcome.remark = notes_of(loaded.scenario, {});
  add_page_of(report, effect, "compare", arguments, outcome);
  return outcome;
}

}  // namespace lockstep::cli
