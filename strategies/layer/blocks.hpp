// Builders of the blocks of a transformer on one tensor-parallel rank, for one micro-batch.
#pragma once

#include "strategies/layer/layer_spec.hpp"
#include "strategies/workload.hpp"

namespace lockstep {

// Sizes on one rank that every block needs. T = micro_batch * sequence tokens.
struct RankShape {
  RankShape(const Model& model, const Training& training, const Plan& plan);

  double tokens;           // T of this rank: micro_batch * sequence / context
  double tensor;           // t
  double context;          // c
  double residual_shards;  // t under sequence parallelism, else 1: how the residual stream is split
  double hidden;           // h
  double query;            // q/t: query width on this rank
  double kv;               // k/t; key/value heads fewer than t are replicated
  double ffn;              // f/t
  double branches;         // 2 where the MLP is gated
  double heads;            // a/t
  double element;          // bytes of an activation
  std::int64_t vocabulary;  // padded rows of the table, all ranks
  std::int64_t micro_batch;
  std::int64_t sequence;        // of all context ranks
  std::int64_t local_sequence;  // of this rank
  Dtype linear_dtype;
  Dtype activation_dtype;

  // Bytes of a hidden-state tensor, whole and as the residual stream is split.
  [[nodiscard]] Bytes hidden_state() const { return Bytes{element * tokens * hidden}; }
  [[nodiscard]] Bytes residual() const {
    return Bytes{element * tokens * hidden / residual_shards};
  }
};

// What a block's builder reads.
struct BlockContext {
  const Model& model;
  const Training& training;
  const Plan& plan;
  RankShape shape;
  LayerSpec layer;  // of the layer that is built; ends don't read it
};

// A block while it is built: forward passes grow in the order in which they run, backward passes by
// sections, which run in reverse.
struct BlockBuilder {
  Block block;
  std::vector<Pass> sections;  // of the backward pass, in the forward's order
  // Calls beside the two GEMMs of the next linear's backward section; empty once it is built.
  std::vector<CollectiveCall> beside_linear;
  std::size_t marked_ops = 0, marked_calls = 0, marked_saved = 0;

