#include "strategies/layer/blocks.hpp"

#include <algorithm>
#include <utility>

#include "strategies/layer/layer_counts.hpp"
#include "strategies/recompute.hpp"
#include "strategies/state_bytes.hpp"

namespace lockstep {

namespace {

double as_double(std::int64_t value) {
  return static_cast<double>(value);
}

std::int64_t padded_vocabulary(const Model& model, const Plan& plan) {
  const std::int64_t multiple = plan.software.vocabulary_multiple * plan.tensor;
  if (multiple <= 0) return model.vocabulary;
  return (model.vocabulary + multiple - 1) / multiple * multiple;
}

// Width of what every rank projects the hidden state to: latents and the key's rotary part.
double latent_widths(const Model& model) {
  const LatentAttention& latent = model.latent;
  return as_double(latent.query_rank + latent.key_value_rank + latent.rope_head_dim);
}

Op gemm(const BlockContext& context, const char* name, double m, double n, double k,
        double output_bytes, OpClass op_class) {
  const Dtype dtype = context.shape.linear_dtype;
  Op op;
  op.name = name;
  op.kind = OpKind::gemm;
  op.op_class = op_class;
  op.m = static_cast<std::int64_t>(m);
  op.n = static_cast<std::int64_t>(n);
  op.k = static_cast<std::int64_t>(k);
  op.dtype = dtype;
  op.scaling = context.training.fp8_scaling;
  op.flops = Flops{2 * m * n * k};
  op.bytes = Bytes{bytes_per_element(dtype) * (m * k + k * n) + output_bytes * m * n};
  return op;
}

}  // namespace

RankShape::RankShape(const Model& model, const Training& training, const Plan& plan)
    : tokens(as_double(plan.micro_batch) * as_double(training.sequence_length) /
             as_double(plan.context.degree)),
      tensor(as_double(plan.tensor)),
      context(as_double(plan.context.degree)),
      residual_shards(plan.sequence_parallel ? tensor : 1.0),
      hidden(as_double(model.hidden)),
      query(as_double(model.query_width()) / tensor),
      kv(as_double(model.kv_width()) / std::min(tensor, as_double(model.kv()))),
      ffn(as_double(model.ffn()) / tensor),
      branches(model.gated() ? 2.0 : 1.0),
      heads(as_double(model.heads) / tensor),
      element(bytes_per_element(training.activation_dtype())),
      vocabulary(padded_vocabulary(model, plan)),
      micro_batch(plan.micro_batch),
      sequence(training.sequence_length),
      local_sequence(training.sequence_length / plan.context.degree),
      linear_dtype(training.linear_dtype()),
      activation_dtype(training.activation_dtype()) {}

namespace {

void append(Pass& whole, const Pass& piece) {
  const std::size_t shift = whole.ops.size();
  whole.ops.insert(whole.ops.end(), piece.ops.begin(), piece.ops.end());
  for (CollectiveCall call : piece.calls) {
    call.after += shift;
    call.before += shift;
    whole.calls.push_back(call);
  }
}

}  // namespace

void BlockBuilder::mark(LayerPart part) {
  const auto set = [&](auto& items, std::size_t& marked) {
    for (; marked < items.size(); ++marked) items[marked].part = part;
  };
  set(block.forward.ops, marked_ops);
  set(block.forward.calls, marked_calls);
  set(block.saved, marked_saved);
}

Block BlockBuilder::finish() {
  for (auto section = sections.rbegin(); section != sections.rend(); ++section) {
    lockstep::append(block.backward, *section);
  }
  sections.clear();
  return std::move(block);
}

void BlockBuilder::append(const Block& piece) {
  lockstep::append(block.forward, piece.forward);
  lockstep::append(backward(), piece.backward);
  block.saved.insert(block.saved.end(), piece.saved.begin(), piece.saved.end());
  block.trained_parameters += piece.trained_parameters;
  block.quantized_parameters += piece.quantized_parameters;
  marked_ops = block.forward.ops.size();
  marked_calls = block.forward.calls.size();
  marked_saved = block.saved.size();
}

double layer_parameters_on_rank(const BlockContext& context) {
  const RankShape& at = context.shape;
  const Model& model = context.model;
  const LayerParameters whole = layer_parameters(model, context.layer);
  double parameters = whole.norms + whole.router;
  if (model.has_latent_attention()) {
    const double latents = at.hidden * latent_widths(model);
    parameters += latents + (whole.attention - latents) / at.tensor;
  } else {
    const double qkv = at.query + 2 * at.kv;
    parameters += at.hidden * (qkv + at.query);
    if (model.linear_biases || model.qkv_bias) parameters += qkv;
    if (model.linear_biases) parameters += at.hidden;
  }
  if (!context.layer.experts) {
    const double up = at.branches * at.ffn;
    parameters += at.hidden * (up + at.ffn);
    if (model.linear_biases) parameters += up + at.hidden;
    return parameters;
  }
  parameters += whole.shared_experts / at.tensor;
  if (model.linear_biases) {
    const double shared = as_double(model.shared_expert_ffn());
    parameters += whole.experts;
    if (shared > 0) parameters += at.branches * shared / at.tensor + at.hidden;
  }
  return parameters;
}

double expert_parameters_on_rank(const BlockContext& context) {
  if (!context.layer.experts) return 0.0;
  const LayerParameters whole = layer_parameters(context.model, context.layer);
  const double tensor = as_double(context.plan.expert_tensor());
  double one = whole.expert / tensor;
  if (context.model.linear_biases) {
    one += (whole.expert_biases - context.shape.hidden) / tensor + context.shape.hidden;
  }
  return whole.experts / as_double(context.plan.expert.degree) * one;
}

double accumulated_gradient_bytes(const BlockContext& context) {
  return 2.0 * (state_bytes(context.plan, context.training).gradient >= 4 ? 4.0 : 2.0);
}

// Forward y = x W: M = T, N = out, K = in. Input gradient: M = T, N = in, K = out. Weight gradient:
// M = in, N = out, K = T, accumulated into the main gradient, which is read and written (8 B in
// fp32, 4 B in 16 bit).
void add_linear(const BlockContext& context, BlockBuilder& building, const char* name,
                double in_width, double out_width, OpClass op_class) {
  const RankShape& at = context.shape;
  const double element = at.element;
  const double accumulate = accumulated_gradient_bytes(context);
  building.begin_section();
  const bool frozen = context.training.adapter.used();
  if (op_class == OpClass::linear) add_dequantization(context, building, in_width * out_width);
  building.block.forward.ops.push_back(
      gemm(context, name, at.tokens, out_width, in_width, element, op_class));
  building.backward().ops.push_back(
      gemm(context, name, at.tokens, in_width, out_width, element, op_class));
  if (!frozen) {
    building.backward().ops.push_back(
        gemm(context, name, in_width, out_width, at.tokens, accumulate, op_class));
    building.backward().ops.back().weight_gradient = true;
  }
  building.backward().calls.swap(building.beside_linear);
  // Beside a weight gradient that a frozen linear has not: after the input gradient.
  for (CollectiveCall& call : building.backward().calls) {
    call.after = std::min(call.after, building.backward().ops.size());
    call.before = std::min(call.before, building.backward().ops.size());
  }
  building.beside_linear.clear();
  add_casts(context, building,
            {at.tokens * in_width, at.tokens * out_width, in_width * out_width});
}

void add_elementwise(Pass& pass, const char* name, Bytes bytes, OpClass op_class,
                     Kernels kernels) {
  if (bytes.value() <= 0) return;
  Op op;
  op.name = name;
  op.kind = OpKind::memory_bound;
  op.op_class = op_class;
  op.bytes = bytes;
  op.memory = kernels.kind;
  op.launches = kernels.launches;
  pass.ops.push_back(op);
}

// Fused: read and write once forward (2 elements), backward read input and output gradient, write
// the input gradient and add the residual's (4 elements). RMSNorm as separate PyTorch kernels moves
// 34 B forward and 60 B backward per 2-byte element. LayerNorm is one kernel in every framework.
void add_norm(const BlockContext& context, BlockBuilder& building, const char* name) {
  const RankShape& at = context.shape;
  const double elements = at.tokens * at.hidden / at.residual_shards;
  building.begin_section();
  const bool eager = !context.plan.software.fused_norm && context.model.norm == Norm::rmsnorm;
  const double widen = at.element / 2.0;
  const Kernels kernels{MemoryKernel::norm,
                        norm_launches(context.model, context.plan.software)};
  add_elementwise(building.block.forward, name, Bytes{elements * (eager ? 34.0 : 4.0) * widen},
                  OpClass::elementwise, kernels);
  add_elementwise(building.backward(), name, Bytes{elements * (eager ? 60.0 : 8.0) * widen},
                  OpClass::elementwise, kernels);
  const double kept = kept_norm_bytes(context);
  building.block.saved.push_back({"norm input", Bytes{elements * kept * widen}, false, {}});
  building.block.saved.back().part_input = Bytes{elements * std::min(2.0, kept) * widen};
}

// Residual addition: read two, write one (6 B per 2-byte element); with dropout the mask is written
// too (7 B), read again backward (5 B). Unfused forward: dropout 5 B and addition 6 B.
void add_residual(const BlockContext& context, BlockBuilder& building, const char* name) {
  const RankShape& at = context.shape;
  const double elements = at.tokens * at.hidden / at.residual_shards;
  building.begin_section();
  const bool dropout = context.training.dropout > 0;
  const double widen = at.element / 2.0;
  double forward = dropout ? 7.0 : 6.0;
  double backward = dropout ? 5.0 : 0.0;
  if (dropout && !context.plan.software.fused_dropout_add) forward += 4.0;
  const Kernels kernels{MemoryKernel::stream,
                        residual_launches(context.training, context.plan.software)};
  add_elementwise(building.block.forward, name, Bytes{elements * forward * widen},
                  OpClass::elementwise, kernels);
  add_elementwise(building.backward(), name, Bytes{elements * backward * widen});
  if (dropout) building.block.saved.push_back({"dropout mask", Bytes{elements}, false, {}});
}

Bytes Block::saved_bytes(Recompute mode, SelectiveRecompute selective) const {
  const bool per_op = selective == SelectiveRecompute::per_op;
  return lockstep::saved_bytes(*this, {mode, per_op, LayerParts::of(LayerPart::attention_core)});
}

}  // namespace lockstep
