// Multi-token prediction: after the last layer, a module predicts one token further. It norms the
// state before it and the embedding of the token it follows, projects both from 2 h to h, runs a
// transformer layer, and uses the model's head and loss once more; embedding table and head are
// shared. Source: DeepSeek-V3 Technical Report (arXiv:2412.19437), section 2.2.
#include "strategies/layer/blocks.hpp"
#include "strategies/layer/layer_counts.hpp"
#include "strategies/parallel/parallel.hpp"

namespace lockstep {

namespace {

// Norms of the state and the embedding, and the projection of both, whole on every tensor rank.
Block join_block(const BlockContext& context) {
  BlockContext own = context;
  own.shape.tokens /= own.shape.residual_shards;
  BlockBuilder building;
  add_norm(context, building, "prediction norm of the state");
  add_norm(context, building, "prediction norm of the embedding");
  const Bytes both = 2.0 * context.shape.residual();
  building.block.saved.push_back({"prediction projection input", both, false, {}});
  add_linear(own, building, "prediction projection", 2 * own.shape.hidden, own.shape.hidden);
  return building.finish();
}

}  // namespace

Block prediction_block(const BlockContext& context) {
  BlockContext of_layer = context;
  of_layer.layer = prediction_spec(context.model);
  const Block layer = layer_block(of_layer);
  const Block head = head_block(context);
  BlockBuilder building;
  building.begin_section();
  building.append(join_block(context));
  building.begin_section();
  building.append(layer);
  building.begin_section();
  building.append(head);
  Block block = building.finish();
  block.recompute = layer.recompute;
  block.parameters = layer.parameters + prediction_join_parameters(context.model);
  block.expert_parameters = layer.expert_parameters;
  const bool adapters = context.training.adapter.used();
  block.trained_parameters = adapters ? layer.trained_parameters : block.parameters;
  block.quantized_parameters = layer.quantized_parameters;
  block.gradient_wave = layer.gradient_wave;
  block.input = layer.input;
  block.launches = launches(block.forward);
  block.dense_launches = layer.dense_launches;
  block.waits_for_routing = layer.waits_for_routing;
  return block;
}

}  // namespace lockstep
