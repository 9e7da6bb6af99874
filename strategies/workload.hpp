// What one optimizer step does, without any notion of time: ops with FLOPs and bytes, collectives
// with bytes and groups, tensors with bytes and lifetimes, per pipeline stage. Symmetric ranks
// appear once.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "strategies/layer/layer_part.hpp"
#include "strategies/plan.hpp"
#include "topology/collectives/collective_model.hpp"
#include "topology/quantity.hpp"

namespace lockstep {

enum class OpKind {
  gemm,
  grouped_gemm,  // `batch` products of one shape, one after the other in one launch: experts
  flash_attention,
  batched_gemm,  // of attention scores
  memory_bound
};

// What a line of the report calls it.
enum class OpClass { linear, attention, elementwise, head_and_loss, embedding, optimizer };

// Kinds of memory-bound kernels, by the share of the bandwidth that they reach.
enum class MemoryKernel : std::uint8_t {
  stream,  // reads and writes in order: residual additions, copies
  norm,
  rope,
  activation,
  softmax,
  cast,
  permutation,  // rows gathered or scattered by index, the embedding's among them
  loss,
  optimizer
};

// One kernel (or a few of one shape) on one rank for one micro-batch.
struct Op {
  const char* name = "";
  OpKind kind = OpKind::memory_bound;
  OpClass op_class = OpClass::elementwise;
  Flops flops;                                  // executed
  Bytes bytes;                                  // moved through HBM, at least
  std::int64_t m = 0, n = 0, k = 0, batch = 1;  // gemm, grouped_gemm (of one), batched_gemm
  Dtype dtype = Dtype::bf16;
  Fp8Scaling scaling = Fp8Scaling::delayed;  // of GEMMs in fp8
  MemoryKernel memory = MemoryKernel::stream;
  double launches = 1;                      // kernels that the host launches for it
  std::int64_t sequence = 0, head_dim = 0;  // attention
  bool backward = false;                    // kernel of the backward pass (flash attention)
  bool weight_gradient = false;  // nothing but the optimizer waits for it: what zero bubble delays
  AttentionKernel kernel = AttentionKernel::flash2;
  LayerPart part = LayerPart::none;  // of the layer, in forward passes

  friend bool operator==(const Op&, const Op&) = default;
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
  // Of an all-to-all of tokens that software may send to a node once for all experts there: the
  // experts of a token, and the most nodes that they lie on (0: any). copies 0: sent as it is.
  std::int64_t copies = 0;
  std::int64_t most_nodes = 0;
  LayerPart part = LayerPart::none;  // of the layer, in forward passes
};

// A copy between device and host memory, over PCIe or a chip-to-chip link; placed like a
// collective.
struct HostCopy {
  const char* name = "";
  Bytes bytes;
  bool to_host = false;
};

// One direction of one piece of the model for one micro-batch.
struct Pass {
  std::vector<Op> ops;  // in the order in which they run
  std::vector<CollectiveCall> calls;

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
  bool attention_core = false;       // what selective recompute of the attention core drops
  Bytes kept_per_op;                 // of it, what per-op selective checkpointing keeps
  LayerPart part = LayerPart::none;  // that makes it
  Bytes part_input;  // of it, what stays where that part runs again: the part's own input
  // Elements that a linear reads and keeps for its weight gradient; 0: no linear's input.
  double linear_input = 0;
  bool only_linear = true;     // nothing else reads it in the backward pass
  bool adapter_reads = false;  // an adapter beside the linear keeps it for its own weight gradient
};

// A layer, the embedding, or the head with final norm and loss.
struct Block {
  Pass forward;
  Pass backward;                 // first op first: the forward's sections in reverse
  Pass recompute;                // run before backward where the block recomputes
  double parameters = 0;         // on one rank, after tensor sharding; without those of experts
  double expert_parameters = 0;  // on one rank, after expert and expert-tensor sharding
  // Of `parameters`: those that are trained (all of them without adapters), and those that are kept
  // in 4 bits. With adapters no expert is trained.
  double trained_parameters = 0;
  double quantized_parameters = 0;
  std::vector<SavedTensor> saved;
  Bytes input;              // the block's input: what full recompute keeps
  Bytes gradient_wave;      // gradients of activations alive while its backward runs
  Bytes exchange_forward;   // buffers of context parallelism while its forward pass runs
  Bytes exchange_backward;  // ... while its backward pass runs
  // What the host launches for the forward pass, and for that of a dense layer of the same stack,
  // which is what Software::host_per_layer times. See layer/launches.cpp.
  double launches = 1;
  double dense_launches = 1;
  bool waits_for_routing = false;  // the host reads the counts of routed tokens in between

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

// Instants of a step between which memory grows or shrinks.
enum class Moment : std::uint8_t {
  forward,        // of a layer, with all micro-batches in flight
  loss,           // of the last micro-batch in flight, on the stage with the head
  backward,       // the first layer of the backward pass
  backward_end,   // the last layer of it: activations of the micro-batch are gone
  optimizer_step  // after the last micro-batch
};

// The moments at which a tensor is alive.
class Lifetime {
 public:
  template <class... M>
  static constexpr Lifetime at(M... moments) {
    Lifetime lifetime;
    ((lifetime.bits_ |= bit(moments)), ...);
    return lifetime;
  }
  // From one step to the next.
  static constexpr Lifetime step() {
    return at(Moment::forward, Moment::loss, Moment::backward, Moment::backward_end,
              Moment::optimizer_step);
  }
  // While passes run.
  static constexpr Lifetime passes() {
    return at(Moment::forward, Moment::loss, Moment::backward, Moment::backward_end);
  }
  // From a forward pass to its backward pass.
  static constexpr Lifetime saved() { return at(Moment::forward, Moment::loss, Moment::backward); }
  static constexpr Lifetime backward() { return at(Moment::backward, Moment::backward_end); }

