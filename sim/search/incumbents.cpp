#include "sim/search/incumbents.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <tuple>

#include "sim/compute/op_cost.hpp"
#include "sim/run_cost.hpp"
#include "strategies/flops.hpp"

namespace lockstep {

namespace {

// Memory that a GPU of the next size might have: beyond that a plan is not worth timing for what
// more memory would bring.
constexpr double reach = 1.5;

constexpr double infinite = std::numeric_limits<double>::infinity();

Constraint memory_of_gpu(const Scenario& scenario) {
  Constraint limit;
  limit.text = "memory of the GPU";
  limit.measure = Measure::peak_memory;
  limit.bound =
      scenario.cluster.system.gpu.memory_capacity.value - scenario.search.memory_headroom_bytes;
  return limit;
}

Constraint memory_of_host(const Scenario& scenario) {
  Constraint limit;
  limit.text = "host memory of the node";
  limit.measure = Measure::host_memory;
  limit.bound = scenario.cluster.system.host_memory.value;
  return limit;
}

}  // namespace

SearchGoal::SearchGoal(const Scenario& scenario)
    : scenario_(scenario),
      flops_per_token_(model_flops_per_token(scenario.model, scenario.training)),
      peak_flops_(
          peak_rate(scenario.cluster.system.gpu, scenario.training.linear_dtype()).value()) {
  limits_.push_back(memory_of_gpu(scenario));
  if (scenario.cluster.system.host_memory.value > 0) limits_.push_back(memory_of_host(scenario));
  for (const Constraint& constraint : scenario.search.constraints) {
    if (constraint.measure == Measure::fit_probability) {
      fit_probability_ = std::max(fit_probability_, constraint.bound);
    } else {
      limits_.push_back(constraint);
    }
  }
  deadline_ = limits_.size();
  if (scenario.search.objective != Objective::gpus_for_deadline) return;
  Constraint deadline;
  deadline.text = "deadline";
  deadline.measure = Measure::days;
  deadline.bound = scenario.search.deadline_days;
  limits_.push_back(deadline);
}

double SearchGoal::objective(const PlanCosts& costs, double gpus) const {
  const double time = costs.step_time_s;
  switch (scenario_.search.objective) {
    case Objective::step_time:
      return time;
    case Objective::throughput_per_gpu:
    case Objective::cost_per_token:
      return time * gpus;  // both are as this is, the batch being the same
    case Objective::gpus_for_deadline:
      return std::isfinite(time) ? gpus : infinite;
    case Objective::memory:
      return std::isfinite(time) ? costs.peak_memory_bytes : infinite;
  }
  return time;
}

bool SearchGoal::known_before_timing(std::size_t limit) const {
  const Measure measure = limits_[limit].measure;
  return measure == Measure::peak_memory || measure == Measure::host_memory ||
         measure == Measure::gpus;
}

double SearchGoal::measured(const Constraint& limit, const PlanCosts& costs, double gpus) const {
  const Training& training = scenario_.training;
  const double tokens = training.tokens_per_step() / costs.step_time_s / gpus;
  switch (limit.measure) {
    case Measure::peak_memory:
      return costs.peak_memory_bytes;
    case Measure::step_time:
      return costs.step_time_s;
    case Measure::tokens_per_s_per_gpu:
      return tokens;
    case Measure::mfu:
      return tokens * flops_per_token_ / peak_flops_;
    case Measure::gpus:
      return gpus;
    case Measure::days:
      return run_cost(training, scenario_.price, gpus, costs.step_time_s).days;
    case Measure::cost:
      return run_cost(training, scenario_.price, gpus, costs.step_time_s).cost;
    case Measure::host_memory:
      return costs.host_bytes *
             std::min(gpus, static_cast<double>(scenario_.cluster.system.gpus_per_node));
    case Measure::fit_probability:
      break;
  }
  return 0;
}

bool SearchGoal::keeps(std::size_t limit, const PlanCosts& costs, double gpus) const {
  const double value = measured(limits_[limit], costs, gpus);
  return limits_[limit].at_most ? value <= limits_[limit].bound : value >= limits_[limit].bound;
}

double SearchGoal::needed(std::size_t limit, const PlanCosts& costs, double gpus) const {
  return measured(limits_[limit], costs, gpus);
}

bool SearchGoal::within_reach(std::size_t limit, const PlanCosts& costs) const {
  if (limits_[limit].measure != Measure::peak_memory) return true;
  return costs.peak_memory_bytes <= reach * limits_[limit].bound;
}

bool better(const Candidate& a, const Candidate& b) {
  return std::tie(a.objective, a.costs.step_time_s, a.number) <
         std::tie(b.objective, b.costs.step_time_s, b.number);
}

bool BestList::could_enter(double objective, double step_time_s) const {
  if (list_.size() < most_) return true;
  return std::tie(objective, step_time_s) <=
         std::tie(list_.back().objective, list_.back().costs.step_time_s);
}

void BestList::add(const Candidate& candidate) {
  if (!std::isfinite(candidate.objective)) return;
  const auto known = std::find_if(list_.begin(), list_.end(), [&](const Candidate& one) {
    return one.number / variants_ == candidate.number / variants_;
  });
  if (known != list_.end()) {
    if (!better(candidate, *known)) return;
    list_.erase(known);
  }
  list_.insert(std::upper_bound(list_.begin(), list_.end(), candidate, better), candidate);
  if (list_.size() > most_) list_.pop_back();
}

bool Front::could_enter(double first, double second) const {
  return std::none_of(list_.begin(), list_.end(), [&](const Candidate& one) {
    const double a = first_(one);
    const double b = second_(one);
    return a <= first && b <= second && (a < first || b < second);
  });
}

// Of plans that are equal in both the one with the smallest number stays.
void Front::add(const Candidate& candidate) {
  const double first = first_(candidate);
  const double second = second_(candidate);
  if (!std::isfinite(first) || !could_enter(first, second)) return;
  for (const Candidate& one : list_) {
    const bool equal = first_(one) == first && second_(one) == second;
    if (equal && one.number <= candidate.number) return;
  }
  list_.erase(std::remove_if(list_.begin(), list_.end(),
                             [&](const Candidate& one) {
                               return first <= first_(one) && second <= second_(one);
                             }),
              list_.end());
  list_.insert(std::upper_bound(
                   list_.begin(), list_.end(), candidate,
                   [&](const Candidate& a, const Candidate& b) { return first_(a) < first_(b); }),
               candidate);
}

double objective_of(const Candidate& candidate) {
  return candidate.objective;
}

double step_time_of(const Candidate& candidate) {
  return candidate.costs.step_time_s;
}

double memory_of(const Candidate& candidate) {
  return candidate.costs.peak_memory_bytes;
}

double nodes_of(const Candidate& candidate) {
  return static_cast<double>(candidate.nodes);
}

Incumbents::Incumbents(const SearchGoal& goal, std::size_t most_best)
    : best(most_best),
      memory_front(step_time_of, memory_of),
      gpu_front(step_time_of, nodes_of),
      relaxed(goal.limits() + 1, BestList(1)),
      deadline(goal.deadline()),
      late(objective_of, step_time_of) {}

bool Incumbents::could_be_relaxed(std::size_t limit, double objective, double time) const {
  return limit == deadline ? late.could_enter(objective, time)
                           : relaxed[limit].could_enter(objective, time);
}

void Incumbents::relax(std::size_t limit, const Candidate& candidate) {
  if (limit == deadline) {
    late.add(candidate);
  } else {
    relaxed[limit].add(candidate);
  }
}

void Incumbents::add(const SearchState& state) {
  for (const Candidate& one : state.best) best.add(one);
  for (const Candidate& one : state.memory_front) memory_front.add(one);
  for (const Candidate& one : state.gpu_front) gpu_front.add(one);
  for (const RelaxedBest& one : state.relaxed) relax(one.limit, one.best);
}

void Incumbents::write_to(SearchState& state) const {
  state.best = best.list();
  state.memory_front = memory_front.list();
  state.gpu_front = gpu_front.list();
  state.relaxed.clear();
  for (std::size_t limit = 0; limit < relaxed.size(); ++limit) {
    const auto& list = limit == deadline ? late.list() : relaxed[limit].list();
    for (const Candidate& one : list) state.relaxed.push_back({limit, one});
  }
}

}  // namespace lockstep
