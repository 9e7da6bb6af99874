// lower() for many plans of one model and training: what a search calls by the million. Stages that
// hold the same layers are laid out once, and blocks are kept from plan to plan.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "strategies/workload.hpp"

namespace lockstep {

// What lower() gives, but `workload.stages` holds one stage of each kind: stages of one kind have
// the same chunks, recomputed layers and ends, and so the same parameters, data_calls,
// optimizer_ops and copies. `index` is that of the first stage of the kind; micro_batches_in_flight
// and host_bytes are those of the stage of the kind that holds most. tensors, held_at_peak and
// instants are left empty.
struct DistinctWorkload {
  Workload workload;
  std::vector<std::uint16_t> kind_of;  // of each pipeline stage: index into workload.stages
  Bytes peak_allocated;                // of the fullest stage: peak_memory().worst().allocated
  // Changes whenever kinds, embedding or head do (their fsdp calls and copies apart): what a cache
  // of their times is valid for. Never given twice by one PlanLowering, not even for equal blocks
  // that were dropped in between.
  std::uint64_t blocks = 0;
};

// One per thread. Keeps the blocks and stage layouts of some plans before, at most a few megabytes
// of them (see kept_bytes()).
class PlanLowering {
 public:
  // Both must outlive it.
  PlanLowering(const Model& model, const Training& training);
  ~PlanLowering();
  PlanLowering(const PlanLowering&) = delete;
  PlanLowering& operator=(const PlanLowering&) = delete;

  // Of a legal plan (violations() empty) whose software is the same in every call. Valid until the
  // next call of any of these. Cheapest where consecutive plans have the same
  // blocks: the same tensor, sequence_parallel, tensor_overlap, context, expert, micro_batch,
  // recompute and recompute_parts; and, where they matter, FSDP or not and the ends of the model
  // together or apart.
  const DistinctWorkload& lower(const Plan& plan);

  // What a search asks first, without what only step times need.
  struct Memory {
    Bytes peak_allocated;  // peak_memory().worst().allocated
    Bytes on_host;         // most that a rank keeps in host memory
  };
  Memory memory(const Plan& plan);
  Bytes peak_allocated(const Plan& plan);

  // As lower(), with all layers, embedding and head in one chunk of one stage, which sends nothing
  // to another; layers are recomputed only where every layer is. Memory is left out.
  const DistinctWorkload& lower_in_one_chunk(const Plan& plan);

  // About what is kept for later plans.
  [[nodiscard]] std::size_t kept_bytes() const;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace lockstep
