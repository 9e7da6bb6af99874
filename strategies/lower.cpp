#include <algorithm>

#include "strategies/layer/blocks.hpp"
#include "strategies/memory.hpp"
#include "strategies/parallel/parallel.hpp"
#include "strategies/pipeline/partition.hpp"
#include "strategies/pipeline/schedule.hpp"
#include "strategies/recompute.hpp"
#include "strategies/workload.hpp"

namespace lockstep {

namespace {

double as_double(std::int64_t value) {
  return static_cast<double>(value);
}

Block layer_block(const BlockContext& context) {
  Block layer;
  layer.parameters = layer_parameters_on_rank(context);
  layer.input = context.shape.residual();
  add_attention(context, layer);
  add_mlp(context, layer);
  // Gradient of the layer's output, and of the widest intermediate, in flight together.
  const RankShape& at = context.shape;
  layer.gradient_wave = at.residual() + Bytes{at.element * at.tokens * at.branches * at.ffn};
  if (!is_flash(context.plan.software.attention)) {
    const Bytes scores{at.element * at.tokens * as_double(at.sequence) * at.heads};
    layer.gradient_wave = std::max(layer.gradient_wave, at.residual() + scores);
  }
  add_tensor_parallel_layer(context, layer);
  add_recompute(context, layer);
  return layer;
}

std::vector<Stage> lay_out_stages(const BlockContext& context, const Workload& workload) {
  const Plan& plan = context.plan;
  const Pipeline& pipeline = plan.pipeline;
  const auto counts =
      layers_per_stage(context.model, plan.software.stage_partition, pipeline.stages);
  const Schedule* schedule = find_schedule(pipeline.schedule);
  std::vector<Stage> stages(counts.size());
  for (std::size_t i = 0; i < stages.size(); ++i) {
    Stage& stage = stages[i];
    stage.index = static_cast<std::int64_t>(i);
    stage.layers = counts[i];
    stage.recomputed_layers = recomputed_layers(plan, stage.layers);
    stage.has_embedding = i == 0;
    stage.has_head = i + 1 == stages.size();
    stage.parameters = as_double(stage.layers) * workload.layer.parameters;
    if (stage.has_embedding) stage.parameters += workload.embedding.parameters;
    if (stage.has_head) stage.parameters += workload.head.parameters;
    stage.micro_batches_in_flight =
        schedule->in_flight({static_cast<std::int64_t>(i), pipeline.stages, pipeline.interleave,
                             workload.micro_batches});
  }
  return stages;
}

// 6 FLOPs per matmul parameter and token, and causal attention 6 s q per layer and token (forward
// 2, backward 4): the convention of DESIGN, Chowdhery et al. 2022 (arXiv:2204.02311) appendix B
// with causality counted.
double model_flops_per_token(const Model& model, const Training& training) {
  return 6 * matmul_parameters(model) + 6 * as_double(model.layers) *
                                            as_double(training.sequence_length) *
                                            as_double(model.query_width());
}

}  // namespace

Workload lower(const Model& model, const Training& training, const Plan& plan) {
  const BlockContext context{model, training, plan, RankShape(model, training, plan)};
  Workload workload;
  workload.micro_batches = training.global_batch / (plan.data * plan.micro_batch);
  workload.interleave = plan.pipeline.interleave;
  workload.schedule = plan.pipeline.schedule;
  workload.layer = layer_block(context);
  workload.embedding = embedding_block(context);
  add_tensor_parallel_embedding(context, workload.embedding);
  workload.head = head_block(context);
  add_tensor_parallel_head(context, workload.head);
  workload.stages = lay_out_stages(context, workload);
  add_data_parallel(context, workload);
  add_memory(context, workload);

  if (plan.pipeline.stages > 1) {
    const bool sliced = plan.sequence_parallel || plan.software.scatter_gather_p2p;
    const Bytes bytes = context.shape.hidden_state() / (sliced ? context.shape.tensor : 1.0);
    workload.boundary = {"stage transfer", Collective::send_recv, bytes,
                         GroupKind::pipeline_neighbor, CommRole::pipeline_transfer};
  }

  const double tokens = training.tokens_per_step();
  workload.model_flops = model_flops_per_token(model, training) * tokens;
  double recomputed = 0;
  for (const Stage& stage : workload.stages) recomputed += as_double(stage.recomputed_layers);
  workload.hardware_flops =
      workload.model_flops + recomputed * recompute_flops_per_token(model, training, plan) * tokens;
  workload.total_parameters =
      count_parameters(model, model.vocabulary, training.sequence_length).total;
  return workload;
}

}  // namespace lockstep
