// A mixture of experts in place of the MLP: norm, router, top-k, permutation, dispatch, the rank's
// experts as grouped GEMMs, combine, weighted sum, shared experts, residual.
// Source: Shazeer et al. 2017 (arXiv:1701.06538); order of ops and what is kept as in Megatron-Core
// with Transformer Engine (memory of its runs agrees with it).
#include <algorithm>
#include <cmath>

#include "strategies/layer/blocks.hpp"
#include "strategies/parallel/parallel.hpp"

namespace lockstep {

namespace {

// Megatron-Core's router: softmax or sigmoid, group limits, top-k, normalised weights, routing map,
// balance loss. Ordering tokens by index: the index, a gather or scatter of rows, one of weights.
constexpr double router_launches = 12.0;
constexpr Kernels ordering{MemoryKernel::permutation, 3.0};

// One product per local expert; m tokens each on the mean, of the busiest rank.
Op grouped(const BlockContext& context, const char* name, double m, double n, double k,
           double output_bytes) {
  const Dtype dtype = context.shape.linear_dtype;
  const double experts = expert_load(context).local;
  const auto rows = [](double value) {
    return std::max<std::int64_t>(1, static_cast<std::int64_t>(std::llround(value)));
  };
  Op op;
  op.name = name;
  op.kind = OpKind::grouped_gemm;
  op.op_class = OpClass::linear;
  op.m = rows(m);
  op.n = rows(n);
  op.k = rows(k);
  op.batch = rows(experts);
  op.dtype = dtype;
  op.scaling = context.training.fp8_scaling;
  op.launches = context.plan.software.fused_experts ? 1.0 : static_cast<double>(op.batch);
  op.flops = Flops{2 * experts * m * n * k};
  op.bytes = Bytes{experts * (bytes_per_element(dtype) * (m * k + k * n) + output_bytes * m * n)};
  return op;
}

// As add_linear(), for every expert of the rank: the weight gradient's K is the tokens of an
// expert.
void add_grouped_linear(const BlockContext& context, BlockBuilder& building, const char* name,
                        double in_width, double out_width) {
  const RankShape& at = context.shape;
  const ExpertLoad load = expert_load(context);
  const double tokens = load.received / load.local;
  const double accumulate = accumulated_gradient_bytes(context);
  building.begin_section();
  building.block.forward.ops.push_back(
      grouped(context, name, tokens, out_width, in_width, at.element));
  building.backward().ops.push_back(
      grouped(context, name, tokens, in_width, out_width, at.element));
  if (!context.training.adapter.used()) {
    building.backward().ops.push_back(
        grouped(context, name, in_width, out_width, tokens, accumulate));
    building.backward().ops.back().weight_gradient = true;
  }
  add_casts(context, building,
            {load.received * in_width, load.received * out_width,
             load.local * in_width * out_width});
}

// Scores of every expert in fp32: softmax or sigmoid, top-k and the map of tokens; forward reads
// and writes each some four times, backward twice. Kept: logits, probabilities, routing map and
// their sum for the balance loss, 4 bytes each.
void add_router(const BlockContext& context, BlockBuilder& building) {
  BlockContext of_rank = context;
  of_rank.shape.tokens = expert_load(context).tokens;
  of_rank.shape.linear_dtype = context.shape.activation_dtype;  // never in fp8
  const auto experts = static_cast<double>(context.model.experts.count);
  add_linear(of_rank, building, "router", context.shape.hidden, experts);
  const double scores = of_rank.shape.tokens * experts;
  building.begin_section();
  const Kernels kernels{MemoryKernel::softmax, router_launches};
  add_elementwise(building.block.forward, "top-k of the router", Bytes{scores * 4.0 * 4.0},
                  OpClass::elementwise, kernels);
  add_elementwise(building.backward(), "top-k of the router", Bytes{scores * 4.0 * 2.0},
                  OpClass::elementwise, kernels);
  building.block.saved.push_back({"router scores", Bytes{4.0 * 4.0 * scores}, false, {}});
}

// Copies of the tokens in the order of their experts: read once, written k times; backward the
// other way. After the exchange they are ordered once more, by expert: read and written.
void add_permutation(const BlockContext& context, BlockBuilder& building, bool back) {
  const RankShape& at = context.shape;
  const ExpertLoad load = expert_load(context);
  const Bytes bytes{at.element * at.hidden * (load.tokens + load.sent)};
  const char* name = back ? "weighted sum of experts" : "tokens by expert";
  building.begin_section();
  for (Pass* pass : {&building.block.forward, &building.backward()}) {
    add_elementwise(*pass, name, bytes, OpClass::elementwise, ordering);
  }
}
void add_local_order(const BlockContext& context, BlockBuilder& building, const char* name) {
  if (context.plan.expert.degree == 1) return;
  const RankShape& at = context.shape;
  const Bytes bytes{2 * at.element * at.hidden * expert_load(context).received};
  building.begin_section();
  for (Pass* pass : {&building.block.forward, &building.backward()}) {
    add_elementwise(*pass, name, bytes, OpClass::elementwise, ordering);
  }
}

void add_routed(const BlockContext& context, BlockBuilder& building) {
  const RankShape& at = context.shape;
  const ExpertLoad load = expert_load(context);
  const double elements = load.received * load.width;
  const Bytes branch{at.element * elements};
  building.block.saved.push_back(
      {"expert input", Bytes{at.element * load.received * at.hidden}, false, {}});
  saved_for_linear(context, building);
  add_grouped_linear(context, building,
                     context.model.gated() ? "experts: gate and up" : "experts: up", at.hidden,
                     at.branches * load.width);
  building.block.saved.push_back({"expert up output", at.branches * branch, false, branch});
  building.mark(LayerPart::expert_linears);
  const ActivationTraffic traffic = activation_traffic(context);
  building.begin_section();
  const Kernels kernels{MemoryKernel::activation,
                        activation_launches(context.model, context.plan.software)};
  add_elementwise(building.block.forward, "expert activation", Bytes{elements * traffic.forward},
                  OpClass::elementwise, kernels);
  add_elementwise(building.backward(), "expert activation", Bytes{elements * traffic.backward},
                  OpClass::elementwise, kernels);
  building.block.saved.push_back({"expert activation output", branch, false, {}});
  saved_for_linear(context, building);
  building.mark(LayerPart::expert_activation);
  add_grouped_linear(context, building, "experts: down", load.width, at.hidden);
  building.mark(LayerPart::expert_linears);
}

void mark_all(Block& block, LayerPart part) {
  for (Op& op : block.forward.ops) op.part = part;
  for (CollectiveCall& call : block.forward.calls) call.part = part;
  for (SavedTensor& tensor : block.saved) tensor.part = part;
}

// The shared experts' halves, each put together apart: gather to activation, down to scatter.
struct SharedExperts {
  Block up;
  Block down;
};
SharedExperts shared_experts(const BlockContext& context) {
  const double width =
      static_cast<double>(context.model.shared_expert_ffn()) / context.shape.tensor;
  BlockBuilder up;
  enter_tensor_parallel(context, up);
  add_mlp_up(context, up, width);
  BlockBuilder down;
  add_mlp_down(context, down, width);
  leave_tensor_parallel(context, down);
  SharedExperts shared{up.finish(), down.finish()};
  mark_all(shared.up, LayerPart::shared_experts);
  mark_all(shared.down, LayerPart::shared_experts);
  return shared;
}

}  // namespace

void add_experts(const BlockContext& context, BlockBuilder& building) {
  const RankShape& at = context.shape;
  const bool shared = context.model.shared_expert_ffn() > 0;
  const bool beside = shared && context.plan.software.shared_expert_overlap;
  add_norm(context, building, "expert norm");
  building.block.saved.push_back({"expert layer input", at.residual(), false, {}});
  building.mark(LayerPart::norms);
  SharedExperts extra;
  if (shared) extra = shared_experts(context);
  if (shared && !beside) {
    building.begin_section();
    building.append(extra.up);
    building.begin_section();
    building.append(extra.down);
  }
  add_router(context, building);
  building.mark(LayerPart::router);
  add_permutation(context, building, false);
  building.mark(LayerPart::expert_exchange);
  dispatch_tokens(context, building, beside ? &extra.up : nullptr);
  add_local_order(context, building, "tokens by local expert");
  building.mark(LayerPart::expert_exchange);
  add_routed(context, building);
  add_local_order(context, building, "results by rank");
  combine_tokens(context, building, beside ? &extra.down : nullptr);
  add_permutation(context, building, true);
  building.mark(LayerPart::expert_exchange);
  add_residual(context, building, "expert residual");
  building.mark(LayerPart::none);
}

}  // namespace lockstep
