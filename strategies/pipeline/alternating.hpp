// The order that GPipe, 1F1B and interleaved 1F1B share: some forward passes to warm up, then
// forward and backward in turn, then what is left of backward.
#pragma once

#include "strategies/pipeline/schedule.hpp"

namespace lockstep {

// With several chunks, micro-batches go through them in groups: all of a group through chunk 0,
// then through chunk 1 and so on; backward passes take chunks in reverse. Groups have `stages`
// micro-batches each (Narayanan et al. 2021, section 2.2). Where the micro-batches don't divide so,
// they are floor(m / p) groups, at least one, that differ by one at most, larger ones first: as
// PyTorch's ScheduleInterleaved1F1B makes its rounds where it can make equal ones.
// `warmup`: forward passes before the first pair of forward and backward.
std::unique_ptr<PassOrder> alternating_order(const PipelinePosition& at, std::int64_t warmup);

// Micro-batches of the first group.
std::int64_t first_group(const PipelinePosition& at);

}  // namespace lockstep
