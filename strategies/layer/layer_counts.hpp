// Parameters and FLOPs of one layer by its kind.
#pragma once

#include "strategies/layer/layer_spec.hpp"

namespace lockstep {

// Parameters of one layer, by part: of the whole model, not of a rank.
struct LayerParameters {
  double attention = 0;       // matrices of attention
  double mlp = 0;             // matrices of a plain MLP; 0 where the layer has experts
  double router = 0;          // its matrix
  double expert = 0;          // matrices of one routed expert
  double shared_experts = 0;  // matrices of all shared ones together
  double biases = 0;          // of everything but routed experts
  double expert_biases = 0;   // of one routed expert
  double norms = 0;
  double experts = 0;  // how many routed experts

  [[nodiscard]] double total() const {
    return attention + mlp + router + shared_experts + biases + norms +
           experts * (expert + expert_biases);
  }
};
LayerParameters layer_parameters(const Model& model, const LayerSpec& spec);

// Tokens that a token attends to, on average over a sequence of s: s / 2, causal; with a window w
// below s, w - w^2 / (2 s): the first w tokens see w / 2 on average, the others w.
double attended_tokens(const Model& model, const LayerSpec& spec, std::int64_t sequence);

// Forward FLOPs of a layer per token: 2 per parameter of a matrix that the token meets (top_k of
// the routed experts, all shared ones, the router), and 2 A (d_qk + d_v) a for attention, A the
// attended tokens. Causal: DESIGN's convention, Chowdhery et al. 2022 (arXiv:2204.02311), appendix
// B.
struct LayerFlops {
  double linears = 0;
  double attention = 0;
  [[nodiscard]] double total() const { return linears + attention; }
};
LayerFlops layer_flops(const Model& model, const LayerSpec& spec, std::int64_t sequence);

// The kind of a multi-token prediction module's layer: that of the last layer.
LayerSpec prediction_spec(const Model& model);

}  // namespace lockstep
