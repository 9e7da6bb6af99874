// Multi-head latent attention: norm; hidden state down to a latent of the queries and one of keys
// and values together, beside which the key's rotary part lies; their norms; up to the heads; the
// core with queries and keys of nope + rope, values of their own size; output projection, residual.
// Source: DeepSeek-AI 2024, DeepSeek-V2 (arXiv:2405.04434), section 2.1; what is kept, and that
// every tensor rank runs the projections down on its own tokens and gathers the latents, as in
// Megatron-Core with Transformer Engine. Ignores the absorbed form, which is for inference.
#include "strategies/layer/blocks.hpp"
#include "strategies/parallel/parallel.hpp"

namespace lockstep {

namespace {

double as_double(std::int64_t value) {
  return static_cast<double>(value);
}

void add_moved(BlockBuilder& building, const char* name, double bytes, double backward,
               Kernels kernels) {
  building.begin_section();
  add_elementwise(building.block.forward, name, Bytes{bytes}, OpClass::elementwise, kernels);
  add_elementwise(building.backward(), name, Bytes{backward}, OpClass::elementwise, kernels);
}

// Down to the latents on the tokens of this rank, and their norms: as add_norm(), 4 and 8 B per
// 2-byte element.
void add_latents(const BlockContext& context, BlockBuilder& building) {
  const RankShape& at = context.shape;
  const LatentAttention& latent = context.model.latent;
  BlockContext own = context;
  own.shape.tokens = at.tokens / at.residual_shards;
  const double ranks = as_double(latent.query_rank + latent.key_value_rank);
  const double rope = as_double(latent.rope_head_dim);
  if (latent.query_rank > 0) {
    add_linear(own, building, "query latent", at.hidden, as_double(latent.query_rank));
  }
  add_linear(own, building, "key and value latent", at.hidden,
             as_double(latent.key_value_rank) + rope);
  const Bytes latents{at.element * own.shape.tokens * (ranks + rope)};
  building.block.saved.push_back({"latents", latents, false, latents});
  building.mark(LayerPart::qkv_projection);
  building.block.saved.back().part_input = latents;
  const double elements = own.shape.tokens * ranks * at.element / 2.0;
  add_moved(building, "latent norms", 4.0 * elements, 8.0 * elements,
            {MemoryKernel::norm, 2 * norm_launches(context.model, context.plan.software)});
  building.block.saved.push_back({"normed latents", latents, false, {}});
}

}  // namespace

void add_latent_attention(const BlockContext& context, BlockBuilder& building) {
  const RankShape& at = context.shape;
  const LatentAttention& latent = context.model.latent;
  const double query = at.heads * as_double(context.model.latent_query_head());
  const double nope = at.heads * as_double(latent.nope_head_dim);
  const double value = at.heads * as_double(latent.value_head_dim);
  const double rope = as_double(latent.rope_head_dim);
  add_norm(context, building, "attention norm");
  building.block.saved.back().kept_per_op = at.residual();
  building.block.saved.push_back({"attention input", at.residual(), false, {}});
  saved_for_linear(context, building);
  building.mark(LayerPart::norms);
  add_latents(context, building);
  const bool direct = latent.query_rank == 0;
  const double gathered = as_double(latent.query_rank + latent.key_value_rank) + rope;
  enter_tensor_parallel(context, building, Bytes{at.element * at.tokens * gathered});
  if (direct) enter_tensor_parallel(context, building);
  add_linear(context, building, "query projection",
             direct ? at.hidden : as_double(latent.query_rank), query);
  add_linear(context, building, "key and value projection", as_double(latent.key_value_rank),
             nope + value);
  // Rotary parts of queries and of the one key, and keys put together for every head: each element
  // read and written once.
  const double elements = at.tokens * at.element / 2.0;
  const double moved =
      (context.plan.software.fused_rope ? 4.0 : 24.0) * (at.heads + 1) * rope + 4.0 * query;
  add_moved(building, "rotary embedding and keys", elements * moved, elements * moved,
            {MemoryKernel::rope, 2 + rope_launches(context.plan.software)});
  const auto kept = [&](const char* name, double width) {
    const Bytes bytes{at.element * at.tokens * width};
    building.block.saved.push_back({name, bytes, false, bytes});
  };
  kept("queries", query);
  kept("keys", query);
  kept("values", value);
  building.mark(LayerPart::latent_up_projection);
  add_attention_core(
      context, building,
      {query, value, query + value, context.model.latent_query_head(), latent.value_head_dim});
  building.mark(LayerPart::attention_core);
  kept("attention output", value);
  saved_for_linear(context, building, false);
  building.mark(LayerPart::none);
  add_linear(context, building, "output projection", value, at.hidden);
  leave_tensor_parallel(context, building);
  building.mark(LayerPart::output_projection);
  add_residual(context, building, "attention residual");
  building.mark(LayerPart::none);
}

}  // namespace lockstep
