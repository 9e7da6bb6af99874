#include "sim/cli/scenario_input.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "scenarios/utf8.hpp"
#include "sim/cli/catalog_folder.hpp"
#include "sim/report/display.hpp"

namespace lockstep::cli {

namespace {

std::vector<std::string> plan_names(const Scenario& scenario) {
  std::vector<std::string> names;
  for (const ScenarioPlan& plan : scenario.plans) names.push_back(plan.plan.name);
  return names;
}

}  // namespace

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

void check_chosen(const Scenario& scenario, const std::string& name) {
  Scenario chosen;
  for (const ScenarioPlan& plan : scenario.plans) {
    if (plan.plan.name == name) chosen.plans.push_back(plan);
  }
  std::vector<Diagnostic> problems = plan_problems(chosen);
  if (!problems.empty()) throw InputError(std::move(problems));
}

void check_all(const Scenario& scenario) {
  std::vector<Diagnostic> problems = plan_problems(scenario);
  const bool any_legal = std::any_of(scenario.plans.begin(), scenario.plans.end(),
                                     [](const ScenarioPlan& plan) { return plan.problems.empty(); });
  const bool misnamed = std::any_of(problems.begin(), problems.end(), [](const Diagnostic& problem) {
    return problem.code == "E452" || problem.code == "E453";
  });
  if (misnamed || !any_legal) throw InputError(std::move(problems));
}

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

std::string known_plan(const Scenario& scenario, const std::string& name) {
  const std::vector<std::string> names = plan_names(scenario);
  if (std::find(names.begin(), names.end(), name) != names.end()) return name;
  const std::string nearest = nearest_name(name, names);
  std::string hint = fmt::format("its plans: {}", printable(join(names)));
  if (!nearest.empty()) hint = fmt::format("did you mean {}? {}", printable(nearest), hint);
  throw UsageError(fmt::format("the scenario has no plan '{}'", printable(name)), hint);
}

std::string chosen_plan(const Scenario& scenario, const Arguments& arguments) {
  if (arguments.has("plan")) return known_plan(scenario, arguments.value("plan"));
  const std::vector<std::string> names = plan_names(scenario);
  if (names.size() == 1) return names.front();
  throw UsageError(fmt::format("the scenario has {} plans: name one with --plan", names.size()),
                   fmt::format("its plans: {}", printable(join(names))));
}

}  // namespace lockstep::cli
