#include "scenarios/fields.hpp"
#include "scenarios/fields/limits.hpp"

namespace lockstep {
namespace {

constexpr Choice precision_choices[] = {
    {"fp32", static_cast<int>(Precision::fp32), "everything in fp32, no TF32"},
    {"tf32", static_cast<int>(Precision::tf32), "fp32 tensors, matrix products in TF32"},
    {"fp16", static_cast<int>(Precision::fp16), "mixed precision with fp16"},
    {"bf16", static_cast<int>(Precision::bf16), "mixed precision with bf16"},
    {"fp8", static_cast<int>(Precision::fp8), "linears in fp8 with per-tensor scales, the rest in bf16"},
    {"mxfp8", static_cast<int>(Precision::mxfp8), "linears in fp8 with block scales, the rest in bf16"},
    {"nvfp4", static_cast<int>(Precision::nvfp4), "linears in fp4 with block scales, the rest in bf16"},
};

constexpr Choice optimizer_choices[] = {
    {"adamw", static_cast<int>(Optimizer::adamw), "two moments per parameter"},
    {"sgd", static_cast<int>(Optimizer::sgd), "one momentum per parameter"},
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

}  // namespace

void describe(FieldVisitor& visitor, Training& training) {
  visitor.count({"sequence_length", "Tokens per sequence.", true}, training.sequence_length, 1, limits::widest);
  visitor.count({"global_batch", "Sequences per optimizer step, over all GPUs.", true}, training.global_batch, 1,
                1'000'000'000);
  visit_choice(visitor, {"precision", "Type of the matrix products and activations."}, training.precision,
               precision_choices);
  visit_choice(visitor, {"optimizer", "The optimizer, which sets the state per parameter."}, training.optimizer,
               optimizer_choices);
  visitor.number({"dropout", "Probability of hidden and attention dropout; 0: no dropout kernels."}, training.dropout,
                 {0.0, 0.99, false});
  visitor.number({"total_tokens", "Tokens of the whole run, to turn a step into days; 0: not stated."},
                 training.total_tokens, {0.0, 1e18, false});
}

void describe(FieldVisitor& visitor, Plan& plan) {
  visitor.text({"name", "Name of the plan: no spaces, dots or quotes, so that --set can address it.", true}, plan.name);
  visitor.entry({"software", "Software profile of this plan; left out: the scenario's. A map is laid over that one."},
                "software", plan.software.name, [&](FieldVisitor& inner) { describe(inner, plan.software); });
  visitor.count({"data", "Data-parallel degree; 0 or left out: the GPUs that tensor and pipeline leave."}, plan.data, 0,
                limits::most_gpus);
  visitor.count({"tensor", "Tensor-parallel degree."}, plan.tensor, 1, 100'000);
  visitor.flag({"sequence_parallel", "Norms and dropouts are split over the sequence among the tensor ranks."},
               plan.sequence_parallel);
  visitor.group({"pipeline", "Pipeline parallelism."}, [&](FieldVisitor& inner) {
    inner.count({"stages", "Pipeline stages."}, plan.pipeline.stages, 1, 100'000);
    inner.count({"interleave", "Model chunks per stage (virtual stages)."}, plan.pipeline.interleave, 1, 10'000);
    inner.text({"schedule", "Order of forward and backward passes, such as 1f1b: `lockstep list schedules` names them."},
               plan.pipeline.schedule);
  });
  visitor.text({"placement", "Order of the dimensions over the GPUs, the first on neighbouring ones: tp-dp-pp, tp-pp-dp "
                             "and so on, as Megatron's --order."},
               plan.placement);
  visit_choice(visitor, {"sharding", "What the data-parallel ranks share instead of each holding a copy."},
               plan.sharding, sharding_choices);
  visitor.count({"shard_group", "Ranks that share one sharded copy (HSDP); 0: all data-parallel ranks."},
                plan.shard_group, 0, limits::most_gpus);
  visitor.count({"micro_batch", "Sequences per forward pass of one data-parallel rank."}, plan.micro_batch, 1,
                100'000'000);
  visit_choice(visitor, {"recompute", "Activations that are computed again in the backward pass."}, plan.recompute,
               recompute_choices);
  visitor.count({"recompute_layers", "Only so many layers of each stage recompute; 0: all."}, plan.recompute_layers, 0,
                limits::most_layers);
  visitor.count({"recompute_every", "Every n-th layer recomputes."}, plan.recompute_every, 1, limits::most_layers);
}

}  // namespace lockstep
