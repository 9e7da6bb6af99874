// What one micro-batch costs on one pipeline stage, by kind of work.
#pragma once

#include <vector>

#include "sim/engine/layer_time.hpp"

namespace lockstep {

// Passes of one micro-batch through one model chunk. Recompute is part of the backward pass;
// `weight_gradient` is empty unless the schedule splits the backward pass.
struct ChunkTime {
  Parts forward;
  Parts backward;
  Parts weight_gradient;
  Seconds hidden_compute;  // compute of units whose collectives take longer: the network sets their
                           // pace
  [[nodiscard]] Seconds total() const {
    return forward.total() + backward.total() + weight_gradient.total();
  }
};

struct StageTime {
  std::vector<ChunkTime> chunks;
  // Of all chunks.
  [[nodiscard]] Parts parts() const;
  [[nodiscard]] Seconds forward() const;
  [[nodiscard]] Seconds backward() const;  // weight gradients included
  [[nodiscard]] Seconds total() const { return forward() + backward(); }
  [[nodiscard]] Seconds hidden_compute() const;
};

// The passes of a block on the layer timeline, without its FSDP unit and copies.
struct BlockPasses {
  PassTime forward;
  PassTime backward;
  PassTime again;  // recompute
};

// Those of a workload. They depend on its blocks, on the schedule where it splits backward passes,
// on the plan's tensor_overlap and sequence_parallel, and on the groups of tensor, context and
// experts.
struct WorkloadPasses {
  WorkloadPasses(const Cluster& cluster, const Plan& plan, const Workload& workload,
                 const Communication& communication);

  std::vector<BlockPasses> kinds;
  BlockPasses embedding;
  BlockPasses head;
};

// Times of the blocks of a workload, computed once and combined per stage.
class StageTimer {
 public:
  // All outlive it. `passes` are those of the workload.
  StageTimer(const Cluster& cluster, const Plan& plan, const Workload& workload,
             const Communication& communication, const WorkloadPasses& passes);

  [[nodiscard]] StageTime time(const Stage& stage) const { return time(stage, stage.index); }
  // Of a stage with its layers at another place of the pipeline.
  [[nodiscard]] StageTime time(const Stage& stage, std::int64_t index) const;

  // One transfer between this stage and the next: how long the sender's compute waits, and what
  // runs beside it.
  struct Transfer {
    Seconds blocking;
    Seconds hidden;
  };
  [[nodiscard]] Transfer transfer_from(std::int64_t stage) const;

  // What a chunk sends after its forward pass and after its backward pass.
  struct Sends {
    Transfer forward;
    Transfer backward;
  };
  [[nodiscard]] Sends sends_of(std::int64_t stage, std::int64_t chunk) const;

  // Adds the stage's collectives of one micro-batch, times micro-batches, to the tally.
  void tally(const Stage& stage, double micro_batches, CollectiveTally& tally) const;

 private:
  // A block under its FSDP unit: forward, and backward with and without recompute.
  struct BlockTime {
    ChunkTime plain;
    ChunkTime recomputing;
    Seconds unit;  // collectives of the FSDP unit beside the forward pass
  };

  [[nodiscard]] BlockTime block_time(const BlockPasses& passes,
                                     const std::vector<CollectiveCall>& unit_forward,
                                     const std::vector<CollectiveCall>& unit_backward) const;
  // Returns the unit's compute where its collectives take longer, else zero.
  Seconds add_unit(Parts& parts, const std::vector<CollectiveCall>& calls) const;
  void add_copies(const LayerKind& kind, BlockTime& time) const;
  [[nodiscard]] double slowdown_of(const Parts& parts) const;
  void add_ends_unit(ChunkTime& time, const std::vector<CollectiveCall>& calls,
                     Seconds& window) const;
  [[nodiscard]] ChunkTime chunk_time(const Chunk& chunk) const;
  void add_host(StageTime& time, const Stage& stage) const;
  void tally_pass(const Pass& pass, const std::vector<Seconds>& exposed, double calls,
                  CollectiveTally& tally) const;
  void tally_block(const Block& block, const BlockPasses& exposed, double passes, double again,
                   CollectiveTally& tally) const;
  void tally_blocks(const Chunk& chunk, double micro_batches, CollectiveTally& tally) const;
  void tally_units(const Stage& stage, double micro_batches, CollectiveTally& tally) const;

  const Cluster& cluster_;
  const Gpu& gpu_;
  const Plan& plan_;
  const Software& software_;
  const Workload& workload_;
  const Communication& communication_;
  const WorkloadPasses& passes_;
  std::vector<BlockTime> kinds_;
  BlockTime embedding_;
  BlockTime head_;
  std::vector<Seconds> transfers_;  // from each stage to the next; empty with one stage
};

}  // namespace lockstep
