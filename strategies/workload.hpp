// What one optimizer step does, without any notion of time: ops with FLOPs and bytes, collectives
// with bytes and groups, tensors with bytes and lifetimes, per pipeline stage. Symmetric ranks
// appear once.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "strategies/plan.hpp"
#include "topology/collectives/collective_model.hpp"
#include "topology/quantity.hpp"

namespace lockstep {

enum class OpKind { gemm, flash_attention, batched_gemm, memory_bound };

// What a line of the report calls it.
enum class OpClass { linear, attention, elementwise, head_and_loss, embedding, optimizer };

// One kernel (or a few of one shape) on one rank for one micro-batch.
struct Op {
  const char* name = "";
  OpKind kind = OpKind::memory_bound;
  OpClass op_class = OpClass::elementwise;
  Flops flops;                                  // executed
  Bytes bytes;                                  // moved through HBM, at least
  std::int64_t m = 0, n = 0, k = 0, batch = 1;  // gemm, batched_gemm
  Dtype dtype = Dtype::bf16;
  std::int64_t sequence = 0, head_dim = 0;  // attention
  bool backward = false;                    // kernel of the backward pass (flash attention)
  AttentionKernel kernel = AttentionKernel::flash2;
};

// The ranks that a collective spans.
enum class GroupKind { tensor, data, shard, replicate, pipeline_neighbor, pipeline_ends };

// When a collective may run beside compute.
enum class CommRole {
  tensor_forward,
  tensor_backward,  // around the linears of a layer
  parameter_gather,
  gradient_reduce,  // data parallelism and sharding
  pipeline_transfer,
  tied_embedding  // gradient of a table kept on first and last stage
};

struct CollectiveCall {
  const char* name = "";
  Collective collective = Collective::all_reduce;
  Bytes bytes;  // nccl-tests' size: the whole buffer (all_gather, reduce_scatter: the gathered one)
  GroupKind group = GroupKind::tensor;
  CommRole role = CommRole::tensor_forward;
};

// One direction of one piece of the model for one micro-batch.
struct Pass {
  std::vector<Op> ops;
  std::vector<CollectiveCall> calls;
};

// A tensor that the forward pass of a block leaves for its backward pass, per micro-batch on one
// rank.
struct SavedTensor {
  const char* name = "";
  Bytes bytes;
  bool attention_core = false;  // what selective recompute of the attention core drops
  Bytes kept_per_op;            // of it, what per-op selective checkpointing keeps
};

// A layer, the embedding, or the head with final norm and loss.
struct Block {
  Pass forward;
  Pass backward;
  Pass recompute;         // run before backward where the block recomputes
  double parameters = 0;  // on one rank, after tensor sharding
  std::vector<SavedTensor> saved;
  Bytes input;          // the block's input: what full recompute keeps
  Bytes gradient_wave;  // gradients of activations alive while its backward runs

  // What stays alive between forward and backward under a recompute mode.
  [[nodiscard]] Bytes saved_bytes(Recompute mode, SelectiveRecompute selective) const;
};

enum class TensorClass {
  weights,
  gradients,
  optimizer,
  unsharded_units,
  communication_buffers,
  activations,
  recompute_workspace,
  logits_and_loss,
  pipeline_buffers,
  other
};

// Bytes that live on one rank of a stage at the stage's peak candidates.
struct Tensor {
  std::string name;
  TensorClass tensor_class = TensorClass::activations;
  Bytes bytes;
};

// An instant of the step that may hold the memory peak, with all that is alive then.
struct MemoryInstant {
  const char* name = "";
  std::vector<Tensor> tensors;
  [[nodiscard]] Bytes total() const;
};

struct Stage {
  std::int64_t index = 0;
  std::int64_t layers = 0;
  std::int64_t recomputed_layers = 0;
  bool has_embedding = false;
  bool has_head = false;
  double parameters = 0;  // on one rank, before data sharding
  double micro_batches_in_flight =
      1;  // most at once, in whole-stage equivalents (chunks / interleave)
  std::vector<CollectiveCall> data_calls;  // gradient reduction and parameter gather, once a step
  std::vector<CollectiveCall> repeated_calls;  // after every micro-batch but the last (ZeRO-2)
  std::vector<Op> optimizer_ops;
  std::vector<MemoryInstant> instants;
};

struct Workload {
  Block layer;
  Block embedding;
  Block head;
  std::vector<Stage> stages;
  std::vector<CollectiveCall> fsdp_layer_forward;  // per layer and micro-batch, beside compute
  std::vector<CollectiveCall> fsdp_layer_backward;
  std::vector<CollectiveCall> fsdp_embedding;  // the units outside layers, per micro-batch
  std::vector<CollectiveCall> fsdp_head;
  CollectiveCall boundary;  // activation to the next stage; bytes 0 with one stage
  std::int64_t micro_batches = 1;
  std::int64_t interleave = 1;
  std::string schedule;
  double model_flops =
      0;  // of the whole step, all GPUs: 6 * matmul parameters * tokens + causal attention
  double hardware_flops = 0;    // model FLOPs plus what recompute runs again, same conventions
  double total_parameters = 0;  // of the model, unpadded
};

// Lowers a legal plan (violations() empty). Pure.
Workload lower(const Model& model, const Training& training, const Plan& plan);

}  // namespace lockstep
