// The feed-forward part: norm, up (and gate) projection, activation, down projection, residual.
#include "strategies/layer/blocks.hpp"
#include "strategies/parallel/parallel.hpp"

namespace lockstep {

// Activation traffic per element of f, 2-byte: GELU and squared ReLU read one and write one forward
// (4 B), read two and write one backward (6 B). Gated, fused: read two, write one (6 B); backward
// read three, write two (10 B). Gated, as separate PyTorch kernels: 10 B and 16 B.
ActivationTraffic activation_traffic(const BlockContext& context) {
  const double widen = context.shape.element / 2.0;
  if (!context.model.gated()) return {4.0 * widen, 6.0 * widen};
  const bool fused = context.plan.software.fused_activation;
  return {(fused ? 6.0 : 10.0) * widen, (fused ? 10.0 : 16.0) * widen};
}

void add_mlp_up(const BlockContext& context, BlockBuilder& building, double width) {
  const RankShape& at = context.shape;
  const bool gated = context.model.gated();
  add_linear(context, building, gated ? "gate and up projection" : "up projection", at.hidden,
             at.branches * width);
  add_linear_adapter(context, building, LinearRole::up, at.hidden, at.branches * width);
  // Per-op checkpointing keeps the gate (or the only branch) and the down projection's output.
  const Bytes branch{at.tokens * width * at.element};
  building.block.saved.push_back({"up projection output", at.branches * branch, false, branch});
  building.mark(LayerPart::up_projection);
  const ActivationTraffic traffic = activation_traffic(context);
  const double elements = at.tokens * width;
  building.begin_section();
  const Kernels kernels{MemoryKernel::activation,
                        activation_launches(context.model, context.plan.software)};
  add_elementwise(building.block.forward, "activation", Bytes{elements * traffic.forward},
                  OpClass::elementwise, kernels);
  add_elementwise(building.backward(), "activation", Bytes{elements * traffic.backward},
                  OpClass::elementwise, kernels);
  building.block.saved.push_back({"activation output", branch, false, {}});
  saved_for_linear(context, building);
  const double extra = context.plan.software.activation_extra_bytes * at.element / 2.0;
  if (gated && extra > 0) {
    building.block.saved.push_back({"activation intermediate", Bytes{elements * extra}, false, {}});
  }
  building.mark(LayerPart::activation);
}

void add_mlp_down(const BlockContext& context, BlockBuilder& building, double width) {
  const RankShape& at = context.shape;
  add_linear(context, building, "down projection", width, at.hidden);
  add_linear_adapter(context, building, LinearRole::down, width, at.hidden);
  building.block.saved.push_back({"down projection output", {}, false, at.residual()});
}

void add_mlp(const BlockContext& context, BlockBuilder& building) {
  const RankShape& at = context.shape;
  add_norm(context, building, "mlp norm");
  // Both norms read the same state.
  if (context.model.parallel_residual) building.block.saved.pop_back();
  building.block.saved.push_back({"mlp input", at.residual(), false, {}});
  saved_for_linear(context, building);
  building.mark(LayerPart::norms);
  enter_tensor_parallel(context, building);
  add_mlp_up(context, building, at.ffn);
  add_mlp_down(context, building, at.ffn);
  leave_tensor_parallel(context, building);
  building.mark(LayerPart::down_projection);
  add_residual(context, building, "mlp residual");
  building.mark(LayerPart::none);
}

}  // namespace lockstep
