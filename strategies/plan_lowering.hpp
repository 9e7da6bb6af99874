// lower() for many plans of one model and training: what a search calls by the million. Stages that
// hold the same layers are laid out once, and blocks are kept from plan to plan.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "strategies/workload.hpp"

namespace lockstep {

// What lower() gives, but `workload.stages` holds one stage of each kind: stages of one kind have
// the same layers, ends, parameters, data_calls, optimizer_ops and copies. Their index is that of
// the first stage of the kind; their memory is that of the stage of the kind that takes most.
struct DistinctWorkload {
  Workload workload;                   // stages[].instants and .tensors may be left empty
  std::vector<std::uint16_t> kind_of;  // of each pipeline stage: index into workload.stages
  Bytes peak_allocated;                // of the fullest stage: peak_memory().worst().allocated
  std::uint64_t blocks = 0;  // changes whenever kinds, embedding or head do (their fsdp calls and
                             // copies apart): what a cache of their times is valid for
};

class PlanLowering {
 public:
  PlanLowering(const Model& model, const Training& training);
  ~PlanLowering();
  PlanLowering(const PlanLowering&) = delete;
  PlanLowering& operator=(const PlanLowering&) = delete;

  // Of a legal plan whose software is always the same. Valid until the next call. Cheapest where
  // consecutive plans differ in few things: the blocks of the last plans are kept by what they
  // depend on (tensor, sequence_parallel, context, expert, micro_batch, recompute and its parts,
  // the schedule where it splits backward passes, data where experts see it …).
  const DistinctWorkload& lower(const Plan& plan);

  // peak_memory().worst().allocated of the plan, without what only step times need.
  Bytes peak_allocated(const Plan& plan);

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace lockstep
