// Adapters beside frozen linears: what they compute, train and keep, and what frozen linears then
// need not keep.
//   LoRA        y += (x A) B, A in x r and B r x out: products of 2 T r (in + out) FLOPs forward,
//               twice that backward. Kept: x, or its dropped copy and a byte of mask an element;
//               x A. Hu et al. 2021 (arXiv:2106.09685), section 4.
//   prompt      a second attention to `prompt_length` trained tokens, gated: its output is kept
//               for the gate. Zhang et al. 2023 (arXiv:2303.16199), section 3. Ignores its FLOPs
//               (prompt_length keys instead of a sequence of them), and that layers before the
//               first one need no backward pass.
//   adapter v2  y = s (x W + b) on every linear, norms trained: x W + b is kept for s.
//               Gao et al. 2023 (arXiv:2304.15010), section 4.1.
// Frozen linears have no weight gradient, so that their inputs are not kept: PyTorch saves an input
// of a product only for the gradient of the other one.
#include <algorithm>

#include "strategies/layer/blocks.hpp"
#include "strategies/layer/layer_counts.hpp"

namespace lockstep {

namespace {

// Modules of LoRA beside a linear, and the width of their outputs together.
struct LoraModules {
  double count = 0;
  double out = 0;
};

LoraModules lora_modules(const BlockContext& context, LinearRole role, double out_width) {
  const RankShape& at = context.shape;
  const LoraTargets targets =
      parse_adapter_targets(context.training.adapter.targets, nullptr).value_or(LoraTargets{});
  LoraModules modules;
  const auto add = [&](bool targeted, double width) {
    if (!targeted) return;
    modules.count += 1;
    modules.out += width;
  };
  switch (role) {
    case LinearRole::query_key_value:
      add(targets.query, at.query);
      add(targets.key, at.kv);
      add(targets.value, at.kv);
      break;
    case LinearRole::output:
      add(targets.output, out_width);
      break;
    case LinearRole::up:
      add(targets.gate && context.model.gated(), at.ffn);
      add(targets.up, at.ffn);
      break;
    case LinearRole::down:
      add(targets.down, out_width);
      break;
  }
  return modules;
}

// As many 16-bit products of T x in with in x r, or their gradients, as LoRA has modules.
Op narrow_product(const BlockContext& context, double m, double n, double k) {
  Op op;
  op.name = "adapter";
  op.kind = OpKind::gemm;
  op.op_class = OpClass::linear;
  op.m = static_cast<std::int64_t>(m);
  op.n = static_cast<std::int64_t>(n);
  op.k = static_cast<std::int64_t>(k);
  op.dtype = context.shape.activation_dtype;
  op.flops = Flops{2 * m * n * k};
  op.bytes = Bytes{context.shape.element * (m * k + k * n + m * n)};
  return op;
}

void add_lora_ops(const BlockContext& context, BlockBuilder& building, double in_width,
                  const LoraModules& modules) {
  const double t = context.shape.tokens;
  const double element = context.shape.element;
  const double each = modules.out / modules.count;
  const double ranks = static_cast<double>(context.training.adapter.rank) * modules.count;
  const bool dropout = context.training.adapter.dropout > 0;
  building.begin_section();
  Pass& forward = building.block.forward;
  if (dropout) add_elementwise(forward, "adapter dropout", Bytes{t * in_width * (2 * element + 1)});
  forward.ops.push_back(narrow_product(context, t, ranks, in_width));
  forward.ops.push_back(narrow_product(context, t, each, ranks));
  add_elementwise(forward, "adapter sum", Bytes{3 * element * t * modules.out});
  Pass& backward = building.backward();
  backward.ops.push_back(narrow_product(context, t, ranks, each));
  backward.ops.push_back(narrow_product(context, ranks, each, t));
  backward.ops.back().weight_gradient = true;
  backward.ops.push_back(narrow_product(context, t, in_width, ranks));
  backward.ops.push_back(narrow_product(context, in_width, ranks, t));
  backward.ops.back().weight_gradient = true;
  add_elementwise(backward, "adapter sum", Bytes{3 * element * t * in_width});
}

// The tensor that the linear before reads.
SavedTensor* linear_input(BlockBuilder& building) {
  auto& saved = building.block.saved;
  const auto found = std::find_if(saved.rbegin(), saved.rend(), [](const SavedTensor& tensor) {
    return tensor.linear_input > 0;
  });
  return found == saved.rend() ? nullptr : &*found;
}

void add_lora(const BlockContext& context, BlockBuilder& building, LinearRole role, double in_width,
              double out_width) {
  const Adapter& adapter = context.training.adapter;
  const Software& software = context.plan.software;
  const LoraModules modules = lora_modules(context, role, out_width);
  if (modules.count == 0) return;
  const auto rank = static_cast<double>(adapter.rank);
  building.block.trained_parameters += rank * (modules.count * in_width + modules.out);
  add_lora_ops(context, building, in_width, modules);

  const double t = context.shape.tokens;
  const double element = context.shape.element;
  const bool fused = role == LinearRole::query_key_value && software.lora_fused_qkv;
  auto& saved = building.block.saved;
  if (adapter.dropout > 0) {
    const double copies = fused ? 1.0 : modules.count;
    saved.push_back(
        {"dropped adapter input", Bytes{copies * (element + 1) * t * in_width}, false, {}});
  } else if (SavedTensor* input = linear_input(building)) {
    input->adapter_reads = true;
  }
  saved.push_back({"adapter inner state", Bytes{element * t * rank * modules.count}, false, {}});
  if (fused) saved.push_back({"adapter output", Bytes{element * t * modules.out}, false, {}});
}

void add_scale_and_bias(const BlockContext& context, BlockBuilder& building, double out_width) {
  const double elements = context.shape.tokens * out_width;
  const double element = context.shape.element;
  building.block.trained_parameters += 2 * out_width;
  building.begin_section();
  add_elementwise(building.block.forward, "adapter scale and bias", Bytes{4 * element * elements});
  add_elementwise(building.backward(), "adapter scale and bias", Bytes{5 * element * elements});
  building.block.saved.push_back({"adapter input", Bytes{element * elements}, false, {}});
}

}  // namespace

void add_linear_adapter(const BlockContext& context, BlockBuilder& building, LinearRole role,
                        double in_width, double out_width) {
  const AdapterKind kind = context.training.adapter.kind;
  if (kind == AdapterKind::lora) add_lora(context, building, role, in_width, out_width);
  if (kind == AdapterKind::adapter_v2) add_scale_and_bias(context, building, out_width);
}

void add_prompt_adapter(const BlockContext& context, BlockBuilder& building) {
  const Adapter& adapter = context.training.adapter;
  const bool v2 = adapter.kind == AdapterKind::adapter_v2;
  if (adapter.kind != AdapterKind::prompt && !v2) return;
  const RankShape& at = context.shape;
  building.block.trained_parameters +=
      static_cast<double>(adapter.prompt_length) * at.hidden + at.heads;
  const double elements = at.tokens * at.query;
  building.begin_section();
  add_elementwise(building.block.forward, "adapter gate", Bytes{4 * at.element * elements});
  add_elementwise(building.backward(), "adapter gate", Bytes{5 * at.element * elements});
  building.block.saved.push_back({"gated prompt", Bytes{at.element * elements}, false, {}});
}

// Read in 4 bits, written in 16; the product then reads them as any other weights.
void add_dequantization(const BlockContext& context, BlockBuilder& building, double weights) {
  const Adapter& adapter = context.training.adapter;
  if (!adapter.quantizes()) return;
  building.block.quantized_parameters += weights;
  const Bytes traffic{(quantized_bytes(adapter.frozen) + context.shape.element) * weights};
  add_elementwise(building.block.forward, "dequantisation", traffic, OpClass::linear);
  add_elementwise(building.backward(), "dequantisation", traffic, OpClass::linear);
}

void settle_adapter(const BlockContext& context, Block& block, double norms) {
  const Adapter& adapter = context.training.adapter;
  if (!adapter.used()) {
    block.trained_parameters = block.parameters;
    return;
  }
  block.parameters += block.trained_parameters;
  if (adapter.kind == AdapterKind::adapter_v2) block.trained_parameters += norms;
  const bool kept = adapter.quantizes() && context.plan.software.quantized_keeps_inputs;
  for (SavedTensor& saved : block.saved) {
    if (saved.linear_input <= 0 || !saved.only_linear || saved.adapter_reads || kept) continue;
    saved.bytes = saved.kept_per_op = saved.part_input = Bytes{};
  }
}

// A norm whose weight is frozen keeps its input, in fp32 where the software makes such a copy (4
// B), but not what its weight is multiplied with.
double kept_norm_bytes(const BlockContext& context) {
  constexpr double plain = 2.0;
  constexpr double wide_input = 4.0;
  if (context.model.norm != Norm::rmsnorm) return plain;
  const double kept = context.plan.software.norm_saved_bytes;
  const AdapterKind kind = context.training.adapter.kind;
  const bool frozen = kind == AdapterKind::lora || kind == AdapterKind::prompt;
  return frozen ? std::min(kept, wide_input) : kept;
}

}  // namespace lockstep
