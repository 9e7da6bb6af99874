// What a calibration does to the predictions of a scenario: before, after, and which conclusions
// differ.
#pragma once

#include <string>
#include <vector>

#include "scenarios/calibration_use.hpp"
#include "sim/report/report.hpp"

namespace lockstep {

// One plan without and with the calibration.
struct PlanEffect {
  std::string name;
  bool legal = true;
  bool feasible_before = true, feasible_after = true;
  std::size_t place_before = 0, place_after = 0;  // from 1 on; 0: does not fit
  Predicted step_before, step_after;
  Predicted memory_before, memory_after;
  std::string bound_before, bound_after;
  [[nodiscard]] double step_change() const;  // after / before - 1; 0 where one is not finite
  [[nodiscard]] double memory_change() const;
};

struct ConstantEffect {
  AppliedConstant constant;
  bool beyond_spread = false;  // |ln(after / before)| is more than the catalog's spread
  double step_change = 0;      // of the reference plan where this constant alone is calibrated
};

// A collective of the reference plan; all its calls in a step.
struct CollectiveEffect {
  std::string name;
  Collective collective = Collective::all_reduce;
  std::int64_t ranks = 1;
  std::int64_t nodes = 1;
  double bytes = 0;
  double seconds_before = 0, seconds_after = 0;
  double exposed_before = 0, exposed_after = 0;
};

struct CalibrationEffect {
  AppliedCalibration applied;
  std::vector<PlanEffect> plans;  // in the order of the calibrated ranking
  std::string reference;  // the plan that the pieces are of: the fastest one; "" without any
  std::vector<ConstantEffect> constants;      // the largest change of the reference plan first
  double collectives_change = 0;              // of the reference plan, by the collectives alone
  std::vector<CollectiveEffect> collectives;  // the largest difference first
  // Sentences: order, ties, what fits, bounds. Empty: nothing that one would decide differently.
  std::vector<std::string> changed;
};

// Two reports of one scenario: without the calibration, and with it. Pure.
CalibrationEffect calibration_effect(const Report& before, const Report& after,
                                     const AppliedCalibration& applied);

}  // namespace lockstep
