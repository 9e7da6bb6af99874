// What was discovered, for people and for programs.
#pragma once

#include <string>

#include "validate/discover/node_facts.hpp"
#include "validate/discover/node_system.hpp"

namespace lockstep {

// `node` is null where there are no GPUs.
struct Discovery {
  NodeFacts facts;
  const NodeSystem* node = nullptr;
  std::string name;     // of the system
  std::string no_gpus;  // why there are none
};

// A picture of the node in 100 columns, then what was recognised, assumed and found wrong.
std::string discovery_text(const Discovery& discovery);

// Every fact and, where there is a GPU, the system; SI units, stable order.
std::string discovery_json(const Discovery& discovery);

}  // namespace lockstep
