// The software profile: what a training stack fuses, keeps, overlaps, partitions and costs on the
// host. Two runs of one plan differ by this more than by anything else, so it's data, versioned in
// the catalog.
#pragma once

#include <string>

#include "topology/constant.hpp"

namespace lockstep {

enum class AttentionKernel {
  unfused,        // batched GEMMs, separate scale, mask, softmax and dropout kernels
  fused_softmax,  // batched GEMMs, one scale-mask-softmax kernel (Megatron 2021)
  flash1,
  flash2,
  flash3  // FlashAttention-3, cuDNN, Transformer Engine
};

// What `recompute: selective` means in this stack.
enum class SelectiveRecompute {
  attention_core,  // Megatron: scores, softmax, dropout and the product with V are run again
  per_op  // PyTorch selective activation checkpointing: every second matmul and all elementwise ops
};

// How layers are laid out over pipeline stages.
enum class StagePartition {
  uniform,       // layers must divide by stages * interleave (Megatron-LM)
  ends_lighter,  // the remainder goes to the middle: first and last stages get fewer layers
  front_loaded,  // the first (layers mod stages) stages get one more (torch pipelining, DeepSpeed
                 // uniform)
  parameters_balanced,  // DeepSpeed partition_balanced by parameter count, embedding and head
                        // included
  cost_balanced  // nanotron: blocks placed by cumulative cost 4h^2+3hf per layer, hV for the head
};

struct Software {
  std::string name;
  std::string description;
  std::string source;
  std::string family;  // profiles of one stack: runs of one are evidence for the others; "": alone

  // -- kernels
  AttentionKernel attention = AttentionKernel::flash2;
  bool fused_norm = true;
  bool fused_rope = true;
  bool fused_activation = true;   // SwiGLU / bias-GELU as one kernel
  bool fused_dropout_add = true;  // bias-dropout-residual as one kernel
  SelectiveRecompute selective_recompute = SelectiveRecompute::attention_core;
  Constant<double>
      selective_gemm_share;  // share of the layer's linear GEMM time that per_op runs again
  Constant<double> grouped_gemm_efficiency;  // rate of the experts' GEMMs over that of one GEMM of
                                             // the same shape
  bool fused_experts = false;  // products of all experts are one kernel; else one launch an expert
  bool fp8_casts_weights = false;  // weights are cast for every pass (torchao), not once a step
  Constant<double> memory_traffic_factor;          // on bytes of memory-bound ops
  Constant<double> softmax_traffic_factor;         // on bytes of unfused attention scores
  Constant<double> loss_bytes_per_logit;           // traffic of loss forward and backward
  Constant<double> optimizer_bytes_per_parameter;  // traffic of gradient norm, clip, update and
                                                   // cast, per local parameter

  // -- host
  Constant<Seconds> host_per_layer;   // CPU time to launch the forward pass of a dense layer; other
                                      // layers by the kernels that they launch
  bool cuda_graphs = false;           // layers are captured once and replayed
  Constant<double> cuda_graph_share;  // CPU time of a replayed over a launched layer
  Constant<Seconds> expert_sync;  // GPU idle per pass of an expert layer while the host waits for
                                  // the counts of routed tokens; none with fixed capacities
  Constant<double> host_backward_factor;         // backward over forward
  Constant<double> host_tensor_parallel_factor;  // with tensor > 1
  Constant<Seconds> host_per_micro_batch;        // outside layers
  Constant<Seconds> host_per_step;               // step work that nothing hides
  Constant<double> host_gpu_exponent;            // t = (gpu^p + cpu^p)^(1/p) per micro-batch
  Constant<Seconds> sync_per_layer;  // GPU idle per layer pass from host-synchronous calls

  // -- overlap: the share of a communication that is not hidden behind compute
  Constant<double> tensor_forward_exposed;
  Constant<double> tensor_backward_exposed;           // all-reduce beside the weight gradient
  Constant<double> tensor_sequence_backward_exposed;  // the same under sequence parallelism
  Constant<double> expert_exposed;                    // dispatch and combine of experts
  bool shared_expert_overlap = false;   // shared experts run beside dispatch and combine
  bool dispatch_once_per_node = false;  // a token travels once to a node, whatever experts it has
                                        // there (DeepEP)
  double dispatch_bytes = 2;            // per element of a token that is sent to an expert
  Constant<double> pipeline_exposed;    // point-to-point
  Constant<double> data_exposed;        // gradient reduction and parameter gather of replicated or
                                        // ZeRO-1/2 data parallelism
  double gradient_bucket_bytes =
      160e6;                          // on the wire, of one piece of a stage's reduction or gather
  bool fsdp_prefetch = true;          // gather of the next unit runs beside compute
  bool reshard_after_forward = true;  // FSDP: gather again in backward
  Constant<double> fsdp_intra_efficiency;   // bandwidth of overlapped FSDP collectives over
                                            // nccl-tests', in a domain
  Constant<double> fsdp_inter_efficiency;   // ... across nodes
  Constant<double> straggler_per_doubling;  // step time added per doubling of GPUs above 8

