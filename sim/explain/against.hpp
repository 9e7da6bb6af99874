// The difference between two plans, term by term.
#pragma once

#include <string>
#include <vector>

#include "sim/explain/question.hpp"
#include "sim/report/plan_differences.hpp"

namespace lockstep {

// A line of both partitions; a plan without it has 0.
struct DifferenceTerm {
  std::string name;
  double value = 0;          // of the plan
  double against_value = 0;
  [[nodiscard]] double difference() const { return value - against_value; }
};

// One thing that the plan does otherwise, undone alone.
struct SingleChange {
  PlanDifference difference;  // what the other plan does instead, in words
  Answer answer;              // of the plan with this one thing as the other plan has it
  double seconds = 0;         // of the step, over the plan as it is; 0 where that isn't legal
};

struct Against {
  std::string plan;
  std::string against;
  double step_time_s = 0;
  double against_step_time_s = 0;
  double peak_memory_bytes = 0;
  double probability = 0.5;  // that the plan is faster
  std::vector<DifferenceTerm> terms;   // seconds; differences sum to that of the steps; the largest first
  std::vector<DifferenceTerm> memory;  // bytes of the worst stages; sum to that of the peaks
  // Each alone, not one after the other: they need not sum to the difference.
  std::vector<SingleChange> changes;
};

// Both legal. Pure.
Against against(const Question& question, const PlanReport& plan, const PlanReport& other);

}  // namespace lockstep
