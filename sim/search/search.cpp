#include "sim/search/search.hpp"

#include <algorithm>
#include <mutex>
#include <stdexcept>
#include <utility>

#include "sim/search/item_search.hpp"
#include "sim/search/refusal.hpp"

namespace lockstep {

namespace {

// Step times that differ by less are the same to whoever chooses a plan.
constexpr double as_fast = 1e-3;

// The order in which items run changes nothing but how early bounds are good: plans without context
// parallelism and with few ranks per stage first.
double promise(const PlanSpace& space, const AxisIndices& item) {
  return static_cast<double>(item[index_of(Axis::context)]) * 1e6 +
         static_cast<double>(item[index_of(Axis::tensor)] + item[index_of(Axis::stages)]) -
         static_cast<double>(space.size(Axis::nodes)) * item[index_of(Axis::nodes)];
}

}  // namespace

struct PlanSearch::Parts {
  Parts(const Scenario& from, const SearchOptions& how, const std::atomic<bool>* stop)
      : scenario(from),
        options(how),
        space(scenario),
        goal(scenario),
        hopeless(scenario, space, goal, options.pruning, stop),
        shared(no_incumbents()) {
    for (const Candidate& one : hopeless.timed()) shared.best.add(one);
    list_items();
  }

  [[nodiscard]] Incumbents no_incumbents() const {
    Incumbents none(goal, most_best());
    none.best = BestList(most_best(), space.variants());
    return none;
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

  // Throws std::runtime_error for a state that is not of this search: it came as bytes.
  void check(const SearchState& state) const {
    bool known = true;
    const auto check_numbers = [&](const std::vector<Candidate>& candidates) {
      for (const Candidate& one : candidates) known &= one.number < space.combinations();
    };
    check_numbers(state.best);
    check_numbers(state.memory_front);
    check_numbers(state.gpu_front);
    for (const RelaxedBest& one : state.relaxed) {
      known &= one.limit <= goal.limits();  // P(fits) comes after the others
      check_numbers({one.best});
    }
    if (!known) throw std::runtime_error("the state is not one of this search");
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

PlanSearch::PlanSearch(const Scenario& scenario, const SearchOptions& options,
                       const std::atomic<bool>* stop)
    : parts_(std::make_unique<Parts>(scenario, options, stop)) {}
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
  parts_->check(from);
  into.counts.enumerated += from.counts.enumerated;
  into.counts.legal += from.counts.legal;
  into.counts.feasible += from.counts.feasible;
  into.counts.too_slow += from.counts.too_slow;
  for (const auto& [reason, count] : from.counts.illegal) into.counts.illegal[reason] += count;
  for (const auto& [reason, count] : from.counts.infeasible)
    into.counts.infeasible[reason] += count;
  into.effort.timed += from.effort.timed;
  into.effort.pruned += from.effort.pruned;
  Incumbents both = parts_->no_incumbents();
  both.add(into);
  both.add(from);
  both.write_to(into);
}

void PlanSearch::learn(const SearchState& from) const {
  parts_->check(from);
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
    result.looked_at = static_cast<double>(state.counts.enumerated) / static_cast<double>(listed);
  }
  const std::uint64_t others = parts.space.combinations() - listed;
  result.counts.enumerated += others;
  if (others > 0) result.counts.illegal[degrees_do_not_divide] += others;
  result.effort = state.effort;
  for (const Candidate& one : state.best) {
    result.best.push_back(found(one));
    if (parts.options.count_alike) result.best.back().alike = alike(one);
  }
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

std::size_t PlanSearch::alike(const Candidate& best) const {
  Parts& parts = *parts_;
  const PlanSpace& space = parts.space;
  const AxisIndices indices = space.indices(best.number);
  const std::size_t nodes = indices[index_of(Axis::nodes)];
  const std::int64_t gpus = gpu_count(space.cluster(nodes));
  std::unique_ptr<PlanEvaluator> evaluator = parts.borrow(nodes);
  const auto as_good = [&](const Plan& plan) {
    PlanCosts costs = best.costs;
    evaluator->prepare(plan);
    costs.step_time_s = evaluator->step_time();
    if (costs.step_time_s > (1 + as_fast) * best.costs.step_time_s) return false;
    for (std::size_t limit = 0; limit < parts.goal.limits(); ++limit) {
      if (!parts.goal.keeps(limit, costs, static_cast<double>(gpus))) return false;
    }
    return true;
  };
  std::size_t found = 0;
  Plan plan = space.plan(indices);
  space.reset(Axis::placement, plan);
  for (std::size_t i = 0; i < space.size(Axis::tensor_overlap); ++i) {
    space.reset(Axis::tensor_overlap, plan);
    space.set(Axis::tensor_overlap, i, plan);
    if (space.refusal(Axis::tensor_overlap, i, plan, gpus) != nullptr) continue;
    for (std::size_t j = 0; j < space.size(Axis::placement); ++j) {
      space.set(Axis::placement, j, plan);
      if (space.refusal(Axis::placement, j, plan, gpus) != nullptr) continue;
      if (as_good(plan)) ++found;
    }
    space.reset(Axis::placement, plan);
  }
  parts.give_back(nodes, std::move(evaluator));
  return found > 0 ? found - 1 : 0;  // without itself
}

namespace {

// Of each limit the plan for which it would be relaxed: of a deadline the one that needs the least
// more, of others the best.
std::vector<RelaxedBest> worth_relaxing(const SearchState& state) {
  std::vector<RelaxedBest> chosen;
  for (const RelaxedBest& one : state.relaxed) {
    if (!state.best.empty() && one.best.objective >= state.best.front().objective) continue;
    if (chosen.empty() || chosen.back().limit != one.limit) {
      chosen.push_back(one);
    } else if (step_time_of(one.best) < step_time_of(chosen.back().best)) {
      chosen.back() = one;
    }
  }
  return chosen;
}

}  // namespace

void PlanSearch::add_relaxations(const SearchState& state, SearchResult& result) const {
  const SearchGoal& goal = parts_->goal;
  for (const RelaxedBest& one : worth_relaxing(state)) {
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
