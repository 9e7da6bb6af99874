// Offload: what a rank keeps in host memory, and what it copies for that.
#pragma once

#include "strategies/layer/blocks.hpp"

namespace lockstep {

// Adds the copies of layers (weights, gradients, activations) and of the update (gradients out,
// weights back, the traffic of the update itself). Nothing where the plan offloads nothing. Needs
// the blocks and the stages with their optimizer ops.
void add_offload(const BlockContext& context, Workload& workload);

// Bytes that a rank of the stage keeps in host memory.
Bytes host_bytes(const BlockContext& context, const Workload& workload, const Stage& stage);

}  // namespace lockstep
