// What text and JSON both derive from a report: causes, deciding constants, break-evens, the length of a run.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "scenarios/constant_table.hpp"
#include "sim/report/report.hpp"

namespace lockstep {

// P(A faster than B) between these is a tie: the order is within what the model cannot tell apart.
constexpr double tie_low = 0.2;
constexpr double tie_high = 0.8;
bool is_tie(const PlanComparison& comparison);

// What the step waits for, with its part of the step; largest first. They sum to the step.
struct BoundShare {
  std::string name;
  double seconds = 0;
  double share = 0;
};
std::vector<BoundShare> bound_shares(const PlanReport& plan);

// The constant that a line of the partition leans on most: of those that the line's kind of work depends on,
// the one that moves the step furthest. Null where none does.
const Sensitivity* certainty_of(const PlanReport& plan, const PartitionLine& line);

// The constant of a comparison as the plan that has it states it: the faster plan's, else the slower's; null
// where nothing decides.
const Sensitivity* deciding_constant(const Report& report, const PlanComparison& comparison);

// The value of the deciding constant at which both plans take equally long, by the log-linear effects; none
// where it is more than three of its standard deviations away or not physical.
std::optional<double> break_even(const Report& report, const PlanComparison& comparison, const ConstantTable& constants);

// What the whole run takes where the scenario states its length; zero otherwise.
struct RunLength {
  double steps = 0;
  Predicted time_s;
  Predicted gpu_time_s;
  Predicted cost;                     // in the price's currency; zero without a price
  Predicted cost_per_million_tokens;  // also where the length isn't stated
};
RunLength run_length(const Scenario& scenario, const PlanReport& plan);

// What a reader of this plan's numbers should know: keys that change nothing.
std::vector<std::string> plan_notes(const PlanReport& plan);

// What MFU and HFU are fractions of, where it is not the peak of the 16-bit types: "fp8", "fp4", "tf32"; else "".
std::string mfu_peak(const Training& training);

// Stages next to each other whose memory is the same to 0.1 %: [first, last].
struct StageRange {
  std::size_t first = 0;
  std::size_t last = 0;
};
std::vector<StageRange> equal_stages(const PlanReport& plan);

}  // namespace lockstep
