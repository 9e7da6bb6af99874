// The objects of a plan and of a scenario that the JSON of several commands shares.
#pragma once

#include <nlohmann/json.hpp>

#include "sim/report/report.hpp"

namespace lockstep {

// Raised where a key changes its meaning or goes; a new key leaves it.
constexpr int schema_version = 1;

// Everything about a plan of the report.
nlohmann::ordered_json plan_json(const Report& report, const PlanReport& plan);

nlohmann::ordered_json scenario_json(const Report& report);

}  // namespace lockstep
