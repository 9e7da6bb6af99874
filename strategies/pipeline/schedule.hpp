// Pipeline schedules, one .cpp file each, listed in one table. A schedule says in which order a
// stage works and how much it holds; how long that takes is the engine's business.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace lockstep {

// Where one stage stands in a pipeline, and how much runs through it.
struct PipelinePosition {
  std::int64_t stage = 0;  // from 0
  std::int64_t stages = 1;
  std::int64_t interleave = 1;  // model chunks per stage
  std::int64_t micro_batches = 1;
};

// One piece of work of a stage: the forward or backward pass of one micro-batch through one model
// chunk.
struct ChunkPass {
  std::int64_t chunk = 0;
  std::int64_t micro_batch = 0;
  bool backward = false;
};

struct Schedule {
  const char* name;
  const char* description;
  const char* source;
  bool interleaves;   // accepts interleave > 1
  bool phases_apart;  // every forward pass of the step comes before the first backward pass
  // Most micro-batches whose activations a stage holds at once, in whole-stage equivalents.
  double (*in_flight)(const PipelinePosition&);
  // Forward passes of a stage before its first backward pass. Then it alternates, forward first,
  // until it runs out of forward passes. A forward pass waits for the previous stage (on stage 0
  // for the last stage's previous chunk), a backward pass for the next stage and its own forward.
  std::int64_t (*warmup)(const PipelinePosition&);
  bool splits_backward = false;  // weight gradients are passes of their own
};

std::span<const Schedule> schedules();

// The schedule of that name; null if there is none.
const Schedule* find_schedule(const std::string& name);

// All forward (or backward) passes of a stage in order, where micro-batches go through the chunks
// in groups of `stages` (Narayanan et al. 2021, section 2.2). Backward passes take chunks in
// reverse.
std::vector<ChunkPass> grouped_passes(const PipelinePosition& at, bool backward);

}  // namespace lockstep
