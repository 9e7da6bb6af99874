// The last pass over a scenario: what is well formed but can't be meant. Codes E4xx.
#pragma once

#include <vector>

#include "scenarios/node.hpp"
#include "scenarios/scenario.hpp"

namespace lockstep {

// Every broken rule at the key that says so: those of the scenario as a whole are returned, those of a plan put
// into it. `root` is the tree that the scenario was read from, its plans in the same order.
std::vector<Diagnostic> check_meaning(Scenario& scenario, const Node& root);

// What `failed`, `degraded` and the fabric of a cluster name or state that can't be. `map` holds its keys, `path` is
// where it stands.
std::vector<Diagnostic> check_topology(const Cluster& cluster, const Node& map, const std::string& path);

// How many GPUs a cluster has, where its file leaves the number out.
std::int64_t resolve_gpus(const Cluster& cluster);

}  // namespace lockstep
