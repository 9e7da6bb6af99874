// The order in which a rank queues the kernels and collectives of a step on its streams, and what
// waits for what: the predicted step as a program that can be run.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "sim/engine/parts.hpp"
#include "strategies/plan.hpp"
#include "strategies/workload.hpp"
#include "validate/measure/gemm_shape.hpp"

namespace lockstep {

// NCCL runs each communicator's collectives on a stream of its own.
enum class TaskStream : std::uint8_t { compute, tensor, context, expert, data, count };

struct StepTask {
  TaskStream stream = TaskStream::compute;
  StepPart part = StepPart::linear;  // of an op: its line; of a call: the line of a wait for it
  const Op* op = nullptr;            // one of the two
  GemmPass pass = GemmPass::forward;  // of an op that is a product: how its operands lie
  const CollectiveCall* call = nullptr;
  double bytes = 0;  // of the call's buffer: a piece of it where it goes in buckets
  std::vector<std::size_t> waits_for;  // earlier tasks of other streams that must have ended
};

// Of a workload with one stage of one chunk, whose pointers the tasks keep. FSDP units are gathered
// one unit ahead where the plan prefetches, and reduced after their backward pass; gradients of
// replicated or ZeRO plans are reduced in buckets beside the last backward pass, parameters
// gathered beside the first forward pass. Pure.
std::vector<StepTask> step_tasks(const Plan& plan, const Workload& workload);

// The collective, of those that a task waits for, that was queued last; null where it waits for none.
// A wait for several counts for this one.
const StepTask* last_call(const std::vector<StepTask>& tasks, const StepTask& task);

// The ranks of the group of this kind that holds `rank`, in their order. Pure.
std::vector<std::int64_t> group_ranks(const Plan& plan, GroupKind kind, std::int64_t rank);

}  // namespace lockstep
