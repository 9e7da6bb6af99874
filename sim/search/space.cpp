#include "sim/search/space.hpp"

#include <limits>

#include <fmt/format.h>

#include "sim/search/refusal.hpp"
#include "strategies/pipeline/schedule.hpp"

namespace lockstep {

namespace {

InputError too_many() {
  Diagnostic problem;
  problem.code = "E473";
  problem.path = "search";
  problem.message = "the search has more combinations than can be numbered";
  problem.hint = "limit search.nodes, or another of its dimensions";
  return InputError({problem});
}

std::int64_t count_of(const AxisValue& value) {
  return static_cast<std::int64_t>(value.number);
}

// What the other degrees leave of the GPUs; 1 where they do not divide them.
std::int64_t derived_data(Plan plan, std::int64_t gpus) {
  plan.data = 0;
  return resolve_data_degree(plan, gpus);
}

template <class Enum>
Enum choice_of(const AxisValue& value) {
  return static_cast<Enum>(static_cast<int>(value.number));
}

}  // namespace

PlanSpace::PlanSpace(const Scenario& scenario)
    : scenario_(scenario), values_(axis_values(scenario)) {
  for (const AxisValue& nodes : values_[index_of(Axis::nodes)]) {
    clusters_.push_back(cluster_with(scenario.cluster, count_of(nodes)));
  }
  std::uint64_t product = 1;
  for (std::size_t axis = axis_count; axis-- > 0;) {
    behind_[axis] = product;
    const std::uint64_t size = values_[axis].size();
    if (size > std::numeric_limits<std::uint16_t>::max()) throw too_many();
    if (product > std::numeric_limits<std::uint64_t>::max() / size) throw too_many();
    product *= size;
  }
}

std::size_t PlanSpace::nodes_of_memory_front() const {
  for (std::size_t i = 0; i < clusters_.size(); ++i) {
    if (clusters_[i].nodes == scenario_.cluster.nodes) return i;
  }
  return clusters_.size() - 1;
}

Plan PlanSpace::neutral() const {
  Plan plan;
  plan.software = scenario_.software;
  for (std::size_t axis = 0; axis < axis_count; ++axis) reset(static_cast<Axis>(axis), plan);
  return plan;
}

void PlanSpace::set(Axis axis, std::size_t index, Plan& plan) const {
  if (!changes_something(axis, plan)) return;
  const AxisValue& value = values_[index_of(axis)][index];
  switch (axis) {
    case Axis::nodes:
    case Axis::count:
      break;
    case Axis::tensor:
      plan.tensor = count_of(value);
      reset(Axis::sequence_parallel, plan);
      break;
    case Axis::stages:
      plan.pipeline.stages = count_of(value);
      break;
    case Axis::context:
      plan.context.degree = count_of(value);
      break;
    case Axis::context_method:
      plan.context.method = choice_of<ContextMethod>(value);
      break;
    case Axis::expert:
      plan.expert.degree = count_of(value);
      break;
    case Axis::expert_tensor:
      plan.expert.tensor = count_of(value);
      break;
    case Axis::sequence_parallel:
      plan.sequence_parallel = value.number != 0;
      break;
    case Axis::micro_batch:
      plan.micro_batch = count_of(value);
      break;
    case Axis::recompute:
      plan.recompute = choice_of<Recompute>(value);
      break;
    case Axis::recompute_every:
      plan.recompute_every = count_of(value);
      break;
    case Axis::recompute_parts:
      plan.recompute_parts = value.name;
      break;
    case Axis::schedule:
      plan.pipeline.schedule = value.name;
      break;
    case Axis::interleave:
      plan.pipeline.interleave = count_of(value);
      break;
    case Axis::sharding:
      plan.sharding = choice_of<Sharding>(value);
      break;
    case Axis::shard_group:
      plan.shard_group = count_of(value);
      break;
    case Axis::reshard_after_forward:
      plan.sync.reshard_after_forward = choice_of<Override>(value);
      break;
    case Axis::prefetch:
      plan.sync.prefetch = count_of(value);
      break;
    case Axis::offload_optimizer:
      plan.offload.optimizer = value.number;
      break;
    case Axis::offload_weights:
      plan.offload.weights = value.number;
      break;
    case Axis::offload_activations:
      plan.offload.activations = value.number;
      break;
    case Axis::tensor_overlap:
      plan.tensor_overlap = choice_of<Override>(value);
      break;
    case Axis::placement:
      plan.placement = value.name;
      break;
  }
}

// Members of a new plan, but for two: interleave goes with 1F1B, and experts under tensor
// parallelism demand sequence parallelism.
void PlanSpace::reset(Axis axis, Plan& plan) const {
  static const Plan fresh;
  switch (axis) {
    case Axis::nodes:
    case Axis::count:
      break;
    case Axis::tensor:
      plan.tensor = fresh.tensor;
      break;
    case Axis::stages:
      plan.pipeline.stages = fresh.pipeline.stages;
      break;
    case Axis::context:
      plan.context.degree = fresh.context.degree;
      break;
    case Axis::context_method:
      plan.context.method = fresh.context.method;
      break;
    case Axis::expert:
      plan.expert.degree = fresh.expert.degree;
      break;
    case Axis::expert_tensor:
      plan.expert.tensor = fresh.expert.tensor;
      break;
    case Axis::sequence_parallel:
      plan.sequence_parallel = scenario_.model.has_experts() && plan.tensor > 1;
      break;
    case Axis::micro_batch:
      plan.micro_batch = fresh.micro_batch;
      break;
    case Axis::recompute:
      plan.recompute = fresh.recompute;
      break;
    case Axis::recompute_every:
      plan.recompute_every = fresh.recompute_every;
      break;
    case Axis::recompute_parts:
      plan.recompute_parts.clear();
      break;
    case Axis::schedule:
      plan.pipeline.schedule = fresh.pipeline.schedule;
      break;
    case Axis::interleave:
      plan.pipeline.interleave = fresh.pipeline.interleave;
      break;
    case Axis::sharding:
      plan.sharding = fresh.sharding;
      break;
    case Axis::shard_group:
      plan.shard_group = fresh.shard_group;
      break;
    case Axis::reshard_after_forward:
      plan.sync.reshard_after_forward = fresh.sync.reshard_after_forward;
      break;
    case Axis::prefetch:
      plan.sync.prefetch = fresh.sync.prefetch;
      break;
    case Axis::offload_optimizer:
      plan.offload.optimizer = fresh.offload.optimizer;
      break;
    case Axis::offload_weights:
      plan.offload.weights = fresh.offload.weights;
      break;
    case Axis::offload_activations:
      plan.offload.activations = fresh.offload.activations;
      break;
    case Axis::tensor_overlap:
      plan.tensor_overlap = fresh.tensor_overlap;
      break;
    case Axis::placement:
      plan.placement = fresh.placement;
      break;
  }
}

const char* PlanSpace::refusal(Axis axis, std::size_t index, const Plan& plan,
                               std::int64_t gpus) const {
  const char* words =
      refusal_of(scenario_.model, scenario_.training, values_, axis, index, plan, gpus);
  if (words != nullptr || axis != Axis::context) return words;
  const bool asked_for = scenario_.search.allows("data", static_cast<double>(plan.data));
  return asked_for ? nullptr : "another data degree than the search allows";
}

std::uint64_t PlanSpace::number(const AxisIndices& indices) const {
  std::uint64_t number = 0;
  for (std::size_t axis = 0; axis < axis_count; ++axis) number += indices[axis] * behind_[axis];
  return number;
}

AxisIndices PlanSpace::indices(std::uint64_t number) const {
  AxisIndices indices{};
  for (std::size_t axis = 0; axis < axis_count; ++axis) {
    indices[axis] = static_cast<std::uint16_t>(number / behind_[axis]);
    number %= behind_[axis];
  }
  return indices;
}

Plan PlanSpace::plan(const AxisIndices& indices) const {
  Plan plan = neutral();
  const std::int64_t gpus = gpu_count(clusters_[indices[index_of(Axis::nodes)]]);
  for (std::size_t i = 0; i < axis_count; ++i) {
    const auto axis = static_cast<Axis>(i);
    set(axis, indices[i], plan);
    if (axis == Axis::context) plan.data = derived_data(plan, gpus);
  }
  plan.name = plan_name(plan);
  return plan;
}

}  // namespace lockstep
