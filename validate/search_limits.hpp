// How far a search may go from plans that were measured, as a request.
#pragma once

#include <string>
#include <vector>

#include "scenarios/scenario.hpp"

namespace lockstep {

using PlanPointers = std::vector<const Plan*>;

// The plan as the search writes it: settings that change nothing beside the others are what they
// are in a new plan (a shard group of all replicas, the interleave of one stage).
Plan as_found(Plan plan);

// What the plans could be if each of their settings were chosen by itself: for every dimension of
// the search the values that they have, in every combination. `plans` is not empty.
SearchRequest request_of_values(const PlanPointers& plans);

// What plans of their software could be: every degree, micro-batch, ZeRO stage, recompute and so
// on, but no feature that none of them has (context parallelism, offload …); schedules, placements
// and the like only as they have them. `plans` is not empty.
SearchRequest request_of_features(const PlanPointers& plans);

// Values of the pick that none of the plans has: "tensor 16", "recompute full".
std::vector<std::string> unmeasured_settings(const Plan& pick, const PlanPointers& plans);

}  // namespace lockstep
