// Activation recomputation: what runs again before a layer's backward.
#pragma once

#include "strategies/layer/blocks.hpp"

namespace lockstep {

// Fills layer.recompute from layer.forward as the plan and the software's notion of "selective"
// say.
void add_recompute(const BlockContext& context, Block& layer);

// Layers of a stage of so many layers that recompute.
std::int64_t recomputed_layers(const Plan& plan, std::int64_t stage_layers);

}  // namespace lockstep
