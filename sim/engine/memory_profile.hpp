// What a stage holds at which time of the step, from the tensors of its worst instants.
#pragma once

#include "sim/engine/memory.hpp"
#include "sim/engine/memory_curve.hpp"
#include "strategies/workload.hpp"

namespace lockstep {

// By the lifetimes of the stage's tensors. The highest level that the curve then reaches is the
// stage's peak_memory(), where the timeline has as many micro-batches in flight as the schedule
// says and the stage's chunks hold alike.
StageMemoryProfile memory_profile(const Stage& stage);

}  // namespace lockstep
