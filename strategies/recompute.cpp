#include "strategies/recompute.hpp"

#include <algorithm>

namespace lockstep {

namespace {

bool is_scores_op(const Op& op) {
  return op.op_class == OpClass::attention;
}

// Full: the whole forward, collectives included (Chen et al. 2016, arXiv:1604.06174).
void recompute_all(Block& layer) {
  layer.recompute = layer.forward;
}

// Selective in Megatron's sense: scores, softmax, dropout and their product with the values
// (Korthikanti et al. 2022, section 5).
void recompute_attention_core(Block& layer) {
  for (const Op& op : layer.forward.ops) {
    if (is_scores_op(op)) layer.recompute.ops.push_back(op);
  }
}

// Per-op selective checkpointing keeps the attention output and every second matmul: all
// elementwise ops run again, and of the GEMMs a share that the profile states.
void recompute_per_op(Block& layer, double gemm_share) {
  for (Op op : layer.forward.ops) {
    if (op.kind == OpKind::gemm) {
      op.flops *= gemm_share;
      op.bytes *= gemm_share;
    }
    if (op.op_class != OpClass::attention) layer.recompute.ops.push_back(op);
  }
}

}  // namespace

void add_recompute(const BlockContext& context, Block& layer) {
  const Software& software = context.plan.software;
  if (context.plan.recompute == Recompute::full) {
    recompute_all(layer);
  } else if (context.plan.recompute == Recompute::selective) {
    if (software.selective_recompute == SelectiveRecompute::attention_core) {
      recompute_attention_core(layer);
    } else {
      recompute_per_op(layer, *software.selective_gemm_share);
    }
  }
}

std::int64_t recomputed_layers(const Plan& plan, std::int64_t stage_layers) {
  if (plan.recompute == Recompute::none) return 0;
  if (plan.recompute_layers > 0) return std::min(plan.recompute_layers, stage_layers);
  return stage_layers / plan.recompute_every;
}

double recompute_flops_per_token(const Model& model, const Training& training, const Plan& plan) {
  const auto h = static_cast<double>(model.hidden);
  const auto q = static_cast<double>(model.query_width());
  const auto k = static_cast<double>(model.kv_width());
  const auto f = static_cast<double>(model.ffn());
  const double matmul = 2 * (h * (2 * q + 2 * k) + (model.gated() ? 3.0 : 2.0) * h * f);
  const double attention = 2 * static_cast<double>(training.sequence_length) * q;
  switch (plan.recompute) {
    case Recompute::none:
      return 0.0;
    case Recompute::full:
      return matmul + attention;
    case Recompute::selective:
      return plan.software.selective_recompute == SelectiveRecompute::attention_core
                 ? attention
                 : *plan.software.selective_gemm_share * matmul;
  }
  return 0.0;
}

}  // namespace lockstep
