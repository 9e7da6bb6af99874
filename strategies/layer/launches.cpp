// Kernels that the host launches for a layer's forward pass. Software::host_per_layer times a dense
// layer of the stack; a layer with experts, latent attention or casts to fp8 takes as much more as
// it launches.
//   host(layer) = host_per_layer (n(layer) + n0) / (n(dense layer) + n0)
// n counts ops by their kernels, n0 calls that every layer makes without one of the counted ops:
// views, transposes, splits, bookkeeping of autograd. Source: op lists of PyTorch, Transformer
// Engine and Megatron-Core's mixture of experts (router, token dispatcher, grouped linears).
// Ignores that launches differ in their arguments and in what Python adds to each.
#include "strategies/layer/blocks.hpp"

namespace lockstep {

namespace {

constexpr double uncounted = 8.0;
// Beside an exchange of tokens: counts, their sum over ranks, offsets, the copy to the host.
constexpr double beside_exchange = 4.0;

constexpr double eager_rmsnorm = 7.0;  // cast, square, mean, add, rsqrt, product, product
constexpr double eager_rope = 10.0;    // of queries and keys: halves, sign, joining, products, sum
constexpr double eager_gated = 3.0;    // split, activation, product
constexpr double eager_scores = 4.0;   // scale, mask, softmax, dropout

double dense_core_launches(const Software& software) {
  if (is_flash(software.attention)) return 1.0;
  return 2.0 + softmax_launches(software);
}

}  // namespace

double norm_launches(const Model& model, const Software& software) {
  return model.norm == Norm::rmsnorm && !software.fused_norm ? eager_rmsnorm : 1.0;
}

double rope_launches(const Software& software) {
  return software.fused_rope ? 1.0 : eager_rope;
}

double activation_launches(const Model& model, const Software& software) {
  return model.gated() && !software.fused_activation ? eager_gated : 1.0;
}

double softmax_launches(const Software& software) {
  return software.attention == AttentionKernel::unfused ? eager_scores : 1.0;
}

double residual_launches(const Training& training, const Software& software) {
  return training.dropout > 0 && !software.fused_dropout_add ? 2.0 : 1.0;
}

double launches(const Pass& pass) {
  double sum = uncounted;
  for (const Op& op : pass.ops) sum += op.launches;
  for (const CollectiveCall& call : pass.calls) {
    if (call.role == CommRole::expert_exchange) sum += beside_exchange;
  }
  return sum;
}

// Two norms, four linears, the core, two residual additions, the activation, the rotary embedding.
double dense_launches(const Model& model, const Training& training, const Software& software) {
  const double linears = 4.0;
  const double rope = model.positions == Positions::rope ? rope_launches(software) : 0.0;
  return uncounted + linears + rope + dense_core_launches(software) +
         2 * norm_launches(model, software) + 2 * residual_launches(training, software) +
         activation_launches(model, software);
}

}  // namespace lockstep
