// The scenario of a command line, and which of its plans is meant.
#pragma once

#include <string>

#include "scenarios/calibration_use.hpp"
#include "sim/cli/commands.hpp"

namespace lockstep::cli {

// The scenario, and the same with what --calibration holds.
struct CalibratedScenario {
  Scenario plain;
  Scenario scenario;
  AppliedCalibration applied;
  [[nodiscard]] bool calibrated() const { return !applied.files.empty(); }
};

// The first argument, with --set, --catalog and --calibration. Plans that break a rule stay in it.
// Throws InputError.
CalibratedScenario scenario_of(const Arguments& arguments, const Environment& environment);

// The problems of one plan, as an InputError; the other plans' problems are theirs.
void check_chosen(const Scenario& scenario, const std::string& name);

// A comparison can do without some of the plans, but not without their names, nor without all.
// Throws InputError.
void check_all(const Scenario& scenario);

// Settings of the scenario's software that some of the shown plans do not see ("": all are shown).
std::string notes_of(const Scenario& scenario, const std::string& only_plan);

// `name` if the scenario has such a plan. Throws UsageError.
std::string known_plan(const Scenario& scenario, const std::string& name);

// The plan that --plan names, or the only one there is. Throws UsageError.
std::string chosen_plan(const Scenario& scenario, const Arguments& arguments);

}  // namespace lockstep::cli
