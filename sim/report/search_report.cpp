#include "sim/report/search_report.hpp"

#include <algorithm>
#include <cmath>

#include "sim/certainty.hpp"
#include "sim/report/insight.hpp"

namespace lockstep {

namespace {

// Memory that differs by less is the same.
constexpr double same_memory = 1e-3;

// What compare_plans() looks at; the time is that of so many GPUs together.
PlanReport timed(const PlanReport& plan, double gpus) {
  PlanReport copy;
  copy.plan = plan.plan;
  copy.cluster = plan.cluster;
  copy.distribution = plan.distribution;
  copy.sensitivities = plan.sensitivities;
  copy.step_time_s.value = plan.step_time_s.value * gpus;
  return copy;
}

double faster_probability(const PlanReport& a, const PlanReport& b, bool per_gpu) {
  if (!per_gpu) return compare_plans(a, b).probability;
  const auto gpus = [](const PlanReport& plan) { return static_cast<double>(plan.cluster.gpus); };
  return compare_plans(timed(a, gpus(a)), timed(b, gpus(b))).probability;
}

double certainly(bool better) {
  return better ? 1.0 : 0.0;
}

// Puts plans into the report, each once.
class Gatherer {
 public:
  Gatherer(const Scenario& scenario, SearchReport& into) : scenario_(scenario), into_(into) {}

  std::size_t add(const FoundPlan& found) {
    const auto known = std::find_if(into_.candidates.begin(), into_.candidates.end(),
                                    [&](const Candidate& candidate) {
                                      return candidate.number == found.candidate.number &&
                                             candidate.nodes == found.candidate.nodes;
                                    });
    if (known != into_.candidates.end()) {
      return static_cast<std::size_t>(known - into_.candidates.begin());
    }
    into_.report.plans.push_back(predict_with_intervals(
        scenario_.model, scenario_.training, found.cluster, found.plan, *scenario_.evidence));
    into_.candidates.push_back(found.candidate);
    return into_.candidates.size() - 1;
  }

  void add_front(FrontKind kind, const std::vector<FoundPlan>& plans) {
    if (plans.empty()) return;
    SearchFront front;
    front.kind = kind;
    for (const FoundPlan& plan : plans) front.plans.push_back(add(plan));
    into_.fronts.push_back(std::move(front));
  }

 private:
  const Scenario& scenario_;
  SearchReport& into_;
};

FoundRelaxation relaxed(const Relaxation& relaxation, std::size_t plan, const PlanReport& report) {
  const Constraint& limit = relaxation.constraint;
  FoundRelaxation found{limit, relaxation.bound_needed, relaxation.gain, plan};
  // The search knows whether a plan keeps it, and no more.
  if (limit.measure == Measure::fit_probability) found.needed = report.fit_probability;
  return found;
}

// Each plan against the first of the group before it, as simulate() compares.
std::vector<TieGroup> tie_groups(Objective objective, const std::vector<PlanReport>& plans,
                                 std::size_t best) {
  std::vector<TieGroup> groups;
  for (std::size_t i = 0; i < best; ++i) {
    if (!groups.empty()) {
      const double p = better_probability(objective, plans[groups.back().first], plans[i]);
      if (p > tie_low && p < tie_high) {
        groups.back().last = i;
        groups.back().probabilities.push_back(p);
        continue;
      }
    }
    groups.push_back({i, i, {}, {}});
  }
  return groups;
}

// What not all plans of a group do alike.
std::vector<std::string> differ_in(const TieGroup& group, const std::vector<PlanReport>& plans) {
  std::vector<std::string> names;
  for (std::size_t i = group.first + 1; i <= group.last; ++i) {
    for (const PlanDifference& one : plan_differences(plans[i], plans[group.first])) {
      if (std::find(names.begin(), names.end(), one.name) == names.end()) names.push_back(one.name);
    }
  }
  return names;
}

}  // namespace

const char* to_string(FrontKind kind) {
  switch (kind) {
    case FrontKind::memory:
      return "memory";
    case FrontKind::gpus:
      return "gpus";
    case FrontKind::cost:
      return "cost";
  }
  return "";
}

double better_probability(Objective objective, const PlanReport& a, const PlanReport& b) {
  switch (objective) {
    case Objective::step_time:
      return faster_probability(a, b, false);
    case Objective::throughput_per_gpu:
    case Objective::cost_per_token:
      return faster_probability(a, b, true);
    case Objective::gpus_for_deadline:
      if (a.cluster.gpus != b.cluster.gpus) return certainly(a.cluster.gpus < b.cluster.gpus);
      return faster_probability(a, b, false);
    case Objective::memory:
      break;
  }
  const double first = a.peak_memory_bytes.value;
  const double second = b.peak_memory_bytes.value;
  if (std::abs(first - second) <= same_memory * std::max(first, second)) return 0.5;
  return certainly(first < second);
}

SearchReport search_report(const Scenario& scenario, const SearchResult& result, double looked_at,
                           const std::optional<FoundPlan>& nearest) {
  SearchReport found;
  found.request = result.request;
  found.counts = result.counts;
  found.looked_at = looked_at;
  Report& report = found.report;
  report.scenario_name = scenario.name;
  report.cluster_summary = summarize(scenario.cluster);
  report.tokens_per_step = scenario.training.tokens_per_step();
  report.gpus = static_cast<double>(scenario.cluster.gpus);
  report.scenario = scenario;

  Gatherer plans(scenario, found);
  for (const FoundPlan& plan : result.best) {
    plans.add(plan);
    found.alike.push_back(plan.alike);
  }
  found.best = report.plans.size();
  plans.add_front(FrontKind::memory, result.memory_front);
  plans.add_front(FrontKind::gpus, result.gpu_front);
  plans.add_front(FrontKind::cost, result.cost_front);
  for (const Relaxation& relaxation : result.relaxations) {
    const std::size_t plan = plans.add(relaxation.plan);
    found.relaxations.push_back(relaxed(relaxation, plan, report.plans[plan]));
  }

  if (nearest) found.nearest = plans.add(*nearest);

  found.groups = tie_groups(result.request.objective, report.plans, found.best);
  for (TieGroup& group : found.groups) group.differ_in = differ_in(group, report.plans);
  for (std::size_t i = 0; i < found.best; ++i) {
    found.differences.push_back(plan_differences(report.plans[i], report.plans.front()));
  }
  // What the numbers leave out depends on the plans that are shown.
  Scenario shown = scenario;
  shown.plans.clear();
  for (const PlanReport& plan : report.plans) {
    shown.plans.push_back({plan.plan, plan.cluster, {}, {}});
  }
  report.not_modelled = not_modelled(shown);
  return found;
}

}  // namespace lockstep
