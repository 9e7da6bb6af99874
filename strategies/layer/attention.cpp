// Self-attention: norm, qkv projection, rotary embedding, the attention core, output projection,
// residual.
#include <algorithm>

#include "strategies/layer/blocks.hpp"
#include "strategies/layer/layer_counts.hpp"
#include "strategies/parallel/context.hpp"
#include "strategies/parallel/parallel.hpp"

namespace lockstep {

namespace {

Op batched_gemm(const char* name, const RankShape& at, std::int64_t m, std::int64_t n,
                std::int64_t k, std::int64_t head_dim) {
  Op op;
  op.name = name;
  op.kind = OpKind::batched_gemm;
  op.op_class = OpClass::attention;
  op.m = m;
  op.n = n;
  op.k = k;
  // With the sequence split over ranks, a c-th of the heads' products is theirs.
  const double b = static_cast<double>(at.micro_batch) * at.heads / at.context;
  op.batch = std::max<std::int64_t>(1, static_cast<std::int64_t>(b));
  op.dtype = at.activation_dtype;
  op.head_dim = head_dim;
  op.sequence = at.sequence;
  const auto md = static_cast<double>(m);
  const auto nd = static_cast<double>(n);
  const auto kd = static_cast<double>(k);
  op.flops = Flops{2 * b * md * nd * kd};
  op.bytes = Bytes{at.element * b * (md * kd + kd * nd + md * nd)};
  return op;
}

// FlashAttention never writes the scores. With A attended tokens (s / 2: causal), forward
// multiplies queries with keys and scores with values, 2 T A (q + v) FLOPs; backward runs the first
// product and its gradients (3 q) and those of the second (2 v): 2.5 times as much where q = v, Dao
// 2023 (arXiv:2307.08691) section 3.1. Bytes: q, k, v read, output written; backward twice that.
void add_flash_core(const BlockContext& context, BlockBuilder& building,
                    const AttentionCore& core) {
  const RankShape& at = context.shape;
  const double attended = attended_tokens(context.model, context.layer, at.sequence);
  Op op;
  op.name = "flash attention";
  op.kind = OpKind::flash_attention;
  op.op_class = OpClass::attention;
  op.dtype = at.activation_dtype;
  op.sequence =
      context.layer.windowed ? std::min(at.sequence, context.model.attention_window) : at.sequence;
  op.head_dim = core.head_dim;
  op.kernel = context.plan.software.attention;
  op.flops = Flops{2 * at.tokens * attended * (core.query + core.value)};
  op.bytes = Bytes{at.element * at.tokens * (core.query + core.value + core.key_value_read)};
  building.block.forward.ops.push_back(op);
  op.backward = true;
  op.flops = Flops{2 * at.tokens * attended * (3 * core.query + 2 * core.value)};
  op.bytes = 2.0 * op.bytes;
  building.backward().ops.push_back(op);
  building.block.saved.push_back({"attention statistics", Bytes{4 * at.tokens * at.heads}, false,
                                  Bytes{4 * at.tokens * at.heads}});
}

// Scores as matrices: Q K^T and P V forward, four products backward, never halved for causality
// nor cut to a window.
// Softmax with scale and mask reads and writes each score once forward (4 B), backward reads two
// and writes one (6 B); dropout adds 5 B each way, ALiBi's bias 7 B forward. Source: kernel
// definitions; factor fitted to runs.
void add_score_core(const BlockContext& context, BlockBuilder& building,
                    const AttentionCore& core) {
  const RankShape& at = context.shape;
  const std::int64_t s = at.sequence;
  const std::int64_t d = core.head_dim;
  const std::int64_t v = core.value_head_dim;
  building.block.forward.ops.push_back(batched_gemm("scores", at, s, s, d, d));
  building.block.forward.ops.push_back(batched_gemm("scores times values", at, s, v, s, v));
  building.backward().ops.push_back(batched_gemm("gradient of scores", at, s, s, v, v));
  building.backward().ops.push_back(batched_gemm("gradient of values", at, s, v, s, v));
  building.backward().ops.push_back(batched_gemm("gradient of queries", at, s, d, s, d));
  building.backward().ops.push_back(batched_gemm("gradient of keys", at, s, d, s, d));

  const Software& software = context.plan.software;
  const bool dropout = context.training.dropout > 0;
  const double scores = at.tokens * static_cast<double>(s) * at.heads;
  const double factor = *software.softmax_traffic_factor * at.element / 2.0;
  double forward = 4.0 + (dropout ? 5.0 : 0.0);
  if (context.model.positions == Positions::alibi) forward += 7.0;
  const double backward = 6.0 + (dropout ? 5.0 : 0.0);
  const Kernels kernels{MemoryKernel::softmax, softmax_launches(software)};
  add_elementwise(building.block.forward, "softmax", Bytes{factor * forward * scores},
                  OpClass::attention, kernels);
  add_elementwise(building.backward(), "softmax", Bytes{factor * backward * scores},
                  OpClass::attention, kernels);

  // Kept: softmax output (2 B), and with dropout its mask (1 B) and the dropped output (2 B):
  // score_bytes. Without dropout the profile's mask and copy are not there.
  constexpr double softmax_output = 2.0;
  constexpr double dropout_mask_and_output = 3.0;
  const double kept =
      dropout || software.attention == AttentionKernel::unfused
          ? software.score_bytes
          : std::max(softmax_output, software.score_bytes - dropout_mask_and_output);
  building.block.saved.push_back(
      {"attention scores", Bytes{kept * scores * at.element / 2.0}, true, {}});
}

// Rotary embedding of queries and keys: read and write once (4 B per 2-byte element), as separate
// PyTorch kernels 24 B forward and 28 B backward.
void add_rope(const BlockContext& context, BlockBuilder& building) {
  const RankShape& at = context.shape;
  const double elements = at.tokens * (at.query + at.kv) * at.element / 2.0;
  const bool fused = context.plan.software.fused_rope;
  building.begin_section();
  const Kernels kernels{MemoryKernel::rope, rope_launches(context.plan.software)};
  add_elementwise(building.block.forward, "rotary embedding",
                  Bytes{elements * (fused ? 4.0 : 24.0)}, OpClass::elementwise, kernels);
  add_elementwise(building.backward(), "rotary embedding", Bytes{elements * (fused ? 4.0 : 28.0)},
                  OpClass::elementwise, kernels);
}

}  // namespace

bool is_flash(AttentionKernel kernel) {
  return kernel == AttentionKernel::flash1 || kernel == AttentionKernel::flash2 ||
         kernel == AttentionKernel::flash3;
}

void add_attention_core(const BlockContext& context, BlockBuilder& building,
                        const AttentionCore& core) {
  const ContextWidths widths{core.query, core.value, core.key_value_read};
  enter_context(context, building, widths);
  if (is_flash(context.plan.software.attention)) {
    add_flash_core(context, building, core);
  } else {
    add_score_core(context, building, core);
  }
  leave_context(context, building, widths);
}

void add_attention(const BlockContext& context, BlockBuilder& building) {
  const RankShape& at = context.shape;
  const Software& software = context.plan.software;
  // Per-op checkpointing keeps every second matmul: of qkv and output, queries and values (Meta's
  // torchtitan).
  add_norm(context, building, "attention norm");
  building.block.saved.back().kept_per_op = at.residual();  // the layer's input
  building.block.saved.push_back({"qkv input", at.residual(), false, {}});
  saved_for_linear(context, building);
  building.mark(LayerPart::norms);
  enter_tensor_parallel(context, building);
  add_linear(context, building, "qkv projection", at.hidden, at.query + 2 * at.kv);
  add_linear_adapter(context, building, LinearRole::query_key_value, at.hidden,
                     at.query + 2 * at.kv);
  building.block.saved.push_back(
      {"queries, keys, values",
       Bytes{software.qkv_copies * at.element * at.tokens * (at.query + 2 * at.kv)}, false,
       Bytes{at.element * at.tokens * (at.query + at.kv)}});
  if (context.model.positions == Positions::rope) add_rope(context, building);
  if (context.model.qk_norm) {
    const double elements = at.tokens * (at.query + at.kv) * at.element / 2.0;
    const bool fused = software.fused_norm;
    building.begin_section();
    const Kernels kernels{MemoryKernel::norm, 2 * norm_launches(context.model, software)};
    add_elementwise(building.block.forward, "query and key norm",
                    Bytes{elements * (fused ? 4.0 : 34.0)}, OpClass::elementwise, kernels);
    add_elementwise(building.backward(), "query and key norm",
                    Bytes{elements * (fused ? 8.0 : 60.0)}, OpClass::elementwise, kernels);
    building.block.saved.push_back({"query and key norm input",
                                    Bytes{at.element * at.tokens * (at.query + at.kv)},
                                    false,
                                    {}});
  }
  building.mark(LayerPart::qkv_projection);
  const std::int64_t d = context.model.head_size();
  add_attention_core(context, building, {at.query, at.query, 2 * at.kv, d, d});
  add_prompt_adapter(context, building);
  building.mark(LayerPart::attention_core);
  // The output projection holds it too.
  const Bytes output{at.element * at.tokens * at.query};
  building.block.saved.push_back({"attention output", output, false, output});
  saved_for_linear(context, building, false);
  building.mark(LayerPart::none);
  add_linear(context, building, "output projection", at.query, at.hidden);
  add_linear_adapter(context, building, LinearRole::output, at.query, at.hidden);
  leave_tensor_parallel(context, building);
  building.mark(LayerPart::output_projection);
  add_residual(context, building, "attention residual");
  building.mark(LayerPart::none);
}

}  // namespace lockstep
