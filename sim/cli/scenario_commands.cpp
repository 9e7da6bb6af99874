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
#include "sim/cli/scenario_input.hpp"
#include "sim/cli/text_options.hpp"
#include "sim/report/ascii.hpp"
#include "sim/report/calibration_text.hpp"
#include "sim/report/display.hpp"
#include "sim/report/html/page.hpp"
#include "sim/report/plan_json.hpp"
#include "sim/report/timeline_report.hpp"

namespace lockstep::cli {

namespace {

// What the calibration did to the plans of the report; nothing without one.
std::optional<CalibrationEffect> effect_of(const CalibratedScenario& of, const Report& report,
                                           const std::vector<std::string>& plans) {
  if (!of.calibrated()) return std::nullopt;
  return calibration_effect(simulate(of.plain, plans), report, of.applied);
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
