// The partition of a step in four parts, for tables of many plans.
#pragma once

#include "sim/report/report.hpp"

namespace lockstep {

// Shares of the step; they sum to 1, or are all 0 where the plan has no partition.
struct ShortPartition {
  double compute = 0;        // forward, backward and recomputation
  double communication = 0;  // exposed: collectives, transfers, copies from and to the host
  double bubble = 0;
  double rest = 0;  // optimizer, the host's launches and waits, stragglers
};

// What overlapped communication costs the compute beside it counts as communication.
ShortPartition short_partition(const PlanReport& plan);

}  // namespace lockstep