  // The backward section that is open.
  Pass& backward() { return sections.back(); }
  // Opens one; every builder below opens its own.
  void begin_section() { sections.emplace_back(); }
  // What the forward pass has got since the last mark, and what it saves, belongs to a part.
  void mark(LayerPart part);
  // The block with its backward pass put together.
  Block finish();
  // Appends a block that was put together apart: to the forward pass and to the open section. Its
  // parts stay as they are; what came before must have been marked.
  void append(const Block& piece);
};

// Parameters of one layer on one rank: columns and rows divided by tensor, key/value heads
// replicated where they are fewer, norms, router, projections to latents and the biases of
// row-parallel linears whole. Without routed experts.
double layer_parameters_on_rank(const BlockContext& context);
// Those of routed experts: the rank's experts, each over the expert-tensor ranks.
double expert_parameters_on_rank(const BlockContext& context);

bool is_flash(AttentionKernel kernel);

// Adds the three GEMMs of a linear (forward, input gradient, weight gradient) and, under fp8 and
// fp4, the casts.
void add_linear(const BlockContext& context, BlockBuilder& building, const char* name,
                double in_width, double out_width, OpClass op_class = OpClass::linear);

// Says that the tensor saved last is a linear's input. `only`: nothing else reads it in backward.
void saved_for_linear(const BlockContext& context, BlockBuilder& building, bool only = true);

// What low-precision linears keep of their inputs instead of, or beside, the 16-bit tensor, where
// the software's recipe does so.
void narrow_saved_inputs(const BlockContext& context, Block& block);

// low_precision.cpp: bytes that casts of a linear's operands move per element of each; 0 in 16 bit.
struct CastTraffic {
  double input_forward = 0;
  double input_backward = 0;
  double gradient = 0;  // of the output
  double weight = 0;    // forward, and again backward
  double launches = 0;  // of one operand
};
CastTraffic cast_traffic(Dtype dtype, Fp8Scaling scaling, const Software& software);
// Elements of a linear's operands.
struct CastElements {
  double input;
  double output;
  double weight;
};
// Adds the casts of one linear to the forward pass and the open section.
void add_casts(const BlockContext& context, BlockBuilder& building, const CastElements& elements);

// launches.cpp: kernels of one op of the software's layers, forward.
double norm_launches(const Model& model, const Software& software);
double rope_launches(const Software& software);
double activation_launches(const Model& model, const Software& software);
double softmax_launches(const Software& software);
double residual_launches(const Training& training, const Software& software);
// Of a pass, and of the forward pass of a dense layer of the same software.
double launches(const Pass& pass);
double dense_launches(const Model& model, const Training& training, const Software& software);

// What a linear is in its layer, for the adapters that may stand beside it.
enum class LinearRole { query_key_value, output, up, down };

// adapter.cpp: what is trained beside frozen linears. Each does nothing where the training has no
// such adapter.
// Beside the linear that was added last: LoRA's two products, or scale and bias of its output.
void add_linear_adapter(const BlockContext& context, BlockBuilder& building, LinearRole role,
                        double in_width, double out_width);
// Attention to the trained tokens, beside the core.
void add_prompt_adapter(const BlockContext& context, BlockBuilder& building);
// Forward and backward: 4-bit weights of a linear made whole before its product.
void add_dequantization(const BlockContext& context, BlockBuilder& building, double weights);
// Says which parameters of a finished block are trained, and drops what frozen linears need not
// keep. `norms`: of its parameters, those of norms.
void settle_adapter(const BlockContext& context, Block& block, double norms);
// Bytes per element of a norm's input that is kept.
double kept_norm_bytes(const BlockContext& context);

// Bytes per element of a weight gradient that a GEMM accumulates: read and written.
double accumulated_gradient_bytes(const BlockContext& context);

// Which kernel a memory-bound op is, and how many of them the host launches.
struct Kernels {
  MemoryKernel kind = MemoryKernel::stream;
  double launches = 1;
};
// Adds a memory-bound op to a pass. `bytes` is the traffic.
void add_elementwise(Pass& pass, const char* name, Bytes bytes,
                     OpClass op_class = OpClass::elementwise, Kernels kernels = {});

// Adds norm forward and backward over the residual stream, and what it saves.
void add_norm(const BlockContext& context, BlockBuilder& building, const char* name);

// Adds dropout (where the training has it) and the residual addition.
void add_residual(const BlockContext& context, BlockBuilder& building, const char* name);

// Widths of the attention core on this rank.
struct AttentionCore {
  double query;           // all heads' queries; keys as computed with are as wide
  double value;           // all heads' outputs
  double key_value_read;  // keys and values as they lie in memory
  std::int64_t head_dim;  // of queries and keys
  std::int64_t value_head_dim;
};
// Adds the core in the software's kernel, in a section of its own, and what it saves besides its
// inputs and output.
void add_attention_core(const BlockContext& context, BlockBuilder& building,
                        const AttentionCore& core);

// attention.cpp, latent_attention.cpp: norm to residual.
void add_attention(const BlockContext& context, BlockBuilder& building);
void add_latent_attention(const BlockContext& context, BlockBuilder& building);

// Bytes that the MLP's activation moves per element of its width.
struct ActivationTraffic {
  double forward;
  double backward;
};
ActivationTraffic activation_traffic(const BlockContext& context);
// mlp.cpp: up (and gate) projection of this width on the rank with activation, and down projection,
// with what they save.
void add_mlp_up(const BlockContext& context, BlockBuilder& building, double width);
void add_mlp_down(const BlockContext& context, BlockBuilder& building, double width);
// mlp.cpp, experts.cpp: norm to residual.
void add_mlp(const BlockContext& context, BlockBuilder& building);
void add_experts(const BlockContext& context, BlockBuilder& building);

// What a rank's experts take of one micro-batch.
struct ExpertLoad {
  double tokens;    // of this rank, before they are sent: a share under sequence parallelism
  double sent;      // token copies that this rank sends, on the mean
  double received;  // copies that its experts work on, of the busiest rank
  double local;     // experts of the rank
  double width;     // of one expert on the rank
  double busiest;   // received over the mean: imbalance or capacity factor
};
ExpertLoad expert_load(const BlockContext& context);

// multi_token.cpp: one multi-token prediction module: join, a layer, the shared head again.
Block prediction_block(const BlockContext& context);

// A transformer layer of context.layer's kind, recompute included.
Block layer_block(const BlockContext& context);
Block embedding_block(const BlockContext& context);
Block head_block(const BlockContext& context);

}  // namespace lockstep
