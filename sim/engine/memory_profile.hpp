// What a stage holds at which time of the step, from the tensors of its worst instants.
#pragma once

#include "sim/engine/memory.hpp"
#include "sim/engine/memory_curve.hpp"
#include "strategies/workload.hpp"

namespace lockstep {

// `splits_backward` and the layers of the chunks decide what a chunk pass in flight holds. The
// stage's peak over the passes is that of peak_memory() where the schedule's count of micro-batches
// in flight is the timeline's.
StageMemoryProfile memory_profile(const Stage& stage);

}  // namespace lockstep
