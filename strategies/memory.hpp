// Which tensors live on a rank of each stage at the instants that may hold its memory peak.
#pragma once

#include "strategies/block_sizes.hpp"

namespace lockstep {

// Fills stage.tensors of every stage. Needs the blocks and the stages with their parameters.
void list_tensors(const BlockContext& context, const BlockSizes& sizes, Workload& workload);

// Fills stage.held_at_peak and stage.instants of every stage, from its tensors, index and
// micro_batches_in_flight.
void add_instants(const Plan& plan, Workload& workload);

}  // namespace lockstep
