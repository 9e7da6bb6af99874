#include "strategies/recompute.hpp"

#include <algorithm>
#include <vector>

namespace lockstep {

namespace {

// Full: the whole forward, collectives included (Chen et al. 2016, arXiv:1604.06174).
void recompute_all(Block& layer) {
  layer.recompute = layer.forward;
}

// Selective: the parts that the plan names, or in Megatron's sense the attention core (Korthikanti
// et al. 2022, section 5). Collectives of a part run again with it.
void recompute_some(Block& layer, LayerParts parts) {
  const Pass& forward = layer.forward;
  std::vector<std::size_t> place(1, 0);  // of op i, among those that run again
  for (const Op& op : forward.ops) {
    place.push_back(place.back() + (parts.has(op.part) ? 1 : 0));
    if (parts.has(op.part)) layer.recompute.ops.push_back(op);
  }
  for (CollectiveCall call : forward.calls) {
    if (!parts.has(call.part)) continue;
    call.after = place[call.after];
    call.before = place[call.before];
    layer.recompute.calls.push_back(call);
  }
}

// Per-op selective checkpointing keeps the attention output and every second matmul: all
// elementwise ops run again, and of the GEMMs a share that the profile states.
void recompute_per_op(Block& layer, double gemm_share) {
  for (Op op : layer.forward.ops) {
    if (op.kind == OpKind::gemm || op.kind == OpKind::grouped_gemm) {
      op.flops *= gemm_share;
      op.bytes *= gemm_share;
    }
    if (op.op_class != OpClass::attention) layer.recompute.ops.push_back(op);
  }
}

}  // namespace

void add_recompute(const BlockContext& context, Block& layer) {
  const RecomputePolicy policy = recompute_policy(context.plan);
  if (policy.mode == Recompute::none) return;
  if (policy.mode == Recompute::full) {
    recompute_all(layer);
  } else if (policy.per_op) {
    recompute_per_op(layer, *context.plan.software.selective_gemm_share);
  } else {
    recompute_some(layer, policy.parts);
  }
}

// 2 FLOPs per multiply-add of the linears. Scores as matrices are not halved for causality, so they
// count half (see layer/attention.cpp). Experts count with the mean of their ranks, whatever the
// busiest one does. Ignores the unevenness of an unbalanced ring.
Flops recomputed_flops(const Block& block, double busiest) {
  constexpr double causal = 0.5;
  Flops sum;
  for (const Op& op : block.recompute.ops) {
    if (op.kind == OpKind::grouped_gemm) {
      sum += op.flops / busiest;
    } else {
      sum += op.kind == OpKind::batched_gemm ? causal * op.flops : op.flops;
    }
  }
  return sum;
}

std::int64_t recomputed_layers(const Plan& plan, std::int64_t stage_layers) {
  if (plan.recompute == Recompute::none) return 0;
  if (plan.recompute_layers > 0) return std::min(plan.recompute_layers, stage_layers);
  return stage_layers / plan.recompute_every;
}

}  // namespace lockstep
