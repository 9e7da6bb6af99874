// What fp8 and fp4 recipes cost and keep. Transformer Engine saves the quantised input (on Hopper
// its transpose, which the weight gradient's GEMM reads) and frees the 16-bit one; what something
// else reads in backward too, as attention its output, is kept in both. torchao's float8 linear
// keeps the 16-bit input and casts again in backward: nothing changes there. Source: Transformer
// Engine, pytorch/module/linear.py (save_for_backward); torchao, float8/float8_linear.py. Ignores
// block scales, 1/32 of mxfp8's bytes.
#include "strategies/layer/blocks.hpp"

namespace lockstep {

namespace {

// A cast reads 2 B and writes 1 B per element; one that also writes the transpose, which the weight
// gradient's GEMM needs, 1 B more. Where scales lie along the sum of each GEMM (rows, blocks,
// mxfp8, nvfp4) the second copy has scales of its own: read, scaled and written again.
constexpr double cast_bytes = 3.0;
constexpr double both_of_a_tensor = 4.0;
constexpr double both_of_rows = 2 * cast_bytes;
constexpr double maximum_bytes = 2.0;  // read once more before the cast

bool is_narrow(Dtype dtype) {
  return dtype == Dtype::fp8 || dtype == Dtype::mxfp8 || dtype == Dtype::fp4;
}

bool by_tensor(Dtype dtype, Fp8Scaling scaling) {
  return dtype == Dtype::fp8 && (scaling == Fp8Scaling::delayed || scaling == Fp8Scaling::current);
}

void add_cast(Pass& pass, const char* name, double bytes, double launches) {
  add_elementwise(pass, name, Bytes{bytes}, OpClass::linear, {MemoryKernel::cast, launches});
}

}  // namespace

// Bytes per element:
//   maximum 2 where the scale is that of the tensor itself (current), else 0
//   input, forward    maximum + 4 or 6 where the cast input is kept for backward, else maximum + 3
//   input, backward   0, or maximum + 3: cast again
//   gradient          maximum + 4 or 6
//   weight            each pass maximum + 3 where the stack casts weights for every pass, else 0
// Source: Micikevicius et al. 2022 (arXiv:2209.05433); Transformer Engine's and torchao's linears.
CastTraffic cast_traffic(Dtype dtype, Fp8Scaling scaling, const Software& software) {
  CastTraffic traffic;
  if (!is_narrow(dtype)) return traffic;
  const bool tensor = by_tensor(dtype, scaling);
  const bool finds_maximum = dtype == Dtype::fp8 && scaling == Fp8Scaling::current;
  const double maximum = finds_maximum ? maximum_bytes : 0.0;
  const double both = maximum + (tensor ? both_of_a_tensor : both_of_rows);
  const double one = maximum + cast_bytes;
  const bool kept = software.fp8_saved_inputs > 0;
  traffic.input_forward = kept ? both : one;
  traffic.input_backward = kept ? 0.0 : one;
  traffic.gradient = both;
  traffic.weight = software.fp8_casts_weights ? one : 0.0;
  traffic.launches = finds_maximum ? 2.0 : 1.0;
  return traffic;
}

void add_casts(const BlockContext& context, BlockBuilder& building, const CastElements& elements) {
  const CastTraffic each =
      cast_traffic(context.shape.linear_dtype, context.training.fp8_scaling, context.plan.software);
  if (each.gradient <= 0) return;
  const double weights = each.weight * elements.weight;
  const double copies = weights > 0 ? 2.0 : 1.0;
  add_cast(building.block.forward, "cast to low precision",
           each.input_forward * elements.input + weights, copies * each.launches);
  add_cast(building.backward(), "cast to low precision",
           each.gradient * elements.output + each.input_backward * elements.input + weights,
           copies * each.launches);
}

void saved_for_linear(const BlockContext& context, BlockBuilder& building, bool only) {
  SavedTensor& saved = building.block.saved.back();
  saved.linear_input = saved.bytes.value() / context.shape.element;
  saved.only_linear = only;
}

void narrow_saved_inputs(const BlockContext& context, Block& block) {
  const double each = context.plan.software.fp8_saved_inputs;
  if (!is_narrow(context.shape.linear_dtype) || each <= 0) return;
  for (SavedTensor& saved : block.saved) {
    if (saved.linear_input <= 0) continue;
    const Bytes copy{each * saved.linear_input};
    saved.bytes = saved.only_linear ? copy : saved.bytes + copy;
    if (saved.kept_per_op.value() > 0) saved.kept_per_op = saved.bytes;
  }
}

}  // namespace lockstep
