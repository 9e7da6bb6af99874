#include "strategies/layer/layer_spec.hpp"

#include <algorithm>

namespace lockstep {

LayerSpec layer_spec(const Model& model, std::int64_t index) {
  const Experts& experts = model.experts;
  LayerSpec spec;
  spec.experts = model.has_experts() && index >= experts.dense_layers &&
                 (index - experts.dense_layers) % experts.every == experts.every - 1;
  spec.windowed = model.attention_window > 0 && index % model.attention_window_every == 0;
  return spec;
}

std::vector<LayerSpec> layer_specs(const Model& model) {
  std::vector<LayerSpec> specs;
  for (std::int64_t i = 0; i < model.layers && specs.size() < 4; ++i) {
    const LayerSpec spec = layer_spec(model, i);
    if (std::find(specs.begin(), specs.end(), spec) == specs.end()) specs.push_back(spec);
  }
  return specs;
}

const char* layer_name(const Model& model, const LayerSpec& spec) {
  const bool mixed = model.has_experts() && layer_specs(model).size() > 1;
  if (spec.experts) return spec.windowed ? "windowed expert layer" : "expert layer";
  if (spec.windowed) return "windowed layer";
  return mixed ? "dense layer" : "layer";
}

}  // namespace lockstep
