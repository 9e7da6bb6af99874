// What each form of parallelism adds to the blocks and stages. One .cpp file each.
#pragma once

#include "strategies/layer/blocks.hpp"

namespace lockstep {

// tensor.cpp: collectives before column-parallel linears, after row-parallel ones (the embedding
// table is split by rows) and after the loss. Each is a section of its own; nothing without tensor
// parallelism.
void enter_tensor_parallel(const BlockContext& context, BlockBuilder& building);
// The same before linears that take something else than the hidden state: `bytes` of all tokens.
void enter_tensor_parallel(const BlockContext& context, BlockBuilder& building, Bytes bytes);
void leave_tensor_parallel(const BlockContext& context, BlockBuilder& building);
void leave_head(const BlockContext& context, BlockBuilder& building);

// expert.cpp: tokens to the ranks of their experts and back, each a section of its own; nothing
// where every rank has all experts. `beside` (may be null) runs beside the exchange: a half of the
// shared experts.
void dispatch_tokens(const BlockContext& context, BlockBuilder& building, const Block* beside);
void combine_tokens(const BlockContext& context, BlockBuilder& building, const Block* beside);

// sharded_data.cpp (with replicated.cpp, zero.cpp, fsdp.cpp): gradient reduction, parameter gathers
// and where the states live.
void add_data_parallel(const BlockContext& context, Workload& workload);

// Ranks that hold one copy of the weights, the gradients and the optimizer state between them.
struct StateShards {
  double weights = 1;
  double gradients = 1;
  double optimizer = 1;
};
StateShards state_shards(const Plan& plan);
StateShards expert_state_shards(const Plan& plan);

// FSDP under a pipeline, where the software gathers a stage once a step and keeps it: gradients
// then add up whole and are reduced once.
bool fsdp_keeps_stage_gathered(const Plan& plan);

}  // namespace lockstep
