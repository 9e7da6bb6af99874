// Which tensors live on a rank of each stage at the instants that may hold its memory peak.
#pragma once

#include "strategies/layer/blocks.hpp"

namespace lockstep {

// Fills stage.tensors and stage.instants of every stage. Needs the blocks, the stages and their
// parameters.
void add_memory(const BlockContext& context, Workload& workload);

}  // namespace lockstep
