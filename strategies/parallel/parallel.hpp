// What each form of parallelism adds to the blocks and stages. One .cpp file each.
#pragma once

#include "strategies/layer/blocks.hpp"

namespace lockstep {

// tensor.cpp: collectives around the linears of a layer, the embedding and the head.
void add_tensor_parallel_layer(const BlockContext& context, Block& layer);
void add_tensor_parallel_embedding(const BlockContext& context, Block& embedding);
void add_tensor_parallel_head(const BlockContext& context, Block& head);

// sharded_data.cpp: gradient reduction, parameter gathers and where the states live.
void add_data_parallel(const BlockContext& context, Workload& workload);

// Ranks that hold one copy of the weights, the gradients and the optimizer state between them.
struct StateShards {
  double weights = 1;
  double gradients = 1;
  double optimizer = 1;
};
StateShards state_shards(const Plan& plan);

// FSDP under a pipeline, where the software gathers a stage once a step and keeps it: gradients
// then add up whole and are reduced once.
bool fsdp_keeps_stage_gathered(const Plan& plan);

}  // namespace lockstep
