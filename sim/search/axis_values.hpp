// The axes along which plans differ, and the values that each can take.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "scenarios/scenario.hpp"

namespace lockstep {

// Outermost first: what decides most comes first, what the memory does not depend on last.
enum class Axis : std::uint8_t {
  nodes,
  tensor,
  stages,
  context,
  context_method,
  expert,
  expert_tensor,
  sequence_parallel,
  micro_batch,
  recompute,
  recompute_every,
  recompute_parts,
  schedule,
  interleave,
  sharding,
  shard_group,
  reshard_after_forward,
  prefetch,
  offload_optimizer,
  offload_weights,
  offload_activations,
  tensor_overlap,
  placement,
  count
};

constexpr auto axis_count = static_cast<std::size_t>(Axis::count);
constexpr std::size_t index_of(Axis axis) {
  return static_cast<std::size_t>(axis);
}

// A count, a share, an enum's number; a text where the plan's member is one.
struct AxisValue {
  double number = 0;
  std::string name;
};
using AxisValues = std::array<std::vector<AxisValue>, axis_count>;

// Every value that some plan of the scenario can have and its request allows, in ascending order.
// Throws InputError where that leaves an axis without any.
AxisValues axis_values(const Scenario& scenario);

// The scenario's cluster with so many nodes. Throws InputError where parts of it are down and the
// number is another one: the parts' names are those of the scenario's nodes.
Cluster cluster_with(const Cluster& cluster, std::int64_t nodes);

}  // namespace lockstep
