// The cluster of a plan as a map, and the roofs that its ops sit under.
#pragma once

#include <nlohmann/json.hpp>

#include "sim/report/report.hpp"

namespace lockstep {

// Parts and links of the folded graph, one of each kind that differs, and what the plan's groups
// put on the busiest link of each class. Null where the plan's step never ends.
nlohmann::ordered_json page_cluster(const PlanReport& plan);

// Peaks of the types that the plan computes in, the memory's bandwidth, and what each op reaches.
nlohmann::ordered_json page_roofs(const PlanReport& plan);

}  // namespace lockstep
