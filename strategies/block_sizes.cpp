#include "strategies/block_sizes.hpp"

#include <algorithm>

#include "strategies/recompute.hpp"

namespace lockstep {

// A prediction module's copy of the embedding table is looked up, not multiplied with: no weight
// shape.
BlockSizes::BlockSizes(const BlockContext& context, const Workload& workload)
    : embedding_saved(saved_bytes(workload.embedding, {})),
      head_saved(saved_bytes(workload.head, {})) {
  const RecomputePolicy policy = recompute_policy(context.plan);
  const bool adapters = context.training.adapter.used();
  const double busiest = context.model.has_experts() ? expert_load(context).busiest : 1.0;
  const double experts = static_cast<double>(context.model.experts.count) /
                         static_cast<double>(context.plan.expert.degree);
  layers.reserve(workload.kinds.size());
  for (const LayerKind& kind : workload.kinds) {
    const Block& block = kind.block;
    layers.push_back(
        {saved_bytes(block, {}), saved_bytes(block, policy), recomputed_flops(block, busiest)});
    const double all = block.parameters + block.expert_parameters;
    largest_layer = std::max(largest_layer, all);
    largest_quantized = std::max(largest_quantized, block.quantized_parameters);
    largest_trained = std::max(largest_trained, adapters ? block.trained_parameters : all);
    const double one_expert = experts > 0 ? block.expert_parameters / experts : 0.0;
    weight_shapes = std::max(weight_shapes, block.parameters - kind.table_parameters + one_expert);
    exchange_forward = std::max(exchange_forward, block.exchange_forward);
    exchange_backward = std::max(exchange_backward, block.exchange_backward);
  }
}

}  // namespace lockstep