  // -- pipeline
  StagePartition stage_partition = StagePartition::uniform;
  bool scatter_gather_p2p = false;  // tensor-parallel ranks each send their slice between stages

  // -- data types of state (bytes per parameter)
  double weight_bytes = 2;           // working copy
  double gradient_bytes = 4;         // accumulated gradient that lives through the step
  double gradient_reduce_bytes = 2;  // per element on the wire
  double optimizer_bytes = 12;       // master weight and moments
  double fsdp_weight_bytes = 4;      // sharded parameter under FSDP
  double fsdp_gradient_bytes = 4;
  double fsdp_optimizer_bytes = 8;  // moments
  double fsdp_gather_bytes = 2;     // per element all-gathered

  // -- memory
  std::int64_t vocabulary_multiple =
      128;  // vocabulary padded to a multiple of this times tensor degree; 0: not padded
  bool vocabulary_parallel = true;  // logits and loss sharded by tensor parallelism
  double logit_bytes = 10;          // live at the loss, per logit on the rank
  double ddp_bucket_bytes = 0;      // per parameter, own gradient buckets when data > 1
  double qkv_copies = 1;            // packed qkv and contiguous q, k, v both kept: 2
  double norm_saved_bytes = 2;      // per element of a norm's input that is kept (fp32 copies: 6)
  double activation_extra_bytes =
      0;  // per element of ffn width beyond gate, up and product (separate SiLU output: 2)
  double score_bytes = 5;  // unfused attention, per score element kept, with dropout
  double pipeline_buffers =
      0;  // hidden-state buffers per micro-batch in flight, beside checkpoints
  bool pipeline_buffers_split =
      false;  // ... which tensor ranks share (DeepSpeed's partitioned pipe)
  bool gradients_persist =
      true;  // gradient memory lives between steps (Megatron's buffers); else it grows in backward
  bool cached_weight_gradients =
      false;                     // Transformer Engine keeps one dummy wgrad per weight shape
  double fp8_weight_copies = 0;  // per parameter of a layer's matrices, kept beside the 16-bit
                                 // weights while linears run in fp8 or fp4
  double fp8_saved_inputs = 0;   // per element of a linear's input that is kept for backward, where
                                 // linears run in fp8 or fp4; 0: as without
  double optimizer_temporaries = 0;  // per local parameter, while the update runs
  bool context_keeps_steps = false;  // ring attention holds what it received, and every partial
                                     // output, until the core is done (Transformer Engine)
  // Whole hidden states that a layer keeps under sequence parallelism (2: the gathered inputs of
  // both column-parallel linears; 0: gathered again in backward). Between them where runs of one
  // stack differ by a switch that nobody recorded: its mean over published runs, without and with a
  // pipeline.
  double gathered_inputs_kept = 0;
  double gathered_inputs_kept_pipelined = 0;
  double workspace_bytes = 0;  // of libraries, inside the allocator (cuBLAS)
  // Fine-tuning with adapters.
  bool lora_fused_qkv = false;  // LoRA beside q, k and v is one module: one dropped input, and
                                // its outputs are kept while they are put in place (LitGPT)
  bool quantized_keeps_inputs = false;  // a linear with 4-bit weights keeps its input though its
                                        // weights are frozen (bitsandbytes' MatMul4Bit)
  double dequantized_layers = 0.3;      // layers' worth of 4-bit weights that are whole at once
  bool fsdp_frozen_gathered = false;  // FSDP units with frozen weights stay gathered until the step
                                      // ends (FSDP1 with use_orig_params)
  bool fsdp_root_unsharded = true;    // embedding and head stay gathered
  bool fsdp_pipeline_gathered =
      true;                          // under a pipeline a stage is gathered and reduced once a step
  double fsdp_units_in_flight = 2;   // unsharded layers: current and prefetched
  Constant<double> reserved_factor;  // reserved over allocated (caching allocator)
  Constant<Bytes> context_bytes;     // CUDA context, NCCL, libraries: outside the allocator
};

}  // namespace lockstep
