// Offload: what a rank keeps in host memory, and what it copies for that.
#pragma once

#include "strategies/block_sizes.hpp"

namespace lockstep {

// Adds the copies of layers (weights, gradients, activations) and of the update (gradients out,
// weights back, the traffic of the update itself). Nothing where the plan offloads nothing. Needs
// the blocks and the stages with their optimizer ops.
void add_offload(const BlockContext& context, const BlockSizes& sizes, Workload& workload);

// Bytes that a rank of the stage keeps in host memory. Needs its micro_batches_in_flight.
Bytes host_bytes(const BlockContext& context, const BlockSizes& sizes, const Stage& stage);
// The two parts of it.
Bytes host_states(const BlockContext& context, const Stage& stage);
Bytes host_activations(const BlockContext& context, const BlockSizes& sizes, const Stage& stage);

}  // namespace lockstep
