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
  bool weight_gradient = false;  // nothing but the optimizer waits for it: what zero bubble delays
  AttentionKernel kernel = AttentionKernel::flash2;
};

// The ranks that a collective spans.
enum class GroupKind {
  tensor,
  context,
  expert,         // ranks that hold different experts
  expert_tensor,  // ranks that share an expert's matrices
  data,           // data and context ranks: all that hold the same parameters
  shard,
  replicate,
  expert_data,  // the same three for the experts' parameters
  expert_shard,
  expert_replicate,
  pipeline_neighbor,
  pipeline_ends,
  count
};

// When a collective may run beside compute.
enum class CommRole {
  tensor_forward,
  tensor_backward,   // around the linears of a layer
  context_exchange,  // keys and values, or sequence to heads
  expert_exchange,   // tokens to their experts and back
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
  // Place among the ops of its pass: it starts once the first `after` ops are done, and op number
  // `before` waits for it (the number of ops: the end of the pass). Equal: it stands between two
  // ops. Collectives of one pass run in this order, one at a time.
  std::size_t after = 0;
  std::size_t before = 0;
};

// A copy between device and host memory, over PCIe or a chip-to-chip link; placed like a
// collective.
struct HostCopy {
  const char* name = "";
  Bytes bytes;
  bool to_host = false;
  std::size_t after = 0;
  std::size_t before = 0;
};

// One direction of one piece of the model for one micro-batch.
struct Pass {
  std::vector<Op> ops;  // in the order in which they run
  std::vector<CollectiveCall> calls;
  std::vector<HostCopy> copies;

  // Puts the call between the ops that are there and those to come.
  void add(CollectiveCall call) {
    call.after = call.before = ops.size();
    calls.push_back(call);
  }
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
  Pass backward;                 // first op first: the forward's sections in reverse
  Pass recompute;                // run before backward where the block recomputes
  double parameters = 0;         // on one rank, after tensor sharding; without those of experts
  double expert_parameters = 0;  // on one rank, after expert and expert-tensor sharding
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

// What a stage runs in one go: consecutive layers, by kind.
struct Chunk {
  std::vector<std::int64_t> layers;      // of each kind of Workload::kinds
  std::vector<std::int64_t> recomputed;  // of them
  bool has_embedding = false;
  bool has_head = false;
};

struct Stage {
  std::int64_t index = 0;
  std::vector<Chunk> chunks;
  std::int64_t layers = 0;             // of all chunks and kinds
  std::int64_t recomputed_layers = 0;  // of them
  bool has_embedding = false;
  bool has_head = false;
  double parameters = 0;         // on one rank, before data sharding; without those of experts
  double expert_parameters = 0;  // on one rank, before data sharding
  double micro_batches_in_flight =
      1;  // most at once, in whole-stage equivalents (chunks / interleave)
  std::vector<CollectiveCall> data_calls;  // gradient reduction and parameter gather, once a step
  std::vector<CollectiveCall> repeated_calls;  // after every micro-batch but the last (ZeRO-2)
  std::vector<Op> optimizer_ops;
  std::vector<MemoryInstant> instants;
};

// Layers that do the same: dense ones, ones with experts, windowed ones. FSDP gathers and reduces
// each as a unit.
struct LayerKind {
  const char* name = "layer";
  Block block;
  std::vector<CollectiveCall> fsdp_forward;  // per layer and micro-batch, beside compute
  std::vector<CollectiveCall> fsdp_backward;
};

struct Workload {
  std::vector<LayerKind> kinds;
  Block embedding;
  Block head;
  std::vector<Stage> stages;
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
