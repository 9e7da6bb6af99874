// The steps of lower(), for whoever takes them for many plans (plan_lowering.cpp). Stages may be
// all of a pipeline or one of each kind.
#pragma once

#include <cstdint>
#include <span>

#include "strategies/block_sizes.hpp"

namespace lockstep {

// What no plan changes.
struct TrainingTotals {
  TrainingTotals(const Model& model, const Training& training);

  double model_flops = 0;  // of a step
  double parameters = 0;   // of the model
};

// Fills kinds, embedding and head of an empty workload. The layer of `context` is overwritten.
void lower_blocks(BlockContext& context, Workload& workload);

// Parameters on a rank of the stage, from its chunks and the workload's blocks.
void count_stage_parameters(const BlockContext& context, const Workload& workload, Stage& stage);

// FLOPs of a step that recompute adds, on all GPUs. Stage i of the pipeline is
// workload.stages[kind_of[i]].
double recomputed_in_step(const BlockContext& context, const BlockSizes& sizes,
                          const Workload& workload, std::span<const std::uint16_t> kind_of);

// Micro-batches and chunks, boundary, and all that stages and layers send, copy and update besides
// their passes, from blocks and stages with their parameters. What was there before is replaced.
void lower_exchanges(const BlockContext& context, const BlockSizes& sizes, Workload& workload);

}  // namespace lockstep
