#include "scenarios/fields.hpp"
#include "scenarios/fields/limits.hpp"

namespace lockstep {
namespace {

constexpr auto none = Dimension::none;

constexpr Choice attention_choices[] = {
    {"unfused", static_cast<int>(AttentionKernel::unfused),
     "batched GEMMs; scale, mask, softmax and dropout are kernels of their own"},
    {"fused-softmax", static_cast<int>(AttentionKernel::fused_softmax),
     "batched GEMMs and one scale-mask-softmax kernel (Megatron 2021)"},
    {"flash1", static_cast<int>(AttentionKernel::flash1), "FlashAttention-1"},
    {"flash2", static_cast<int>(AttentionKernel::flash2), "FlashAttention-2"},
    {"flash3", static_cast<int>(AttentionKernel::flash3), "FlashAttention-3, cuDNN or Transformer Engine"},
};

constexpr Choice selective_choices[] = {
    {"attention-core", static_cast<int>(SelectiveRecompute::attention_core),
     "scores, softmax, dropout and the product with V run again (Megatron)"},
    {"per-op", static_cast<int>(SelectiveRecompute::per_op),
     "every second matrix product and all elementwise ops run again (PyTorch)"},
};

constexpr Choice partition_choices[] = {
    {"uniform", static_cast<int>(StagePartition::uniform),
     "the layers must divide by stages x interleave (Megatron-LM)"},
    {"ends-lighter", static_cast<int>(StagePartition::ends_lighter), "the first and last stage get fewer layers"},
    {"front-loaded", static_cast<int>(StagePartition::front_loaded),
     "the first (layers mod stages) stages get one layer more"},
    {"parameters-balanced", static_cast<int>(StagePartition::parameters_balanced),
     "by parameter count, embedding and head included (DeepSpeed)"},
    {"cost-balanced", static_cast<int>(StagePartition::cost_balanced), "by cumulative cost (nanotron)"},
};

void describe_kernels(FieldVisitor& visitor, Software& software) {
  visit_choice(visitor, {"attention", "The attention kernels."}, software.attention, attention_choices);
  visitor.flag({"fused_norm", "A norm is one kernel."}, software.fused_norm);
  visitor.flag({"fused_rope", "The rotary embedding is one kernel."}, software.fused_rope);
  visitor.flag({"fused_activation", "SwiGLU or bias-GELU is one kernel."}, software.fused_activation);
  visitor.flag({"fused_dropout_add", "Bias, dropout and residual are one kernel."}, software.fused_dropout_add);
  visit_choice(visitor, {"selective_recompute", "What 'recompute: selective' of a plan means."},
               software.selective_recompute, selective_choices);
  visitor.constant({"selective_gemm_share", "per-op: share of the linears' time that runs again.", false,
                    {0.5, 0.1, "every second matrix product"}},
                   software.selective_gemm_share, none, limits::share);
  visitor.constant({"grouped_gemm_efficiency", "Rate of the experts' products over that of one product of their shape.",
                    false, {0.8, 0.25, "a launch over experts of uneven sizes"}},
                   software.grouped_gemm_efficiency, none, limits::factor);
  visitor.flag({"fused_experts", "The products of all experts are one kernel; else the host launches one an expert."},
               software.fused_experts);
  visitor.flag({"fp8_casts_weights", "fp8 weights are cast for every pass (torchao), not once a step."},
               software.fp8_casts_weights);
  visitor.constant({"memory_traffic_factor", "Factor on the bytes that memory-bound ops move.", false,
                    {1.0, 0.25, "as many bytes as the fusions need"}},
                   software.memory_traffic_factor, none, limits::factor);
  visitor.constant({"softmax_traffic_factor", "Factor on the bytes of unfused attention scores.", false,
                    {1.3, 0.2, "unfused attention in published step times"}},
                   software.softmax_traffic_factor, none, limits::factor);
  visitor.constant({"loss_bytes_per_logit", "Bytes moved per logit by the loss, forward and backward.", false,
                    {16.0, 0.3, "fp32 logits, softmax and gradient, written and read once"}},
                   software.loss_bytes_per_logit, none, limits::bytes_per_item);
  visitor.constant({"optimizer_bytes_per_parameter",
                    "Bytes moved per local parameter by gradient norm, clip, update and cast.", false,
                    {32.0, 0.25, "gradient, master weight and two moments, read and written"}},
                   software.optimizer_bytes_per_parameter, none, limits::bytes_per_item);
}

void describe_host(FieldVisitor& visitor, Software& software) {
  constexpr auto seconds = Dimension::seconds;
  visitor.constant({"host_per_layer", "CPU time to launch the forward pass of a dense layer; layers with experts "
                                      "take as much more as they launch.", false,
                    {500e-6, 0.35, "eager PyTorch launches some 60 kernels per layer"}},
                   software.host_per_layer, seconds, limits::latency);
  visitor.flag({"cuda_graphs", "Layers are captured as CUDA graphs and replayed."}, software.cuda_graphs);
  visitor.constant({"cuda_graph_share", "CPU time of a replayed layer over that of a launched one.", false,
                    {0.25, 0.4, "published small-model step times"}},
                   software.cuda_graph_share, none, limits::share);
  visitor.constant({"expert_sync", "GPU idle time per pass of a layer with experts, while the host waits for the counts "
                                   "of routed tokens; none with a fixed capacity.", false,
                    {60e-6, 0.5, "one round trip to the host and the launches after it"}},
                   software.expert_sync, seconds, limits::latency);
  visitor.constant({"host_backward_factor", "CPU time of the backward over the forward pass.", false,
                    {2.2, 0.25, "published small-model step times"}},
                   software.host_backward_factor, none, limits::ratio);
  visitor.constant({"host_tensor_parallel_factor", "CPU time with tensor parallelism over without.", false,
                    {1.1, 0.1, "launches of the collectives"}},
                   software.host_tensor_parallel_factor, none, limits::factor);
  visitor.constant({"host_per_micro_batch", "CPU time per micro-batch outside the layers.", false,
                    {2.5e-3, 0.7, "data, loss and scheduling"}},
                   software.host_per_micro_batch, seconds, limits::latency);
  visitor.constant({"host_per_step", "Work once a step that nothing hides.", false,
                    {30e-3, 0.8, "optimizer launch, logging, synchronisation"}},
                   software.host_per_step, seconds, {0.0, 1000.0, false});
  visitor.constant({"host_gpu_exponent", "p of t = (gpu^p + cpu^p)^(1/p): how sharply the slower one wins.", false,
                    {4.0, 0.3, "between a sum (1) and a maximum (large)"}},
                   software.host_gpu_exponent, none, {1.0, 100.0, false});
  visitor.constant({"sync_per_layer", "GPU idle time per layer and pass from host-synchronous calls.", false,
                    {0.0, 0.0, "none known"}},
                   software.sync_per_layer, seconds, limits::latency);
}

void describe_overlap(FieldVisitor& visitor, Software& software) {
  visitor.constant({"tensor_forward_exposed", "Exposed share of tensor-parallel communication, forward.", false,
                    {1.0, 0.0, "nothing runs beside it"}},
                   software.tensor_forward_exposed, none, limits::share);
  visitor.constant({"tensor_backward_exposed", "The same in backward, beside the weight gradient.", false,
                    {1.0, 0.1, "nothing runs beside it"}},
                   software.tensor_backward_exposed, none, limits::share);
  visitor.constant({"tensor_sequence_backward_exposed", "The same under sequence parallelism.", false,
                    {1.0, 0.1, "nothing runs beside it"}},
                   software.tensor_sequence_backward_exposed, none, limits::share);
  visitor.constant({"expert_exposed", "Exposed share of the all-to-all that sends tokens to their experts and back.", false,
                    {1.0, 0.3, "nothing runs beside it"}},
                   software.expert_exposed, none, limits::share);
  visitor.flag({"shared_expert_overlap", "Shared experts run beside the dispatch and the combine of the routed ones."},
               software.shared_expert_overlap);
  visitor.flag({"dispatch_once_per_node", "A token is sent to a node once, whatever experts it has there (DeepEP)."},
               software.dispatch_once_per_node);
  visitor.number({"dispatch_bytes", "Bytes per element of a token on its way to an expert (1: fp8)."},
                 software.dispatch_bytes, limits::bytes_per_item);
  visitor.constant({"pipeline_exposed", "Exposed share of point-to-point transfers between stages.", false,
                    {1.0, 0.3, "sent and received synchronously"}},
                   software.pipeline_exposed, none, limits::share);
  visitor.constant({"data_exposed",
                    "Exposed share of gradient reduction and parameter gather without FSDP (none, ZeRO-1, ZeRO-2).",
                    false, {0.5, 0.4, "between fully hidden and fully exposed"}},
                   software.data_exposed, none, limits::share);
  visitor.number({"gradient_bucket_bytes",
                  "Bytes on the wire of one bucket of a stage's gradient reduction or parameter gather."},
                 software.gradient_bucket_bytes, {1.0, 1e15, false});
  visitor.flag({"fsdp_prefetch", "The next FSDP unit is gathered beside compute."}, software.fsdp_prefetch);
  visitor.flag({"reshard_after_forward", "FSDP frees a unit after forward and gathers it again in backward."},
               software.reshard_after_forward);
  visitor.constant({"fsdp_intra_efficiency",
                    "Bandwidth of FSDP collectives beside compute over that of nccl-tests, in a domain.", false,
                    {0.8, 0.2, "published FSDP step times"}},
                   software.fsdp_intra_efficiency, none, limits::positive_share);
  visitor.constant({"fsdp_inter_efficiency", "The same across nodes.", false, {0.8, 0.2, "published FSDP step times"}},
                   software.fsdp_inter_efficiency, none, limits::positive_share);
  visitor.constant({"straggler_per_doubling", "Step time added per doubling of the GPUs above 8, as a share.", false,
                    {0.0, 0.0, "none where none was measured"}},
                   software.straggler_per_doubling, none, limits::share);
}

void describe_state(FieldVisitor& visitor, Software& software) {
  visit_choice(visitor, {"stage_partition", "How layers are laid out over pipeline stages."}, software.stage_partition,
               partition_choices);
  visitor.flag({"scatter_gather_p2p", "Tensor ranks send a slice each between stages, and gather it there."},
               software.scatter_gather_p2p);
  visitor.number({"weight_bytes", "Bytes per parameter of the working copy."}, software.weight_bytes,
                 limits::bytes_per_item);
  visitor.number({"gradient_bytes", "Bytes per parameter of the gradient that lives through the step."},
                 software.gradient_bytes, limits::bytes_per_item);
  visitor.number({"gradient_reduce_bytes", "Bytes per gradient on the wire."}, software.gradient_reduce_bytes,
                 limits::bytes_per_item);
  visitor.number({"optimizer_bytes", "Bytes per parameter of master weight and moments."}, software.optimizer_bytes,
                 limits::bytes_per_item);
  visitor.number({"fsdp_weight_bytes", "FSDP: bytes per sharded parameter."}, software.fsdp_weight_bytes,
                 limits::bytes_per_item);
  visitor.number({"fsdp_gradient_bytes", "FSDP: bytes per sharded gradient."}, software.fsdp_gradient_bytes,
                 limits::bytes_per_item);
  visitor.number({"fsdp_optimizer_bytes", "FSDP: bytes per parameter of the moments."}, software.fsdp_optimizer_bytes,
                 limits::bytes_per_item);
  visitor.number({"fsdp_gather_bytes", "FSDP: bytes per parameter that is gathered."}, software.fsdp_gather_bytes,
                 limits::bytes_per_item);
}

void describe_memory(FieldVisitor& visitor, Software& software) {
  visitor.count({"vocabulary_multiple",
                 "The vocabulary is padded to a multiple of this times the tensor degree; 0: not padded."},
                software.vocabulary_multiple, 0, 1'000'000);
  visitor.flag({"vocabulary_parallel", "Logits and loss are split over the tensor ranks."},
               software.vocabulary_parallel);
  visitor.number({"logit_bytes", "Bytes alive at the loss per logit of the rank."}, software.logit_bytes,
                 limits::bytes_per_item);
  visitor.number({"ddp_bucket_bytes", "Bytes per parameter of gradient buckets of their own, with data above 1."},
                 software.ddp_bucket_bytes, limits::bytes_per_item);
  visitor.number({"qkv_copies", "2 where packed qkv and separate q, k, v are both kept."}, software.qkv_copies,
                 {0.0, 10.0, false});
  visitor.number({"norm_saved_bytes", "Bytes kept per element of a norm's input (6 with fp32 copies)."},
                 software.norm_saved_bytes, limits::bytes_per_item);
  visitor.number({"activation_extra_bytes",
                  "Bytes kept per element of the MLP width beyond gate, up and product (2: SiLU output apart)."},
                 software.activation_extra_bytes, limits::bytes_per_item);
  visitor.number({"score_bytes", "Unfused attention: bytes kept per score, dropout mask included."},
                 software.score_bytes, limits::bytes_per_item);
  visitor.number({"pipeline_buffers", "Hidden-state buffers per micro-batch in flight, beside what layers keep."},
                 software.pipeline_buffers, {0.0, 100.0, false});
  visitor.flag({"pipeline_buffers_split", "Tensor ranks share those buffers (DeepSpeed's partitioned pipe)."},
               software.pipeline_buffers_split);
  visitor.flag({"gradients_persist", "Gradients keep their memory between steps; else they grow in the first backward."},
               software.gradients_persist);
  visitor.flag({"cached_weight_gradients", "One spare weight gradient per weight shape is kept (Transformer Engine)."},
               software.cached_weight_gradients);
  visitor.number({"fp8_weight_copies",
                  "With fp8 or fp4 linears: bytes per parameter of a layer kept beside its 16-bit weights."},
                 software.fp8_weight_copies, limits::bytes_per_item);
  visitor.number({"fp8_saved_inputs",
                  "With fp8 or fp4 linears: bytes kept per element of a linear's input; 0: as without."},
                 software.fp8_saved_inputs, limits::bytes_per_item);
  visitor.number({"optimizer_temporaries", "Bytes per local parameter that are alive only while the update runs."},
                 software.optimizer_temporaries, limits::bytes_per_item);
  visitor.flag({"context_keeps_steps",
                "Ring attention holds every block it received and every partial output until the core is done."},
               software.context_keeps_steps);
  visitor.number({"gathered_inputs_kept",
                  "Whole hidden states that a layer keeps under sequence parallelism (2: the gathered inputs of both "
                  "column-parallel linears; 0: gathered again); the mean where runs differ."},
                 software.gathered_inputs_kept, {0.0, 10.0, false});
  visitor.number({"gathered_inputs_kept_pipelined", "The same under a pipeline."}, software.gathered_inputs_kept_pipelined,
                 {0.0, 10.0, false});
  visitor.number({"workspace_bytes", "Bytes of library workspaces that the allocator hands out."}, software.workspace_bytes,
                 {0.0, 1e12, false});
  visitor.flag({"lora_fused_qkv", "LoRA beside q, k and v is one module: one dropped input, and its outputs are kept while "
                                  "they are put in place (LitGPT)."},
               software.lora_fused_qkv);
  visitor.flag({"quantized_keeps_inputs", "A linear with frozen 4-bit weights keeps its input nevertheless (bitsandbytes)."},
               software.quantized_keeps_inputs);
  visitor.number({"dequantized_layers", "Layers' worth of 4-bit weights that are whole, in 16 bit, at once."},
                 software.dequantized_layers, {0.0, 1000.0, false});
  visitor.flag({"fsdp_frozen_gathered", "FSDP units with frozen weights stay gathered until the step ends (FSDP1)."},
               software.fsdp_frozen_gathered);
  visitor.flag({"fsdp_root_unsharded", "FSDP: embedding and head stay gathered."}, software.fsdp_root_unsharded);
  visitor.flag({"fsdp_pipeline_gathered",
                "FSDP under a pipeline: a stage is gathered and reduced once a step, and stays whole between."},
               software.fsdp_pipeline_gathered);
  visitor.number({"fsdp_units_in_flight", "FSDP: unsharded layers alive at once, the current and the prefetched."},
                 software.fsdp_units_in_flight, {0.0, 1000.0, false});
  visitor.constant({"reserved_factor", "Memory that the caching allocator reserves over what is allocated.", false,
                    {1.05, 0.04, "fragmentation of the PyTorch allocator in published runs"}},
                   software.reserved_factor, none, {1.0, 10.0, false});
  visitor.constant({"context_bytes", "CUDA context, NCCL and libraries: outside the allocator.", false,
                    {2e9, 0.4, "nvidia-smi over torch.cuda.memory_reserved on an 8-GPU node"}},
                   software.context_bytes, Dimension::bytes, limits::memory_size);
}

}  // namespace

void describe(FieldVisitor& visitor, Software& software) {
  visitor.text({"description", "One line for lists: the stack, its version, what it fuses."}, software.description);
  visitor.text({"source", "What the profile is fitted to or read from."}, software.source);
  visitor.text({"family", "Name of the stack that several profiles describe: measured runs of one are evidence for the "
                          "others. Left out: this profile alone."},
               software.family);
  describe_kernels(visitor, software);
  describe_host(visitor, software);
  describe_overlap(visitor, software);
  describe_state(visitor, software);
  describe_memory(visitor, software);
}

}  // namespace lockstep
