// What forward passes save for their backward passes, less what is offloaded, and what a backward
// pass holds besides: the layer that recompute brings back and gradients of activations.
#include <algorithm>

#include "strategies/memory/lists.hpp"

namespace lockstep::memory {

namespace {

double as_double(std::int64_t value) {
  return static_cast<double>(value);
}

void list_chunk(StageTensors& list, std::size_t index) {
  const Chunk& chunk = list.stage.chunks[index];
  const auto number = static_cast<std::int64_t>(index);
  const double share = 1 - list.plan.offload.activations;
  const bool full = list.plan.recompute == Recompute::full;
  const double residual = list.context.shape.residual_shards;
  const auto add = [&](const char* name, double bytes) {
    list.add({name, TensorClass::activations, Bytes{share * bytes}, Lifetime::saved(), 0, residual,
              residual > 1 ? "tensor" : "", number});
  };
  // No gradient reaches the layers before the first one that sees a trained prompt.
  const Adapter& adapter = list.context.training.adapter;
  std::int64_t idle =
      adapter.kind == AdapterKind::prompt && chunk.has_embedding ? adapter.prompt_first_layer : 0;
  for (std::size_t kind = 0; kind < chunk.layers.size(); ++kind) {
    const std::int64_t whole = chunk.layers[kind] - chunk.recomputed[kind];
    const std::int64_t skipped = std::min(idle, whole);
    idle -= skipped;
    add("activations", as_double(whole - skipped) * list.whole(kind));
    add(full ? "layer inputs" : "activations", as_double(chunk.recomputed[kind]) * list.kept(kind));
  }
  if (list.plan.sequence_parallel) {
    const double states = list.all.pipelined ? list.software.gathered_inputs_kept_pipelined
                                             : list.software.gathered_inputs_kept;
    std::int64_t layers = 0;
    for (std::size_t kind = 0; kind < chunk.layers.size(); ++kind) {
      layers += chunk.layers[kind] - (full ? chunk.recomputed[kind] : 0);
    }
    list.add({"gathered inputs", TensorClass::activations,
              share * states * as_double(layers) * list.context.shape.hidden_state(),
              Lifetime::saved(), list.context.shape.element, 1, "", number});
  }
  if (chunk.has_embedding) {
    add("activations", list.all.sizes.embedding_saved.value());
  }
  if (list.all.pipelined) {
    const double chunks = as_double(static_cast<std::int64_t>(list.stage.chunks.size()));
    const double ranks = list.software.pipeline_buffers_split ? list.context.shape.tensor : 1.0;
    list.add({"pipeline buffers", TensorClass::pipeline_buffers,
              list.software.pipeline_buffers / (chunks * ranks) * list.context.shape.hidden_state(),
              Lifetime::saved(), list.context.shape.element, ranks, ranks > 1 ? "tensor" : "",
              number});
  }
}

}  // namespace

void list_activations(StageTensors& list) {
  for (std::size_t i = 0; i < list.stage.chunks.size(); ++i) list_chunk(list, i);

  double again = 0;
  double wave = 0;
  double layer = 0;
  double all = 0;
  for (const Chunk& chunk : list.stage.chunks) {
    for (std::size_t kind = 0; kind < chunk.layers.size(); ++kind) {
      if (chunk.layers[kind] == 0) continue;
      if (chunk.recomputed[kind] > 0) {
        again = std::max(again, list.whole(kind) - list.kept(kind));
      }
      wave = std::max(wave, list.workload.kinds[kind].block.gradient_wave.value());
      layer = std::max(layer, list.kept(kind));
      all += as_double(chunk.layers[kind]) * list.kept(kind);
    }
  }
  if (list.stage.recomputed_layers > 0) {
    list.add(
        {"recomputed layer", TensorClass::recompute_workspace, Bytes{again}, Lifetime::backward()});
  }
  list.add({"activation gradients", TensorClass::recompute_workspace, Bytes{wave},
            Lifetime::backward()});
  // One layer is on its way out or back while another is worked on.
  if (list.plan.offload.activations > 0) {
    list.add({"activation copies on their way", TensorClass::communication_buffers,
              Bytes{list.plan.offload.activations * std::min(2 * layer, all)}, Lifetime::passes()});
  }
}

}  // namespace lockstep::memory
