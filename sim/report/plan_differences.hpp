// What one plan does otherwise than another.
#pragma once

#include <string>
#include <vector>

#include "sim/report/report.hpp"

namespace lockstep {

struct PlanDifference {
  std::string key;    // of the plan, as the JSON of a plan has it: "pipeline_stages"
  std::string name;   // "pp", "sequence parallelism"
  std::string words;  // "pp 4 instead of 2", "without sequence parallelism"
};

// In the order in which a plan is written. Degrees that are not in use are not compared: the method
// of a context degree of 1, the groups of what is not sharded.
std::vector<PlanDifference> plan_differences(const PlanReport& plan, const PlanReport& other);

// "pp 4 instead of 2, full recompute instead of selective"; "" where nothing differs.
std::string differences_text(const std::vector<PlanDifference>& differences);

}  // namespace lockstep
