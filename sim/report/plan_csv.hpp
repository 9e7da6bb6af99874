// The columns of a plan that the CSV of several commands shares.
#pragma once

#include <string>

#include "sim/report/report.hpp"

namespace lockstep {

// Quoted where it holds a comma, a quote or a line break.
std::string csv_quoted(const std::string& text);

// Names of the columns, and a plan's values: step time to cost, each with its interval; empty where
// nothing is known.
std::string plan_csv_heading();
std::string plan_csv(const Scenario& scenario, const PlanReport& plan);

}  // namespace lockstep
