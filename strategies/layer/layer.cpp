// A transformer layer: attention and MLP or experts, of the kind that the context says.
#include <algorithm>

#include "strategies/layer/blocks.hpp"
#include "strategies/layer/layer_counts.hpp"
#include "strategies/recompute.hpp"

namespace lockstep {

namespace {

// What the layer saved for its MLP, gone once backward reaches attention.
Bytes mlp_saved(const Block& layer) {
  Bytes sum;
  for (const SavedTensor& saved : layer.saved) {
    const LayerPart part = saved.part;
    if (part == LayerPart::up_projection || part == LayerPart::activation ||
        part == LayerPart::down_projection) {
      sum += saved.bytes;
    }
  }
  return sum;
}

// Gradient of the layer's output, and of the widest intermediate, in flight together: that of the
// MLP, or of unfused scores, which comes when what the MLP saved is free.
Bytes gradient_wave(const BlockContext& context, const Block& layer) {
  const RankShape& at = context.shape;
  double widest = at.tokens * at.branches * at.ffn;
  if (context.layer.experts) {
    const ExpertLoad load = expert_load(context);
    widest = load.received * (at.branches * load.width + at.hidden);
  }
  Bytes wave{at.element * widest};
  if (!is_flash(context.plan.software.attention)) {
    const Bytes scores{at.element * at.tokens * static_cast<double>(at.sequence) * at.heads};
    wave = std::max(wave, scores - mlp_saved(layer));
  }
  return at.residual() + wave;
}

}  // namespace

Block layer_block(const BlockContext& context) {
  BlockBuilder building;
  building.block.parameters = layer_parameters_on_rank(context);
  building.block.expert_parameters = expert_parameters_on_rank(context);
  building.block.input = context.shape.residual();
  if (context.model.has_latent_attention()) {
    add_latent_attention(context, building);
  } else {
    add_attention(context, building);
  }
  if (context.layer.experts) {
    add_experts(context, building);
  } else {
    add_mlp(context, building);
  }
  Block layer = building.finish();
  layer.gradient_wave = gradient_wave(context, layer);
  narrow_saved_inputs(context, layer);
  settle_adapter(context, layer, layer_parameters(context.model, context.layer).norms);
  layer.launches = launches(layer.forward);
  layer.dense_launches =
      dense_launches(context.model, context.training, context.plan.software);
  layer.waits_for_routing = context.layer.experts && context.plan.expert.capacity_factor <= 0;
  add_recompute(context, layer);
  return layer;
}

}  // namespace lockstep
