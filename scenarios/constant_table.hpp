// What the field tables know about each constant that a prediction depends on: its dimension, the values that
// are physical, and what it means.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "scenarios/fields.hpp"

namespace lockstep {

struct ConstantInfo {
  Dimension dimension = Dimension::none;
  Range range;
  std::string doc;
};

// By the path of for_each_constant(): "gpu.memory_efficiency", "system.nic_bandwidth", "software.data_exposed".
using ConstantTable = std::map<std::string, ConstantInfo, std::less<>>;
ConstantTable constant_table();

// A value in base units with three significant digits and its unit: "3.35 TB/s", "0.736".
std::string constant_text(double value, Dimension dimension);

}  // namespace lockstep
