// A node's system as a YAML file: for `--cluster FILE`, for `cluster: {system: FILE}` of a
// scenario, or for the folder systems/ of a catalog.
#pragma once

#include <string>

#include "validate/discover/node_facts.hpp"
#include "validate/discover/node_system.hpp"

namespace lockstep {

// "8 x NVIDIA H100 80GB HBM3, NVSwitch, 8 x InfiniBand 400 Gb/s"
std::string one_line(const NodeFacts& facts, const NodeSystem& node);

// `name` is what the file is to be called, for the comment at its head.
std::string system_yaml(const NodeFacts& facts, const NodeSystem& node, const std::string& name);

}  // namespace lockstep
