#include <utility>

#include "strategies/flops.hpp"
#include "strategies/lower_parts.hpp"
#include "strategies/memory.hpp"
#include "strategies/parallel/offload.hpp"
#include "strategies/parallel/parallel.hpp"
#include "strategies/pipeline/schedule.hpp"
#include "strategies/stage_layout.hpp"

namespace lockstep {

namespace {

double as_double(std::int64_t value) {
  return static_cast<double>(value);
}

// The modules after the last layer, a kind of their own behind those of layers. Their embedding
// table, on another stage than the first, is a copy.
void add_prediction_kind(const BlockContext& context, Workload& workload) {
  const std::int64_t modules = context.model.predicted_tokens;
  if (modules == 0) return;
  LayerKind kind{"prediction module", prediction_block(context), {}, {}};
  if (ends_apart(context.plan.pipeline)) {
    const double table = as_double(context.shape.vocabulary) * context.shape.hidden;
    kind.table_parameters = table / context.shape.tensor / as_double(modules);
    kind.block.parameters += kind.table_parameters;
    if (!context.training.adapter.used()) kind.block.trained_parameters += kind.table_parameters;
  }
  workload.kinds.push_back(std::move(kind));
}

CollectiveCall boundary(const BlockContext& context) {
  const Plan& plan = context.plan;
  if (plan.pipeline.stages <= 1) return {};
  const bool sliced = plan.sequence_parallel || plan.software.scatter_gather_p2p;
  const Bytes bytes = context.shape.hidden_state() / (sliced ? context.shape.tensor : 1.0);
  return {"stage transfer", Collective::send_recv, bytes, GroupKind::pipeline_neighbor,
          CommRole::pipeline_transfer};
}

void clear_exchanges(Workload& workload) {
  for (LayerKind& kind : workload.kinds) {
    kind.fsdp_forward.clear();
    kind.fsdp_backward.clear();
    kind.copies_forward.clear();
    kind.copies_backward.clear();
  }
  workload.fsdp_embedding.clear();
  workload.fsdp_head.clear();
  for (Stage& stage : workload.stages) {
    stage.data_calls.clear();
    stage.repeated_calls.clear();
    stage.optimizer_ops.clear();
    stage.optimizer_copies.clear();
    stage.host_update = Bytes{};
  }
}

// Every stage of the pipeline, from one of each kind.
std::vector<Stage> all_stages(const Plan& plan, const Workload& workload,
                              const StageLayout& layout) {
  const Schedule& schedule = *find_schedule(workload.schedule);
  std::vector<Stage> stages;
  stages.reserve(layout.kind_of.size());
  for (const std::uint16_t kind : layout.kind_of) {
    const auto index = static_cast<std::int64_t>(stages.size());
    stages.push_back(workload.stages[kind]);
    stages.back().index = index;
    stages.back().micro_batches_in_flight = schedule.in_flight(
        {index, plan.pipeline.stages, plan.pipeline.interleave, workload.micro_batches});
  }
  return stages;
}

}  // namespace

TrainingTotals::TrainingTotals(const Model& model, const Training& training)
    : model_flops(model_flops_per_token(model, training) * training.tokens_per_step()),
      parameters(count_parameters(model, model.vocabulary, training.sequence_length).total) {}

void lower_blocks(BlockContext& context, Workload& workload) {
  for (const LayerSpec& spec : layer_specs(context.model)) {
    context.layer = spec;
    workload.kinds.push_back({layer_name(context.model, spec), layer_block(context), {}, {}});
  }
  add_prediction_kind(context, workload);
  workload.embedding = embedding_block(context);
  workload.head = head_block(context);
}

void count_stage_parameters(const BlockContext& context, const Workload& workload, Stage& stage) {
  stage.parameters = stage.expert_parameters = 0;
  stage.trained_parameters = stage.trained_expert_parameters = stage.quantized_parameters = 0;
  for (const Chunk& chunk : stage.chunks) {
    for (std::size_t kind = 0; kind < chunk.layers.size(); ++kind) {
      const Block& block = workload.kinds[kind].block;
      stage.parameters += as_double(chunk.layers[kind]) * block.parameters;
      stage.expert_parameters += as_double(chunk.layers[kind]) * block.expert_parameters;
      stage.trained_parameters += as_double(chunk.layers[kind]) * block.trained_parameters;
      stage.quantized_parameters += as_double(chunk.layers[kind]) * block.quantized_parameters;
    }
  }
  const auto add_end = [&](bool there, const Block& end) {
    if (!there) return;
    stage.parameters += end.parameters;
    stage.trained_parameters += end.trained_parameters;
  };
  add_end(stage.has_embedding, workload.embedding);
  add_end(stage.has_head, workload.head);
  if (!context.training.adapter.used()) stage.trained_expert_parameters = stage.expert_parameters;
}

double recomputed_in_step(const BlockContext& context, const BlockSizes& sizes,
                          const Workload& workload, std::span<const std::uint16_t> kind_of) {
  const Plan& plan = context.plan;
  if (plan.recompute == Recompute::none) return 0;
  Flops one_rank;
  for (const std::uint16_t stage : kind_of) {
    for (const Chunk& chunk : workload.stages[stage].chunks) {
      for (std::size_t kind = 0; kind < chunk.recomputed.size(); ++kind) {
        one_rank += as_double(chunk.recomputed[kind]) * sizes.layers[kind].recomputed;
      }
    }
  }
  return as_double(plan.tensor * plan.replicas() * workload.micro_batches) * one_rank.value();
}

void lower_exchanges(const BlockContext& context, const BlockSizes& sizes, Workload& workload) {
  const Plan& plan = context.plan;
  workload.micro_batches = context.training.global_batch / (plan.data * plan.micro_batch);
  workload.interleave = plan.pipeline.interleave;
  workload.schedule = plan.pipeline.schedule;
  workload.boundary = boundary(context);
  clear_exchanges(workload);
  add_data_parallel(context, workload);
  add_offload(context, sizes, workload);
}

Workload lower(const Model& model, const Training& training, const Plan& plan) {
  BlockContext context{model, training, plan, RankShape(model, training, plan), {}};
  Workload workload;
  lower_blocks(context, workload);
  const BlockSizes sizes(context, workload);
  StageLayout layout = stage_layout(model, plan);
  workload.stages = std::move(layout.kinds);
  for (Stage& stage : workload.stages) count_stage_parameters(context, workload, stage);
  lower_exchanges(context, sizes, workload);
  const TrainingTotals totals(model, training);
  workload.model_flops = totals.model_flops;
  workload.hardware_flops =
      totals.model_flops + recomputed_in_step(context, sizes, workload, layout.kind_of);
  workload.total_parameters = totals.parameters;
  list_tensors(context, sizes, workload);
  workload.stages = all_stages(plan, workload, layout);
  for (Stage& stage : workload.stages) stage.host_bytes = host_bytes(context, sizes, stage);
  add_instants(plan, workload);
  return workload;
}

}  // namespace lockstep
