// The timeline of one training step over the stages of a pipeline: passes, transfers between
// stages, parameter gathers, gradient reductions, optimizer. All ranks of a stage do the same and
// count once.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "sim/engine/slice.hpp"
#include "strategies/pipeline/schedule.hpp"
#include "topology/quantity.hpp"

namespace lockstep {

// Data-parallel communication of one model chunk, once a step, on the stage's data stream.
struct SyncCost {
  Seconds time;
  double late_share = 0;     // of time: what overlaps with nothing
  std::int64_t buckets = 1;  // the rest comes in so many equal pieces
};

// What one stage of the pipeline does in a step.
//
// A transfer takes `hidden + blocking`. It ends `blocking` after the pass whose result it carries,
// which holds the sender's compute stream; the receiver can start then. Only where the send stream
// is still busy with the transfer before when the hidden part should start does it end later, and
// that holds the receiver alone. The last stage
// sends forward to the first one and the first backward to the last where chunks wrap around;
// chunks of one stage that follow each other transfer nothing.
//
// Gather: all chunks' pieces are on the data stream from the start of the step on, chunk by chunk.
// The late share must be there before the chunk's first forward pass starts, piece j of n when
// (j - 1)/n of that pass is done.
//
// Reduce: piece j of n is ready when j/n of the chunk's last pass is done (its last weight gradient
// where the schedule splits them off). The late shares run after the stage's last pass, then
// `after_reduce`.
struct StageWork {
  std::vector<PassCost> chunks;   // one per model chunk of the stage
  std::vector<SyncCost> gather;   // one per chunk, or empty
  std::vector<SyncCost> reduce;   // one per chunk, or empty
  Seconds forward_send_blocking;  // to the next stage
  Seconds forward_send_hidden;
  Seconds backward_send_blocking;  // to the stage before
  Seconds backward_send_hidden;
  Seconds after_reduce;  // communication after everything (tied embeddings)
  Seconds optimizer;     // once all stages are through (the gradient norm needs them all)
};

struct StepWork {
  const Schedule* schedule = nullptr;
  std::int64_t interleave = 1;
  std::int64_t micro_batches = 1;
  std::vector<StageWork> stages;
  Seconds host;  // after the slowest optimizer
};

struct StageResult {
  Seconds busy;            // passes
  Seconds sending;         // transfers that hold the compute stream
  Seconds idle;            // the step's total less busy
  Seconds first_start;     // of its first pass
  Seconds end_of_passes;   // its last pass; a transfer after it counts
  Seconds waiting;         // between first_start and end_of_passes, neither busy nor sending
  Seconds gather_exposed;  // by which first passes start or run longer because of gathers
  Seconds reduce_exposed;  // of the reductions after end_of_passes, without after_reduce
  std::int64_t most_in_flight_chunks = 0;  // passes whose activations are held at once
};

// One chain of work without gaps from the start of the step to its end.
struct CriticalPath {
  std::array<Seconds, static_cast<std::size_t>(SliceKind::count)> by_kind;

  [[nodiscard]] Seconds of(SliceKind kind) const { return by_kind[static_cast<std::size_t>(kind)]; }
  [[nodiscard]] Seconds total() const;
};

struct StepResult {
  Seconds passes;  // from the start to the end of the last pass of all stages
  Seconds total;
  std::vector<StageResult> stages;
  CriticalPath path;       // sums to total
  std::int64_t tasks = 0;  // passes, transfers, gathers, reductions placed
  std::int64_t most_arrived =
      0;  // transfers waiting for their receiver at once: the engine's memory
};

// Throws std::logic_error if `work` contradicts itself.
void check(const StepWork& work);

// Places every task as early as its stage's order and its inputs let it. O(1) time per task; memory
// O(stages * interleave) and what is under way between stages. Slices go to `sink` if there is
// one. Throws std::logic_error if `work` contradicts itself or the orders of the stages block each
// other.
StepResult run_step(const StepWork& work, SliceSink* sink = nullptr);

}  // namespace lockstep
