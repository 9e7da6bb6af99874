#include "sim/engine/memory_profile.hpp"

#include <algorithm>
#include <string_view>

namespace lockstep {

namespace {

void add_to(std::vector<MemoryShare>& shares, const char* name, double bytes) {
  if (bytes <= 0) return;
  const auto known = std::find_if(shares.begin(), shares.end(),
                                  [&](const MemoryShare& share) { return share.name == name; });
  if (known == shares.end()) {
    shares.push_back({name, bytes});
  } else {
    known->bytes += bytes;
  }
}

enum class Life { always, per_pass, workspace };

// Weights, their state and buffers stay; activations come and go with micro-batches; the rest is
// there only in passes.
Life life_of(TensorClass tensor_class) {
  switch (tensor_class) {
    case TensorClass::weights:
    case TensorClass::gradients:
    case TensorClass::optimizer:
    case TensorClass::communication_buffers:
    case TensorClass::other:
      return Life::always;
    case TensorClass::activations:
    case TensorClass::pipeline_buffers:
      return Life::per_pass;
    case TensorClass::unsharded_units:
    case TensorClass::recompute_workspace:
    case TensorClass::logits_and_loss:
      return Life::workspace;
  }
  return Life::always;
}

bool has_loss(const MemoryInstant& instant) {
  return std::any_of(instant.tensors.begin(), instant.tensors.end(), [](const Tensor& tensor) {
    return tensor.tensor_class == TensorClass::logits_and_loss;
  });
}

bool has_activations(const MemoryInstant& instant) {
  return std::any_of(instant.tensors.begin(), instant.tensors.end(), [](const Tensor& tensor) {
    return tensor.tensor_class == TensorClass::activations;
  });
}

std::vector<MemoryShare> workspace_of(const MemoryInstant& instant) {
  std::vector<MemoryShare> shares;
  for (const Tensor& tensor : instant.tensors) {
    if (life_of(tensor.tensor_class) == Life::workspace) {
      add_to(shares, class_name(tensor.tensor_class), tensor.bytes.value());
    }
  }
  return shares;
}

double layers_of(const Chunk& chunk) {
  double layers = 0;
  for (const std::int64_t count : chunk.layers) layers += static_cast<double>(count);
  return layers;
}

}  // namespace

StageMemoryProfile memory_profile(const Stage& stage) {
  StageMemoryProfile profile;
  double activations = 0;
  double layers = 0;
  for (const Chunk& chunk : stage.chunks) layers += layers_of(chunk);
  for (const MemoryInstant& instant : stage.instants) {
    if (has_loss(instant)) {
      profile.loss = workspace_of(instant);
      continue;
    }
    if (!has_activations(instant) && !profile.always.empty()) continue;
    for (const Tensor& tensor : instant.tensors) {
      const char* name = class_name(tensor.tensor_class);
      const Life life = life_of(tensor.tensor_class);
      if (life == Life::always) add_to(profile.always, name, tensor.bytes.value());
      if (life == Life::per_pass) activations += tensor.bytes.value();
    }
    profile.backward = workspace_of(instant);
  }
  const double in_flight = std::max(stage.micro_batches_in_flight, 1e-9);
  for (std::size_t i = 0; i < stage.chunks.size(); ++i) {
    const double share = layers > 0 ? layers_of(stage.chunks[i]) / layers : 0;
    profile.activations.push_back(activations / in_flight * share);
    if (stage.chunks[i].has_head) profile.loss_chunk = static_cast<std::int32_t>(i);
  }
  return profile;
}

}  // namespace lockstep
