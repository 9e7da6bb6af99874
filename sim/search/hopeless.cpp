#include "sim/search/hopeless.hpp"

#include <algorithm>
#include <limits>
#include <optional>

namespace lockstep {

namespace {

constexpr double infinite = std::numeric_limits<double>::infinity();

std::size_t plans_shown(const Scenario& scenario) {
  return static_cast<std::size_t>(std::max<std::int64_t>(1, scenario.search.top));
}

// The combination, if it is a plan.
std::optional<Plan> plan_of(const PlanSpace& space, const AxisIndices& indices) {
  const std::int64_t gpus = gpu_count(space.cluster(indices[index_of(Axis::nodes)]));
  Plan plan = space.neutral();
  for (std::size_t i = 0; i < axis_count; ++i) {
    const auto axis = static_cast<Axis>(i);
    space.set(axis, indices[i], plan);
    if (axis == Axis::context) plan.data = resolve_data_degree(plan, gpus);
    if (space.refusal(axis, indices[i], plan, gpus) != nullptr) return std::nullopt;
  }
  return plan;
}

}  // namespace

Hopeless::Hopeless(const Scenario& scenario, const PlanSpace& space, const SearchGoal& goal,
                   bool pruning)
    : space_(space),
      goal_(goal),
      best_(plans_shown(scenario)),
      wanted_(plans_shown(scenario)),
      fastest_s_(space.size(Axis::nodes), infinite) {
  // P(fits) takes too long to ask it of every seed.
  if (!pruning || goal.fit_probability() > 0) return;
  for (std::size_t nodes = 0; nodes < fastest_s_.size(); ++nodes) time_seeds(scenario, nodes);
}

void Hopeless::time_seeds(const Scenario& scenario, std::size_t nodes_index) {
  PlanEvaluator evaluator(scenario.model, scenario.training, space_.cluster(nodes_index));
  AxisIndices indices{};
  const auto each = [&](Axis axis, const auto& visit) {
    std::uint16_t& index = indices[index_of(axis)];
    for (index = 0; index < space_.size(axis); ++index) visit();
    index = 0;
  };
  indices[index_of(Axis::nodes)] = static_cast<std::uint16_t>(nodes_index);
  each(Axis::tensor, [&] {
    each(Axis::stages, [&] {
      each(Axis::sequence_parallel, [&] {
        each(Axis::recompute, [&] {
          each(Axis::sharding, [&] { time_seed(indices, evaluator); });
        });
      });
    });
  });
}

void Hopeless::time_seed(const AxisIndices& indices, PlanEvaluator& evaluator) {
  const std::optional<Plan> plan = plan_of(space_, indices);
  if (!plan) return;
  const std::size_t nodes_index = indices[index_of(Axis::nodes)];
  const Cluster& cluster = space_.cluster(nodes_index);
  const auto gpus = static_cast<double>(gpu_count(cluster));
  const PlanEvaluator::Memory memory = evaluator.memory(*plan);
  evaluator.prepare(*plan);
  Candidate seed;
  seed.number = space_.number(indices);
  seed.nodes = cluster.nodes;
  seed.costs = {evaluator.step_time(), memory.reserved, memory.allocated};
  seed.objective = goal_.objective(seed.costs, gpus);
  for (std::size_t limit = 0; limit < goal_.limits(); ++limit) {
    if (!goal_.keeps(limit, seed.costs, gpus)) return;
  }
  best_.add(seed);
  fastest_s_[nodes_index] = std::min(fastest_s_[nodes_index], seed.costs.step_time_s);
}

bool Hopeless::is(std::size_t nodes_index, const PlanCosts& least) const {
  if (best_.list().size() < wanted_) return false;
  const auto gpus = static_cast<double>(gpu_count(space_.cluster(nodes_index)));
  return least.step_time_s > slowest_shown * fastest_s_[nodes_index] &&
         !best_.could_enter(goal_.objective(least, gpus), least.step_time_s);
}

}  // namespace lockstep
