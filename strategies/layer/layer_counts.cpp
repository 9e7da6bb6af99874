#include "strategies/layer/layer_counts.hpp"

namespace lockstep {

namespace {

double as_double(std::int64_t value) {
  return static_cast<double>(value);
}

// qkv h (q + 2 k), output q h.
double plain_attention(const Model& model) {
  const double h = as_double(model.hidden);
  return h * as_double(2 * model.query_width() + 2 * model.kv_width());
}

// Down to the latents, up to the heads, output: DeepSeek-AI 2024 (arXiv:2405.04434), section 2.1.
double latent_attention(const Model& model) {
  const LatentAttention& latent = model.latent;
  const double h = as_double(model.hidden);
  const double queries = as_double(model.heads * model.latent_query_head());
  const double rank = as_double(latent.query_rank);
  const double query = rank > 0 ? h * rank + rank * queries : h * queries;
  const double keys = h * as_double(latent.key_value_rank + latent.rope_head_dim);
  const double values = as_double(latent.key_value_rank * model.heads *
                                  (latent.nope_head_dim + latent.value_head_dim));
  return query + keys + values + as_double(model.heads * latent.value_head_dim) * h;
}

// Up (twice if gated) h f, down f h.
double mlp(const Model& model, double width) {
  return (model.gated() ? 3.0 : 2.0) * as_double(model.hidden) * width;
}
double mlp_biases(const Model& model, double width) {
  return (model.gated() ? 2.0 : 1.0) * width + as_double(model.hidden);
}

double attention_biases(const Model& model) {
  const double qkv = as_double(model.query_width() + 2 * model.kv_width());
  if (model.has_latent_attention()) return 0.0;
  if (model.linear_biases) return qkv + as_double(model.hidden);
  return model.qkv_bias ? qkv : 0.0;
}

double norms(const Model& model) {
  const double h = as_double(model.hidden);
  const double vectors = model.norm_biases ? 2.0 : 1.0;
  double count = 2 * vectors * h;
  if (model.qk_norm) count += 2 * as_double(model.head_size());
  if (model.has_latent_attention()) {
    count += as_double(model.latent.query_rank + model.latent.key_value_rank);
  }
  return count;
}

}  // namespace

LayerParameters layer_parameters(const Model& model, const LayerSpec& spec) {
  LayerParameters count;
  count.attention = model.has_latent_attention() ? latent_attention(model) : plain_attention(model);
  count.biases = attention_biases(model);
  count.norms = norms(model);
  if (!spec.experts) {
    count.mlp = mlp(model, as_double(model.ffn()));
    if (model.linear_biases) count.biases += mlp_biases(model, as_double(model.ffn()));
    return count;
  }
  const double width = as_double(model.expert_ffn());
  const double shared = as_double(model.shared_expert_ffn());
  count.experts = as_double(model.experts.count);
  count.router = as_double(model.hidden) * count.experts;
  count.expert = mlp(model, width);
  count.shared_experts = mlp(model, shared);
  if (model.linear_biases) {
    count.biases += count.experts + (shared > 0 ? mlp_biases(model, shared) : 0.0);
    count.expert_biases = mlp_biases(model, width);
  }
  return count;
}

double attended_tokens(const Model& model, const LayerSpec& spec, std::int64_t sequence) {
  const double s = as_double(sequence);
  const double w = as_double(model.attention_window);
  return spec.windowed && w < s ? w - w * w / (2 * s) : s / 2;
}

LayerFlops layer_flops(const Model& model, const LayerSpec& spec, std::int64_t sequence) {
  const LayerParameters count = layer_parameters(model, spec);
  LayerFlops flops;
  flops.linears = 2 * (count.attention + count.mlp + count.router + count.shared_experts);
  if (spec.experts) flops.linears += 2 * as_double(model.experts.top_k) * count.expert;
  const std::int64_t widths = model.has_latent_attention()
                                  ? model.latent_query_head() + model.latent.value_head_dim
                                  : 2 * model.head_size();
  flops.attention = 2 * attended_tokens(model, spec, sequence) * as_double(model.heads * widths);
  return flops;
}

LayerSpec prediction_spec(const Model& model) {
  return layer_spec(model, model.layers - 1);
}

}  // namespace lockstep
