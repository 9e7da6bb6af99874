// Activation recomputation: what runs again before a layer's backward, and what is then not kept.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "strategies/layer/blocks.hpp"

namespace lockstep {

// A part of the layer, or several, under the name that plans use for it.
struct RecomputePart {
  const char* name;
  const char* alias;  // the name in Megatron's --recompute-modules; "" where it has none
  LayerParts parts;
  const char* description;
};

// Whether some layer of the model has one of the parts.
bool model_has_one_of(const Model& model, const LayerParts& parts);

// What `recompute_parts` of a plan may name. Source of the aliases: Megatron-LM,
// megatron/core/transformer/transformer_config.py, recompute_modules.
const std::vector<RecomputePart>& recompute_parts();

// The parts that a text names, separated by commas, plus signs or spaces; nothing where a name is
// unknown, which then is in `unknown`.
std::optional<LayerParts> parse_recompute_parts(std::string_view text, std::string* unknown);

// What a plan recomputes in the layers that recompute.
struct RecomputePolicy {
  Recompute mode = Recompute::none;
  bool per_op = false;  // selective as PyTorch's per-op checkpointing
  LayerParts parts;     // selective otherwise
};
RecomputePolicy recompute_policy(const Plan& plan);

// Bytes of the block that stay alive between forward and backward.
Bytes saved_bytes(const Block& block, const RecomputePolicy& policy);

// Fills layer.recompute from layer.forward as the plan and the software's notion of "selective"
// say.
void add_recompute(const BlockContext& context, Block& layer);

// Layers of a stage of so many layers that recompute.
std::int64_t recomputed_layers(const Plan& plan, std::int64_t stage_layers);

// FLOPs of block.recompute on one rank for one micro-batch in model-FLOPs terms: attention counts
// as causal whatever the kernel runs.
Flops recomputed_flops(const Block& block, double busiest);

}  // namespace lockstep
