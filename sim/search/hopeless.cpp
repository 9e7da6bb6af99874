#include "sim/search/hopeless.hpp"

#include <algorithm>
#include <limits>
#include <memory>
#include <optional>

#include "sim/fit_probability.hpp"
#include "sim/search/plan_evaluator.hpp"

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

// Plans of one number of nodes that are timed before any other.
class Seeds {
 public:
  Seeds(const Scenario& scenario, const PlanSpace& space, const SearchGoal& goal,
        std::size_t nodes_index, const std::atomic<bool>* stop)
      : space_(space),
        goal_(goal),
        cluster_(space.cluster(nodes_index)),
        gpus_(static_cast<double>(gpu_count(cluster_))),
        evaluator_(scenario.model, scenario.training, cluster_),
        descents_(std::max<std::size_t>(1, most_descents / space.size(Axis::nodes))),
        starts_(descents_, space.variants()),
        stop_(stop) {
    start_[index_of(Axis::nodes)] = static_cast<std::uint16_t>(nodes_index);
    if (goal.fit_probability() > 0) {
      fits_ = std::make_unique<FitProbability>(scenario.model, scenario.training, cluster_,
                                               *scenario.evidence);
    }
  }

  // Calls `keep` with plans that keep every limit: the best of a few for each tensor and stages,
  // and what they become as long as another value of one axis makes them better.
  template <class Keep>
  void run(const Keep& keep);

 private:
  static constexpr std::size_t most_descents = 4;  // of all numbers of nodes together, or one each

  template <class Visit>
  void each(Axis axis, const Visit& visit) {
    std::uint16_t& index = start_[index_of(axis)];
    for (index = 0; index < space_.size(axis); ++index) visit();
    index = 0;
  }
  // The combination's costs, if it is a plan that keeps every limit and is better than `than`.
  std::optional<Candidate> better_than(const Candidate* than, const AxisIndices& indices);
  [[nodiscard]] bool keeps_limits(const PlanCosts& costs, bool timed) const;

  const PlanSpace& space_;
  const SearchGoal& goal_;
  const Cluster& cluster_;
  double gpus_;
  PlanEvaluator evaluator_;
  std::unique_ptr<FitProbability> fits_;  // null where nobody asks for it
  AxisIndices start_{};
  std::size_t descents_;
  BestList starts_;
  const std::atomic<bool>* stop_;  // null: nobody stops it
};

bool Seeds::keeps_limits(const PlanCosts& costs, bool timed) const {
  for (std::size_t limit = 0; limit < goal_.limits(); ++limit) {
    if (!timed && !goal_.known_before_timing(limit)) continue;
    if (!goal_.keeps(limit, costs, gpus_)) return false;
  }
  return true;
}

std::optional<Candidate> Seeds::better_than(const Candidate* than, const AxisIndices& indices) {
  if (stop_ != nullptr && stop_->load(std::memory_order_relaxed)) return std::nullopt;
  const std::optional<Plan> plan = plan_of(space_, indices);
  if (!plan) return std::nullopt;
  const PlanEvaluator::Memory memory = evaluator_.memory(*plan);
  Candidate candidate;
  candidate.number = space_.number(indices);
  candidate.nodes = cluster_.nodes;
  candidate.costs = {0, memory.reserved, memory.allocated, memory.on_host};
  if (!keeps_limits(candidate.costs, false)) return std::nullopt;
  evaluator_.prepare(*plan);
  for (const bool timed : {false, true}) {
    candidate.costs.step_time_s = timed ? evaluator_.step_time() : evaluator_.least_step_time();
    candidate.objective = goal_.objective(candidate.costs, gpus_);
    if (than != nullptr && !better(candidate, *than)) return std::nullopt;
  }
  if (!keeps_limits(candidate.costs, true)) return std::nullopt;
  if (fits_ && fits_->of(*plan) < goal_.fit_probability()) return std::nullopt;
  return candidate;
}

template <class Keep>
void Seeds::run(const Keep& keep) {
  const auto try_start = [&] {
    const bool full = starts_.list().size() == descents_;
    const auto seed = better_than(full ? &starts_.list().back() : nullptr, start_);
    if (!seed) return;
    keep(*seed);
    starts_.add(*seed);
  };
  each(Axis::tensor, [&] {
    each(Axis::stages, [&] {
      each(Axis::sequence_parallel,
           [&] { each(Axis::recompute, [&] { each(Axis::sharding, try_start); }); });
    });
  });
  for (Candidate best : starts_.list()) {
    for (std::uint64_t before = best.number + 1; before != best.number;) {
      before = best.number;
      for (std::size_t axis = index_of(Axis::tensor); axis < axis_count; ++axis) {
        AxisIndices indices = space_.indices(best.number);
        for (std::size_t i = 0; i < space_.size(static_cast<Axis>(axis)); ++i) {
          indices[axis] = static_cast<std::uint16_t>(i);
          const auto improved = better_than(&best, indices);
          if (!improved) continue;
          keep(*improved);
          best = *improved;
        }
      }
    }
  }
}

}  // namespace

Hopeless::Hopeless(const Scenario& scenario, const PlanSpace& space, const SearchGoal& goal,
                   bool pruning, const std::atomic<bool>* stop)
    : space_(space),
      goal_(goal),
      best_(plans_shown(scenario), space.variants()),
      wanted_(plans_shown(scenario)),
      fastest_s_(space.size(Axis::nodes), infinite) {
  if (!pruning) return;
  for (std::size_t nodes = 0; nodes < fastest_s_.size(); ++nodes) {
    Seeds(scenario, space, goal, nodes, stop).run([&](const Candidate& seed) {
      best_.add(seed);
      fastest_s_[nodes] = std::min(fastest_s_[nodes], seed.costs.step_time_s);
    });
  }
}

bool Hopeless::is(std::size_t nodes_index, const PlanCosts& least) const {
  if (best_.list().size() < wanted_) return false;
  const auto gpus = static_cast<double>(gpu_count(space_.cluster(nodes_index)));
  return least.step_time_s > slowest_shown * fastest_s_[nodes_index] &&
         !best_.could_enter(goal_.objective(least, gpus), least.step_time_s);
}

}  // namespace lockstep
