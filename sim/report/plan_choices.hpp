// What a plan says, as the JSON of every command has it: `plan` of an entry of `plans[]`.
#pragma once

#include <nlohmann/json.hpp>

#include "strategies/plan.hpp"

namespace lockstep {

nlohmann::ordered_json plan_choices(const Plan& plan);

}  // namespace lockstep
