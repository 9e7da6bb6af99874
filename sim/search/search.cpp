#include "sim/search/search.hpp"

#include <algorithm>
#include <mutex>
#include <utility>

#include "sim/search/item_search.hpp"
#include "sim/search/refusal.hpp"

namespace lockstep {

namespace {

// The order in which items run changes nothing but how early bounds are good: plans without context
// parallelism and with few ranks per stage first.
double promise(const PlanSpace& space, const AxisIndices& item) {
  return static_cast<double>(item[index_of(Axis::context)]) * 1e6 +
         static_cast<double>(item[index_of(Axis::tensor)] + item[index_of(Axis::stages)]) -
         static_cast<double>(space.size(Axis::nodes)) * item[index_of(Axis::nodes)];
}

}  // namespace

struct PlanSearch::Parts {
  Parts(const Scenario& from, const SearchOptions& how)
      : scenario(from),
        options(how),
        space(scenario),
        goal(scenario),
        hopeless(scenario, space, goal, options.pruning),
        shared(goal, most_best()) {
    list_items();
  }

  [[nodiscard]] std::size_t most_best() const {
    return static_cast<std::size_t>(std::max<std::int64_t>(1, scenario.search.top));
  }

  // Those whose degrees divide the GPUs: the others are refused together.
  void list_items() {
    AxisIndices item{};
    for (std::size_t nodes = 0; nodes < space.size(Axis::nodes); ++nodes) {
      item[index_of(Axis::nodes)] = static_cast<std::uint16_t>(nodes);
      list_axis(Axis::tensor, item, gpu_count(space.cluster(nodes)));
    }
    std::stable_sort(items.begin(), items.end(), [&](const AxisIndices& a, const AxisIndices& b) {
      return promise(space, a) < promise(space, b);
    });
    idle.resize(space.size(Axis::nodes));
  }

  void list_axis(Axis axis, AxisIndices& item, std::int64_t gpus_left) {
    for (std::size_t i = 0; i < space.size(axis); ++i) {
      const auto degree = static_cast<std::int64_t>(space.value(axis, i));
      if (gpus_left % degree != 0) continue;
      item[index_of(axis)] = static_cast<std::uint16_t>(i);
      if (axis == Axis::context) {
        items.push_back(item);
      } else {
        list_axis(static_cast<Axis>(index_of(axis) + 1), item, gpus_left / degree);
      }
    }
    item[index_of(axis)] = 0;
  }

  std::unique_ptr<PlanEvaluator> borrow(std::size_t nodes) {
    const std::lock_guard lock(mutex);
    if (idle[nodes].empty()) {
      return std::make_unique<PlanEvaluator>(scenario.model, scenario.training,
                                             space.cluster(nodes));
    }
    std::unique_ptr<PlanEvaluator> evaluator = std::move(idle[nodes].back());
    idle[nodes].pop_back();
    return evaluator;
  }

  void give_back(std::size_t nodes, std::unique_ptr<PlanEvaluator> evaluator) {
    const std::lock_guard lock(mutex);
    idle[nodes].push_back(std::move(evaluator));
  }

  Scenario scenario;
  SearchOptions options;
  PlanSpace space;
  SearchGoal goal;
  Hopeless hopeless;
  std::vector<AxisIndices> items;

