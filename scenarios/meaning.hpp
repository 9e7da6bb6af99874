// The last pass over a scenario: what is well formed but can't be meant. Codes E4xx.
#pragma once

#include <vector>

#include "scenarios/node.hpp"
#include "scenarios/scenario.hpp"

namespace lockstep {

// Every broken rule of every plan, at the key that says so. `root` is the tree that the scenario was read from,
// its plans in the same order.
std::vector<Diagnostic> check_meaning(const Scenario& scenario, const Node& root);

// How many GPUs a cluster has, where its file leaves the number out.
std::int64_t resolve_gpus(const Cluster& cluster);

}  // namespace lockstep
