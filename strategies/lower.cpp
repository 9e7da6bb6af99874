#include <algorithm>

#include "strategies/flops.hpp"
#include "strategies/layer/blocks.hpp"
#include "strategies/layer/layer_counts.hpp"
#include "strategies/memory.hpp"
#include "strategies/parallel/offload.hpp"
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

// Layers of a stage, over its chunks: as even as they go, the first chunks taking the rest.
std::int64_t chunk_layers(std::int64_t stage_layers, std::int64_t chunks, std::int64_t chunk) {
  return stage_layers / chunks + (chunk < stage_layers % chunks ? 1 : 0);
}

// A chunk's layers by kind; `first` is the index of its first layer in the model.
Chunk lay_out_chunk(const BlockContext& context, const Workload& workload, std::int64_t first,
                    std::int64_t count) {
  const std::vector<LayerSpec> specs = layer_specs(context.model);
  Chunk chunk;
  chunk.layers.assign(workload.kinds.size(), 0);
  chunk.recomputed.assign(workload.kinds.size(), 0);
  for (std::int64_t i = 0; i < count; ++i) {
    const LayerSpec spec = layer_spec(context.model, first + i);
    const auto kind = std::find(specs.begin(), specs.end(), spec) - specs.begin();
    ++chunk.layers[static_cast<std::size_t>(kind)];
  }
  return chunk;
}

// Modules that predict further tokens run where the head is.
void add_prediction_modules(const BlockContext& context, Stage& stage) {
  const std::int64_t modules = context.model.predicted_tokens;
  if (modules == 0) return;
  for (Chunk& chunk : stage.chunks) {
    if (chunk.has_head) chunk.layers.back() += modules;
  }
  stage.layers += modules;
}

// The stage's recomputed layers, handed to its chunks and kinds in order.
void lay_out_recompute(Stage& stage) {
  std::int64_t left = stage.recomputed_layers;
  std::int64_t layers = stage.layers;
  for (Chunk& chunk : stage.chunks) {
    for (std::size_t kind = 0; kind < chunk.layers.size(); ++kind) {
      // In proportion, so that every chunk does its share.
      const std::int64_t share = layers > 0 ? (left * chunk.layers[kind] + layers - 1) / layers : 0;
      chunk.recomputed[kind] = std::min({share, left, chunk.layers[kind]});
      left -= chunk.recomputed[kind];
      layers -= chunk.layers[kind];
    }
  }
}

void count_parameters_on_stage(const BlockContext& context, const Workload& workload,
                               Stage& stage) {
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

// Layers go through the chunks in the order of virtual stages, from the embedding to the head.
void lay_out_chunks(const BlockContext& context, const Workload& workload, ChunkLayout layout,
                    std::vector<Stage>& stages) {
  const std::int64_t chunks = context.plan.pipeline.interleave;
  const auto count = static_cast<std::int64_t>(stages.size());
  std::int64_t first = 0;
  for (std::int64_t n = 0; n < count * chunks; ++n) {
    const ChunkPlace place = chunk_place(layout, count, n);
    Stage& stage = stages[static_cast<std::size_t>(place.stage)];
    const std::int64_t layers = chunk_layers(stage.layers, chunks, place.chunk);
    Chunk& chunk = stage.chunks[static_cast<std::size_t>(place.chunk)];
    chunk = lay_out_chunk(context, workload, first, layers);
    first += layers;
    if (n == 0) chunk.has_embedding = stage.has_embedding = true;
    if (n + 1 == count * chunks) chunk.has_head = stage.has_head = true;
  }
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
    stage.micro_batches_in_flight =
        schedule->in_flight({static_cast<std::int64_t>(i), pipeline.stages, pipeline.interleave,
                             workload.micro_batches});
    stage.chunks.resize(static_cast<std::size_t>(pipeline.interleave));
  }
  lay_out_chunks(context, workload, schedule->layout, stages);
  for (Stage& stage : stages) {
    if (stage.has_head) add_prediction_modules(context, stage);
    stage.recomputed_layers = recomputed_layers(plan, stage.layers);
    lay_out_recompute(stage);
    count_parameters_on_stage(context, workload, stage);
  }
  return stages;
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

// FLOPs of a step that recompute adds, on all GPUs.
double recomputed_in_step(const BlockContext& context, const Workload& workload) {
  const Plan& plan = context.plan;
  const double busiest = context.model.has_experts() ? expert_load(context).busiest : 1.0;
  Flops one_rank;
  for (const Stage& stage : workload.stages) {
    for (const Chunk& chunk : stage.chunks) {
      for (std::size_t kind = 0; kind < chunk.recomputed.size(); ++kind) {
        one_rank += as_double(chunk.recomputed[kind]) *
                    recomputed_flops(workload.kinds[kind].block, busiest);
      }
    }
  }
  return as_double(plan.tensor * plan.replicas() * workload.micro_batches) * one_rank.value();
}

}  // namespace

Workload lower(const Model& model, const Training& training, const Plan& plan) {
  BlockContext context{model, training, plan, RankShape(model, training, plan), {}};
  Workload workload;
  workload.micro_batches = training.global_batch / (plan.data * plan.micro_batch);
  workload.interleave = plan.pipeline.interleave;
  workload.schedule = plan.pipeline.schedule;
  for (const LayerSpec& spec : layer_specs(model)) {
    context.layer = spec;
    workload.kinds.push_back({layer_name(model, spec), layer_block(context), {}, {}});
  }
  add_prediction_kind(context, workload);
  workload.embedding = embedding_block(context);
  workload.head = head_block(context);
  workload.stages = lay_out_stages(context, workload);
  add_data_parallel(context, workload);
  add_offload(context, workload);
  add_memory(context, workload);

  if (plan.pipeline.stages > 1) {
    const bool sliced = plan.sequence_parallel || plan.software.scatter_gather_p2p;
    const Bytes bytes = context.shape.hidden_state() / (sliced ? context.shape.tensor : 1.0);
    workload.boundary = {"stage transfer", Collective::send_recv, bytes,
                         GroupKind::pipeline_neighbor, CommRole::pipeline_transfer};
  }

  const double tokens = training.tokens_per_step();
  workload.model_flops = model_flops_per_token(model, training) * tokens;
  workload.hardware_flops = workload.model_flops + recomputed_in_step(context, workload);
  workload.total_parameters =
      count_parameters(model, model.vocabulary, training.sequence_length).total;
  return workload;
}

}  // namespace lockstep