  std::mutex mutex;
  std::vector<std::vector<std::unique_ptr<PlanEvaluator>>> idle;  // by index of nodes
  Incumbents shared;                                              // what all states together found
};

PlanSearch::PlanSearch(const Scenario& scenario, const SearchOptions& options)
    : parts_(std::make_unique<Parts>(scenario, options)) {}
PlanSearch::~PlanSearch() = default;

std::size_t PlanSearch::items() const {
  return parts_->items.size();
}

std::uint64_t PlanSearch::combinations(std::size_t /*item*/) const {
  return parts_->space.behind(Axis::context);
}

SearchState PlanSearch::empty() const {
  return {};
}

void PlanSearch::run(std::size_t item, SearchState& state, const std::atomic<bool>* stop) const {
  Parts& parts = *parts_;
  const AxisIndices& indices = parts.items[item];
  const std::size_t nodes = indices[index_of(Axis::nodes)];
  std::unique_ptr<PlanEvaluator> evaluator = parts.borrow(nodes);
  Incumbents incumbents = [&] {
    const std::lock_guard lock(parts.mutex);
    return parts.shared;
  }();
  incumbents.add(state);
  ItemSearch search(parts.scenario, parts.space, parts.goal, parts.hopeless,
                    parts.space.cluster(nodes), *evaluator, incumbents, parts.options);
  if (search.run(indices, stop)) search.add_counts(state);
  incumbents.write_to(state);
  learn(state);
  parts.give_back(nodes, std::move(evaluator));
}

void PlanSearch::merge(SearchState& into, const SearchState& from) const {
  into.counts.enumerated += from.counts.enumerated;
  into.counts.legal += from.counts.legal;
  into.counts.feasible += from.counts.feasible;
  into.counts.too_slow += from.counts.too_slow;
  for (const auto& [reason, count] : from.counts.illegal) into.counts.illegal[reason] += count;
  for (const auto& [reason, count] : from.counts.infeasible)
    into.counts.infeasible[reason] += count;
  into.effort.timed += from.effort.timed;
  into.effort.pruned += from.effort.pruned;
  Incumbents both(parts_->goal, parts_->most_best());
  both.add(into);
  both.add(from);
  both.write_to(into);
}

void PlanSearch::learn(const SearchState& from) const {
  const std::lock_guard lock(parts_->mutex);
  parts_->shared.add(from);
}

FoundPlan PlanSearch::found(const Candidate& candidate) const {
  const AxisIndices indices = parts_->space.indices(candidate.number);
  FoundPlan found;
  found.candidate = candidate;
  found.plan = parts_->space.plan(indices);
  found.cluster = parts_->space.cluster(indices[index_of(Axis::nodes)]);
  return found;
}

SearchResult PlanSearch::finish(const SearchState& state) const {
  const Parts& parts = *parts_;
  SearchResult result;
  result.request = parts.scenario.search;
  result.counts = state.counts;
  const std::uint64_t listed = parts.items.size() * parts.space.behind(Axis::context);
  if (listed > 0) {
    result.looked_at =
        static_cast<double>(state.counts.enumerated) / static_cast<double>(listed);
  }
  const std::uint64_t others = parts.space.combinations() - listed;
  result.counts.enumerated += others;
  if (others > 0) result.counts.illegal[degrees_do_not_divide] += others;
  result.effort = state.effort;
  for (const Candidate& one : state.best) result.best.push_back(found(one));
  for (const Candidate& one : state.memory_front) {
    if (step_time_of(one) <= slowest_shown * step_time_of(state.memory_front.front()))
      result.memory_front.push_back(found(one));
  }
  for (auto one = state.gpu_front.rbegin(); one != state.gpu_front.rend(); ++one) {
    result.gpu_front.push_back(found(*one));
  }
  // With one batch the run's cost is as step time x GPUs: of plans on as many GPUs the fastest is
  // the cheapest too.
  Front costs(step_time_of, [](const Candidate& one) {
    return one.costs.step_time_s * static_cast<double>(one.nodes);
  });
  if (parts.scenario.price.stated()) {
    for (const Candidate& one : state.gpu_front) costs.add(one);
  }
  for (const Candidate& one : costs.list()) result.cost_front.push_back(found(one));
  add_relaxations(state, result);
  return result;
}

void PlanSearch::add_relaxations(const SearchState& state, SearchResult& result) const {
  const SearchGoal& goal = parts_->goal;
  for (const RelaxedBest& one : state.relaxed) {
    const bool beats = state.best.empty() || one.best.objective < state.best.front().objective;
    if (!beats) continue;
    Relaxation relaxation;
    relaxation.plan = found(one.best);
    const auto gpus = static_cast<double>(gpu_count(relaxation.plan.cluster));
    if (one.limit < goal.limits()) {
      relaxation.constraint = goal.limit(one.limit);
      relaxation.bound_needed = goal.needed(one.limit, one.best.costs, gpus);
    } else {
      relaxation.constraint = *std::find_if(
          result.request.constraints.begin(), result.request.constraints.end(),
          [](const Constraint& limit) { return limit.measure == Measure::fit_probability; });
    }
    if (!state.best.empty())
      relaxation.gain = 1.0 - one.best.objective / state.best.front().objective;
    result.relaxations.push_back(std::move(relaxation));
  }
  std::stable_sort(result.relaxations.begin(), result.relaxations.end(),
                   [](const Relaxation& a, const Relaxation& b) { return a.gain > b.gain; });
}

}  // namespace lockstep
