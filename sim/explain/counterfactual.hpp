// What one change, and nothing else, would do to a plan.
#pragma once

#include <string>
#include <vector>

#include "sim/explain/question.hpp"

namespace lockstep {

struct Counterfactual {
  std::string name;  // "NVLink twice as fast"
  // What --set is given for it, all of it: "cluster.system.link_bandwidth=900 GB/s".
  std::vector<Setting> settings;
  bool of_hardware = false;
  // Whether a run can be so without anybody having noticed: worse hardware, or a switch of the plan
  // that no log shouts about. Other degrees would be noticed.
  bool may_go_unseen = false;
  Answer answer;
  // Of tokens per second and GPU over those of the plan as it is, minus 1. 0 where it isn't legal.
  double gain = 0;
};

// Every change of the table that applies to this plan, the largest gain first; then those that do
// not fit, then those that are not legal. `report` is the prediction of the question. Pure.
std::vector<Counterfactual> counterfactuals(const Question& question, const PlanReport& report);

}  // namespace lockstep
