// From the times of a plan's passes and collectives to the work that the step timeline places.
#pragma once

#include <vector>

#include "sim/engine/stage_time.hpp"
#include "sim/engine/step_timeline.hpp"

namespace lockstep {

// Gathers, reductions and what follows them, of one stage. Calls of data parallelism as a whole
// cost what one call of the whole stage costs; buckets split that time.
struct StageSync {
  std::vector<SyncCost> gather;  // per chunk
  std::vector<SyncCost> reduce;
  Seconds after_reduce;
};
StageSync stage_sync(const Plan& plan, const Workload& workload, const Stage& stage,
                     const Communication& communication);

// ZeRO-2 reduces after every micro-batch: what of it outlasts the backward pass it runs beside is
// added to that pass. Does nothing under other plans.
void add_repeated_reductions(const Plan& plan, const Workload& workload, const Stage& stage,
                             const Communication& communication, StageTime& time);

// What one stage of these times does, but for its transfers.
StageWork stage_work(const Cluster& cluster, const Plan& plan, const Workload& workload,
                     const Stage& stage, const Communication& communication,
                     const StageTime& time);

// `times` of every stage, in order. Without the time of the host per step; stragglers are not an
// event of the timeline.
StepWork step_work(const Cluster& cluster, const Plan& plan, const Workload& workload,
                   const StageTimer& timer, const Communication& communication,
                   const std::vector<StageTime>& times);

// The same with free gathers and reductions.
StepWork without_sync(StepWork work);

}  // namespace lockstep
