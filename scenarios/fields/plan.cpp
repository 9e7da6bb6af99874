#include "scenarios/fields.hpp"
#include "scenarios/fields/limits.hpp"

namespace lockstep {
namespace {

constexpr Choice precision_choices[] = {
    {"fp32", static_cast<int>(Precision::fp32), "everything in fp32, no TF32"},
    {"tf32", static_cast<int>(Precision::tf32), "fp32 tensors, matrix products in TF32"},
    {"fp16", static_cast<int>(Precision::fp16), "mixed precision with fp16"},
    {"bf16", static_cast<int>(Precision::bf16), "mixed precision with bf16"},
    {"fp8", static_cast<int>(Precision::fp8), "linears in fp8, scaled as fp8_scaling says, the rest in bf16"},
    {"mxfp8", static_cast<int>(Precision::mxfp8), "linears in fp8 with block scales, the rest in bf16"},
    {"nvfp4", static_cast<int>(Precision::nvfp4), "linears in fp4 with block scales, the rest in bf16"},
};

constexpr Choice fp8_scaling_choices[] = {
    {"delayed", static_cast<int>(Fp8Scaling::delayed), "a tensor, from maxima of earlier steps (Transformer Engine)"},
    {"current", static_cast<int>(Fp8Scaling::current), "a tensor, from its own maximum (torchao's tensorwise)"},
    {"rowwise", static_cast<int>(Fp8Scaling::rowwise), "a row of each operand (torchao's rowwise)"},
    {"blockwise", static_cast<int>(Fp8Scaling::blockwise),
     "1 x 128 of activations, 128 x 128 of weights (DeepSeek-V3)"},
};

constexpr Choice optimizer_choices[] = {
    {"adamw", static_cast<int>(Optimizer::adamw), "two moments per parameter"},
    {"sgd", static_cast<int>(Optimizer::sgd), "one momentum per parameter"},
};

constexpr Choice adapter_choices[] = {
    {"none", static_cast<int>(AdapterKind::none), "every weight is trained"},
    {"lora", static_cast<int>(AdapterKind::lora), "two narrow matrices beside chosen linears; QLoRA with frozen: nf4"},
    {"prompt", static_cast<int>(AdapterKind::prompt), "trained tokens that attention also sees (LLaMA-Adapter)"},
    {"adapter-v2", static_cast<int>(AdapterKind::adapter_v2),
     "the same, scale and bias on every linear, and norms (LLaMA-Adapter V2)"},
};

constexpr Choice frozen_choices[] = {
    {"training", static_cast<int>(FrozenWeights::training), "the type in which they would be trained"},
    {"nf4", static_cast<int>(FrozenWeights::nf4), "matrices of layers in 4 bits, an fp32 scale per 64 (QLoRA)"},
    {"nf4-double", static_cast<int>(FrozenWeights::nf4_double), "the same, scales in 8 bits (double quantisation)"},
};

constexpr Choice sharding_choices[] = {
    {"none", static_cast<int>(Sharding::none), "every data-parallel rank holds everything"},
    {"optimizer", static_cast<int>(Sharding::optimizer), "optimizer state sharded (ZeRO-1)"},
    {"gradients", static_cast<int>(Sharding::gradients), "gradients too (ZeRO-2)"},
    {"fsdp", static_cast<int>(Sharding::fsdp), "parameters too, gathered layer by layer (ZeRO-3)"},
};

constexpr Choice recompute_choices[] = {
    {"none", static_cast<int>(Recompute::none), "every activation is kept"},
    {"selective", static_cast<int>(Recompute::selective), "what selective_recompute of the software means"},
    {"full", static_cast<int>(Recompute::full), "only the input of each layer is kept"},
};

constexpr Choice override_choices[] = {
    {"software", static_cast<int>(Override::software), "as the software profile says"},
    {"always", static_cast<int>(Override::yes), "yes, whatever the profile says"},
    {"never", static_cast<int>(Override::no), "no, whatever the profile says"},
};

constexpr Choice context_choices[] = {
    {"ring", static_cast<int>(ContextMethod::ring), "keys and values travel round the ranks beside attention"},
    {"all-gather", static_cast<int>(ContextMethod::all_gather), "keys and values are gathered before attention"},
    {"ulysses", static_cast<int>(ContextMethod::ulysses), "all-to-all from sequence to heads and back"},
};

void describe_context(FieldVisitor& visitor, Context& context) {
  visitor.count({"degree", "Ranks that share each sequence."}, context.degree, 1, 100'000);
  visit_choice(visitor, {"method", "How every query meets every key."}, context.method, context_choices);
  visitor.flag({"balanced", "Each rank has a piece from the front and one from the back, so that causal work is even."},
               context.balanced);
}

void describe_experts(FieldVisitor& visitor, ExpertParallel& expert) {
  visitor.count({"degree", "Ranks that the experts are spread over: data, context and, where tensor is smaller, tensor "
                           "ranks."},
                expert.degree, 1, 100'000);
  visitor.count({"tensor", "Tensor-parallel degree of the experts; 0: that of the plan."}, expert.tensor, 0, 100'000);
  visitor.number({"capacity_factor", "Tokens that an expert takes, over the mean; the rest is dropped. 0: dropless."},
                 expert.capacity_factor, {0.0, 1000.0, false});
  visitor.number({"imbalance", "Tokens of the busiest rank over the mean, where dropless."}, expert.imbalance,
                 {1.0, 1000.0, false});
}

void describe_adapter(FieldVisitor& visitor, Adapter& adapter) {
  visit_choice(visitor, {"kind", "What is trained instead of every weight."}, adapter.kind, adapter_choices);
  visitor.count({"rank", "LoRA: width between its two matrices."}, adapter.rank, 1, limits::widest);
  visitor.text({"targets", "LoRA: linears that it stands beside, separated by commas: q, k, v, o, gate, up, down, or "
                           "attention, mlp, all."},
               adapter.targets);
  visitor.number({"dropout", "LoRA: probability of dropping an element of its input."}, adapter.dropout, {0.0, 0.99, false});
  visitor.count({"prompt_length", "prompt, adapter-v2: trained tokens of a layer."}, adapter.prompt_length, 1,
                limits::widest);
  visitor.count({"prompt_first_layer", "prompt: layers before it see no trained tokens."}, adapter.prompt_first_layer, 0,
                limits::most_layers);
  visit_choice(visitor, {"frozen", "Type in which the frozen matrices of layers are kept."}, adapter.frozen,
               frozen_choices);
}

void describe_offload(FieldVisitor& visitor, Offload& offload) {
  visitor.number({"optimizer", "Share of the optimizer state that is kept and updated on the host."}, offload.optimizer,
                 {0.0, 1.0, false});
  visitor.number({"weights", "Share of the FSDP shards that is kept on the host."}, offload.weights, {0.0, 1.0, false});
  visitor.number({"activations", "Share of the saved activations that waits for backward on the host."},
                 offload.activations, {0.0, 1.0, false});
  visitor.flag({"overlapped", "Copies run beside compute."}, offload.overlapped);
}

}  // namespace

void describe(FieldVisitor& visitor, Training& training) {
  visitor.count({"sequence_length", "Tokens per sequence.", true}, training.sequence_length, 1, limits::widest);
  visitor.count({"global_batch", "Sequences per optimizer step, over all GPUs.", true}, training.global_batch, 1,
                1'000'000'000);
  visit_choice(visitor, {"precision", "Type of the matrix products and activations."}, training.precision,
               precision_choices);
  visit_choice(visitor, {"fp8_scaling", "Of precision fp8: what one scale covers, and when it is found."},
               training.fp8_scaling, fp8_scaling_choices);
  visit_choice(visitor, {"optimizer", "The optimizer, which sets the state per parameter."}, training.optimizer,
               optimizer_choices);
  visitor.number({"dropout", "Probability of hidden and attention dropout; 0: no dropout kernels."}, training.dropout,
                 {0.0, 0.99, false});
  visitor.number({"total_tokens", "Tokens of the whole run, to turn a step into days; 0: not stated."},
                 training.total_tokens, {0.0, 1e18, false});
  visitor.group({"adapter", "Fine-tuning with frozen weights: LoRA, QLoRA, LLaMA-Adapter. Left out: every weight is trained."},
                [&](FieldVisitor& inner) { describe_adapter(inner, training.adapter); });
}

void describe(FieldVisitor& visitor, Plan& plan) {
  visitor.text({"name", "Name of the plan: no spaces, dots or quotes, so that --set can address it.", true}, plan.name);
  visitor.entry({"software", "Software profile of this plan; left out: the scenario's. A map is laid over that one."},
                "software", plan.software.name, [&](FieldVisitor& inner) { describe(inner, plan.software); });
  visitor.count({"data", "Data-parallel degree; 0 or left out: the GPUs that tensor, context and pipeline leave."}, plan.data, 0,
                limits::most_gpus);
  visitor.count({"tensor", "Tensor-parallel degree."}, plan.tensor, 1, 100'000);
  visitor.flag({"sequence_parallel", "Norms and dropouts are split over the sequence among the tensor ranks."},
               plan.sequence_parallel);
  visit_choice(visitor, {"tensor_overlap", "Tensor-parallel collectives are cut in pieces that run beside the matrix "
                                           "product they belong to (async TP, user buffers)."},
               plan.tensor_overlap, override_choices);
  visitor.group({"context", "Context parallelism: the sequence is split over ranks."},
                [&](FieldVisitor& inner) { describe_context(inner, plan.context); });
  visitor.group({"expert", "Expert parallelism."}, [&](FieldVisitor& inner) { describe_experts(inner, plan.expert); });
  visitor.group({"pipeline", "Pipeline parallelism."}, [&](FieldVisitor& inner) {
    inner.count({"stages", "Pipeline stages."}, plan.pipeline.stages, 1, 100'000);
    inner.count({"interleave", "Model chunks per stage (virtual stages)."}, plan.pipeline.interleave, 1, 10'000);
    inner.text({"schedule", "Order of forward and backward passes, such as 1f1b: `lockstep list schedules` names them."},
               plan.pipeline.schedule);
  });
  visitor.text({"placement", "Order of the dimensions over the GPUs, the first on neighbouring ones: tp-dp-pp, "
                             "tp-cp-dp-pp and so on, as Megatron's --order; cp left out: inside dp."},
               plan.placement);
  visit_choice(visitor, {"sharding", "What the data-parallel ranks share instead of each holding a copy."},
               plan.sharding, sharding_choices);
  visitor.group({"sync", "What the plan says of FSDP and gradient reduction over its software."}, [&](FieldVisitor& inner) {
    visit_choice(inner, {"reshard_after_forward", "FSDP frees a unit after forward and gathers it again in backward."},
                 plan.sync.reshard_after_forward, override_choices);
    inner.count({"prefetch", "FSDP units gathered ahead of the one in use; 0: none, -1: as the software profile says."},
                plan.sync.prefetch, -1, limits::most_layers);
    inner.number({"gradient_bucket_bytes", "Bytes on the wire of one piece of a reduction or gather; 0: as the software "
                                           "profile says."},
                 plan.sync.gradient_bucket_bytes, {0.0, 1e12, false});
  });
  visitor.count({"shard_group", "Ranks that share one sharded copy (HSDP); 0: all data and context ranks."},
                plan.shard_group, 0, limits::most_gpus);
  visitor.count({"micro_batch", "Sequences per forward pass of one data-parallel rank."}, plan.micro_batch, 1,
                100'000'000);
  visit_choice(visitor, {"recompute", "Activations that are computed again in the backward pass."}, plan.recompute,
               recompute_choices);
  visitor.count({"recompute_layers", "Only so many layers of each stage recompute; 0: all."}, plan.recompute_layers, 0,
                limits::most_layers);
  visitor.count({"recompute_every", "Every n-th layer recomputes."}, plan.recompute_every, 1, limits::most_layers);
  visitor.text({"recompute_parts", "What selective recomputes: norms, attention-core, mlp and so on, separated by commas; empty: what the "
                                   "software means."},
               plan.recompute_parts);
  visitor.group({"offload", "What is kept in host memory."},
                [&](FieldVisitor& inner) { describe_offload(inner, plan.offload); });
}

}  // namespace lockstep
