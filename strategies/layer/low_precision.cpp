// What fp8 and fp4 recipes keep of the linears' inputs. Transformer Engine saves the quantised
// input (on Hopper its transpose, which the weight gradient's GEMM reads) and frees the 16-bit one;
// what something else reads in backward too, as attention its output, is kept in both. torchao's
// float8 linear keeps the 16-bit input and casts again in backward: nothing changes there. Source:
// Transformer Engine, pytorch/module/linear.py (save_for_backward); torchao,
// float8/float8_linear.py. Ignores block scales, 1/32 of mxfp8's bytes.
#include "strategies/layer/blocks.hpp"

namespace lockstep {

void saved_for_linear(const BlockContext& context, BlockBuilder& building, bool only) {
  SavedTensor& saved = building.block.saved.back();
  saved.linear_input = saved.bytes.value() / context.shape.element;
  saved.only_linear = only;
}

void narrow_saved_inputs(const BlockContext& context, Block& block) {
  const Dtype dtype = context.shape.linear_dtype;
  const bool narrow = dtype == Dtype::fp8 || dtype == Dtype::mxfp8 || dtype == Dtype::fp4;
  const double each = context.plan.software.fp8_saved_inputs;
  if (!narrow || each <= 0) return;
  for (SavedTensor& saved : block.saved) {
    if (saved.linear_input <= 0) continue;
    const Bytes copy{each * saved.linear_input};
    saved.bytes = saved.only_linear ? copy : saved.bytes + copy;
    if (saved.kept_per_op.value() > 0) saved.kept_per_op = saved.bytes;
  }
}

}  // namespace lockstep
