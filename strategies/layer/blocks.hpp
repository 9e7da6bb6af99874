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
};

// Parameters of one layer on one rank: columns and rows divided by tensor, key/value heads
// replicated where they are fewer, norms and the biases of row-parallel linears whole.
double layer_parameters_on_rank(const BlockContext& context);

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

// Adds a memory-bound op to a pass. `bytes` is the traffic.
void add_elementwise(Pass& pass, const char* name, Bytes bytes,
                     OpClass op_class = OpClass::elementwise);

// Adds norm forward and backward over the residual stream, and what it saves.
void add_norm(const BlockContext& context, BlockBuilder& building, const char* name);

// Adds dropout (where the training has it) and the residual addition.
void add_residual(const BlockContext& context, BlockBuilder& building, const char* name);

void add_attention(const BlockContext& context, BlockBuilder& building);
void add_mlp(const BlockContext& context, BlockBuilder& building);
Block embedding_block(const BlockContext& context);
Block head_block(const BlockContext& context);

}  // namespace lockstep
