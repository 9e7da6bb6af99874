// The feed-forward part: norm, up (and gate) projection, activation, down projection, residual.
#include "strategies/layer/blocks.hpp"
#include "strategies/parallel/parallel.hpp"

namespace lockstep {

// Activation traffic per element of f, 2-byte: GELU and squared ReLU read one and write one forward
// (4 B), read two and write one backward (6 B). Gated, fused: read two, write one (6 B); backward
// read three, write two (10 B). Gated, as separate PyTorch kernels: 10 B and 16 B.
void add_mlp(const BlockContext& context, BlockBuilder& building) {
  const RankShape& at = context.shape;
  const Software& software = context.plan.software;
  const bool gated = context.model.gated();
  add_norm(context, building, "mlp norm");
  building.block.saved.push_back({"mlp input", at.residual(), false, {}});
  saved_for_linear(context, building);
  building.mark(LayerPart::norms);
  enter_tensor_parallel(context, building);
  add_linear(context, building, gated ? "gate and up projection" : "up projection", at.hidden,
             at.branches * at.ffn);

  // Per-op checkpointing keeps the gate (or the only branch) and the down projection's output.
  const double elements = at.tokens * at.ffn * at.element / 2.0;
  building.block.saved.push_back(
      {"up projection output", Bytes{elements * 2.0 * at.branches}, false, Bytes{elements * 2.0}});
  building.mark(LayerPart::up_projection);

  const double forward = !gated ? 4.0 : (software.fused_activation ? 6.0 : 10.0);
  const double backward = !gated ? 6.0 : (software.fused_activation ? 10.0 : 16.0);
  building.begin_section();
  add_elementwise(building.block.forward, "activation", Bytes{elements * forward});
  add_elementwise(building.backward(), "activation", Bytes{elements * backward});
  building.block.saved.push_back({"activation output", Bytes{elements * 2.0}, false, {}});
  saved_for_linear(context, building);
  if (gated && software.activation_extra_bytes > 0) {
    building.block.saved.push_back(
        {"activation intermediate", Bytes{elements * software.activation_extra_bytes}, false, {}});
  }
  building.mark(LayerPart::activation);

  add_linear(context, building, "down projection", at.ffn, at.hidden);
  building.block.saved.push_back({"down projection output", {}, false, at.residual()});
  leave_tensor_parallel(context, building);
  building.mark(LayerPart::down_projection);
  add_residual(context, building, "mlp residual");
  building.mark(LayerPart::none);
}

}  // namespace lockstep
