#include "strategies/stage_layout.hpp"

#include <algorithm>

#include "strategies/layer/layer_spec.hpp"
#include "strategies/pipeline/partition.hpp"
#include "strategies/pipeline/schedule.hpp"
#include "strategies/recompute.hpp"

namespace lockstep {

namespace {

// Layers of a stage, over its chunks: as even as they go, the first chunks taking the rest.
std::int64_t chunk_layers(std::int64_t stage_layers, std::int64_t chunks, std::int64_t chunk) {
  return stage_layers / chunks + (chunk < stage_layers % chunks ? 1 : 0);
}

// Kind of every layer of the model, in order, and how many kinds there are, prediction modules
// included.
struct LayerKinds {
  explicit LayerKinds(const Model& model) {
    const std::vector<LayerSpec> specs = layer_specs(model);
    count = specs.size() + (model.predicted_tokens > 0 ? 1 : 0);
    for (std::int64_t i = 0; i < model.layers; ++i) {
      const auto kind = std::find(specs.begin(), specs.end(), layer_spec(model, i));
      of_layer.push_back(static_cast<std::size_t>(kind - specs.begin()));
    }
  }

  std::vector<std::size_t> of_layer;
  std::size_t count = 0;
};

// A chunk's layers by kind; `first` is the index of its first layer in the model.
Chunk lay_out_chunk(const LayerKinds& kinds, std::int64_t first, std::int64_t count) {
  Chunk chunk;
  chunk.layers.assign(kinds.count, 0);
  chunk.recomputed.assign(kinds.count, 0);
  for (std::int64_t i = 0; i < count; ++i) {
    ++chunk.layers[kinds.of_layer[static_cast<std::size_t>(first + i)]];
  }
  return chunk;
}

// Layers go through the chunks in the order of virtual stages, from the embedding to the head.
void lay_out_chunks(const Model& model, ChunkLayout layout, std::int64_t chunks,
                    std::vector<Stage>& stages) {
  const LayerKinds kinds(model);
  const auto count = static_cast<std::int64_t>(stages.size());
  std::int64_t first = 0;
  for (std::int64_t n = 0; n < count * chunks; ++n) {
    const ChunkPlace place = chunk_place(layout, count, n);
    Stage& stage = stages[static_cast<std::size_t>(place.stage)];
    const std::int64_t layers = chunk_layers(stage.layers, chunks, place.chunk);
    Chunk& chunk = stage.chunks[static_cast<std::size_t>(place.chunk)];
    chunk = lay_out_chunk(kinds, first, layers);
    first += layers;
    if (n == 0) chunk.has_embedding = stage.has_embedding = true;
    if (n + 1 == count * chunks) chunk.has_head = stage.has_head = true;
  }
}

// Modules that predict further tokens run where the head is.
void add_prediction_modules(const Model& model, Stage& stage) {
  const std::int64_t modules = model.predicted_tokens;
  if (modules == 0 || !stage.has_head) return;
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

bool alike(const Stage& a, const Stage& b) {
  return std::equal(
      a.chunks.begin(), a.chunks.end(), b.chunks.begin(), [](const Chunk& one, const Chunk& other) {
        return one.has_embedding == other.has_embedding && one.has_head == other.has_head &&
               one.layers == other.layers && one.recomputed == other.recomputed;
      });
}

}  // namespace

StageLayout stage_layout(const Model& model, const Plan& plan) {
  const Pipeline& pipeline = plan.pipeline;
  const auto counts = layers_per_stage(model, plan.software.stage_partition, pipeline.stages);
  std::vector<Stage> stages(counts.size());
  for (std::size_t i = 0; i < stages.size(); ++i) {
    stages[i].index = static_cast<std::int64_t>(i);
    stages[i].layers = counts[i];
    stages[i].chunks.resize(static_cast<std::size_t>(pipeline.interleave));
  }
  const Schedule* schedule = find_schedule(pipeline.schedule);
  lay_out_chunks(model, schedule->layout, pipeline.interleave, stages);

  StageLayout layout;
  layout.kind_of.reserve(stages.size());
  for (Stage& stage : stages) {
    add_prediction_modules(model, stage);
    stage.recomputed_layers = recomputed_layers(plan, stage.layers);
    lay_out_recompute(stage);
    const auto kind = std::find_if(layout.kinds.begin(), layout.kinds.end(),
                                   [&](const Stage& known) { return alike(known, stage); });
    layout.kind_of.push_back(static_cast<std::uint16_t>(kind - layout.kinds.begin()));
    if (kind == layout.kinds.end()) layout.kinds.push_back(std::move(stage));
  }
  return layout;
}

}  // namespace lockstep
