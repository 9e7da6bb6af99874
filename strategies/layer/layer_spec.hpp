// Which layers of a model differ, and how.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "strategies/model.hpp"

namespace lockstep {

struct LayerSpec {
  bool experts = false;   // a mixture of experts in place of the MLP
  bool windowed = false;  // attention sees only the window

  friend bool operator==(const LayerSpec& a, const LayerSpec& b) {
    return a.experts == b.experts && a.windowed == b.windowed;
  }
};

// Of layer `index`, from 0.
LayerSpec layer_spec(const Model& model, std::int64_t index);

// The different ones, in the order in which they first occur; never empty.
std::vector<LayerSpec> layer_specs(const Model& model);

// "layer", "dense layer", "expert layer", "windowed layer" ...
const char* layer_name(const Model& model, const LayerSpec& spec);

}  // namespace lockstep