  [[nodiscard]] constexpr bool has(Moment moment) const { return (bits_ & bit(moment)) != 0; }

 private:
  static constexpr std::uint8_t bit(Moment moment) {
    return static_cast<std::uint8_t>(1u << static_cast<unsigned>(moment));
  }
  std::uint8_t bits_ = 0;
};

// Bytes on one rank of a stage.
struct Tensor {
  const char* name = "";
  TensorClass tensor_class = TensorClass::activations;
  Bytes bytes;  // on the rank, after sharding; of one micro-batch where `chunk` is set
  Lifetime lifetime = Lifetime::step();
  double element = 0;       // bytes per element; 0: of several types
  double shards = 1;        // ranks that share it
  const char* over = "";    // what they share it over: "data", "tensor" …
  std::int64_t chunk = -1;  // saved by every micro-batch in flight through this chunk; -1: no
};

// An instant of the step that may hold the memory peak, with all that is alive then. What chunks
// save counts as often as micro-batches are in flight.
struct MemoryInstant {
  Moment moment = Moment::backward;
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
  double parameters = 0;            // on one rank, before data sharding; without those of experts
  double expert_parameters = 0;     // on one rank, before data sharding
  double trained_parameters = 0;    // of `parameters`
  double quantized_parameters = 0;  // of `parameters`
  double trained_expert_parameters = 0;
  // Micro-batches whose activations each chunk holds at the moment when all of them take most.
  std::vector<double> held_at_peak;
  double micro_batches_in_flight =
      1;  // most at once, in whole-stage equivalents (chunks / interleave)
  std::vector<CollectiveCall> data_calls;  // gradient reduction and parameter gather, once a step
  std::vector<CollectiveCall> repeated_calls;  // after every micro-batch but the last (ZeRO-2)
  std::vector<Op> optimizer_ops;
  std::vector<HostCopy> optimizer_copies;  // gradients to the host, weights back
  Bytes host_update;                       // traffic of the update in host memory
  Bytes host_bytes;                        // host memory that one rank's offload takes
  std::vector<Tensor> tensors;             // everything that lives on a rank in the step
  std::vector<MemoryInstant> instants;     // what of it is alive when
};

// Layers that do the same: dense ones, ones with experts, windowed ones. FSDP gathers and reduces
// each as a unit.
struct LayerKind {
  const char* name = "layer";
  Block block;
  std::vector<CollectiveCall> fsdp_forward;  // per layer and micro-batch, beside compute
  std::vector<CollectiveCall> fsdp_backward;
  double table_parameters = 0;  // of the block's: a copy of the embedding table
  // Offload, per layer and micro-batch, beside compute: weights before their gather, gradients
  // after their reduction, saved activations out and back.
  std::vector<HostCopy> copies_forward;
  std::vector<HostCopy> copies_backward;
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
