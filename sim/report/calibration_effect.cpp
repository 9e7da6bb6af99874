#include "sim/report/calibration_effect.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <utility>

#include "sim/report/insight.hpp"
#include "sim/report/numbers.hpp"

namespace lockstep {
namespace {

double relative_change(double before, double after) {
  if (!std::isfinite(before) || !std::isfinite(after) || before <= 0) return 0.0;
  return after / before - 1.0;
}

const std::string& name_of(const Report& report, std::size_t index) {
  return report.plans.at(index).plan.name;
}

// From 1 on in the ranking; 0 where the plan does not fit.
std::size_t place_of(const Report& report, std::size_t index) {
  for (std::size_t place = 0; place < report.ranking.size(); ++place) {
    if (report.ranking[place] == index && report.plans.at(index).feasible) return place + 1;
  }
  return 0;
}

PlanEffect plan_effect(const PlanReport& before, const PlanReport& after) {
  PlanEffect effect;
  effect.name = after.plan.name;
  effect.legal = after.legal;
  effect.feasible_before = before.feasible;
  effect.feasible_after = after.feasible;
  effect.step_before = before.step_time_s;
  effect.step_after = after.step_time_s;
  effect.memory_before = before.peak_memory_bytes;
  effect.memory_after = after.peak_memory_bytes;
  effect.bound_before = before.bound;
  effect.bound_after = after.bound;
  return effect;
}

// -- conclusions

std::vector<std::string> feasible_names(const Report& report) {
  std::vector<std::string> names;
  for (const std::size_t index : report.ranking) {
    if (report.plans.at(index).feasible) names.push_back(name_of(report, index));
  }
  return names;
}

std::string listed(const std::vector<std::string>& names) {
  return fmt::format("{}", fmt::join(names, ", "));
}

// The order among plans that fit both times; a plan that fits only once has a sentence of its own.
void add_order(const Report& before, const Report& after, std::vector<std::string>& changed) {
  std::vector<std::string> was = feasible_names(before);
  std::vector<std::string> is = feasible_names(after);
  const auto keep_common = [](std::vector<std::string>& names, const std::vector<std::string>& of) {
    const std::set<std::string> known(of.begin(), of.end());
    names.erase(std::remove_if(names.begin(), names.end(),
                               [&](const std::string& name) { return known.count(name) == 0; }),
                names.end());
  };
  const std::vector<std::string> all = is;
  keep_common(is, was);
  keep_common(was, all);
  if (was == is) return;
  changed.push_back(
      was.front() != is.front()
          ? fmt::format("{} is the fastest now; before it was {}.", is.front(), was.front())
          : fmt::format("The order is {} now; it was {}.", listed(is), listed(was)));
}

using Pairs = std::set<std::pair<std::string, std::string>>;

Pairs ties(const Report& report) {
  Pairs pairs;
  for (const PlanComparison& comparison : report.comparisons) {
    if (!is_tie(comparison)) continue;
    std::string a = name_of(report, comparison.faster);
    std::string b = name_of(report, comparison.slower);
    if (b < a) std::swap(a, b);
    pairs.emplace(std::move(a), std::move(b));
  }
  return pairs;
}

void add_ties(const Report& before, const Report& after, std::vector<std::string>& changed) {
  const Pairs was = ties(before);
  const Pairs is = ties(after);
  for (const auto& [a, b] : is) {
    if (was.count({a, b}) == 0) changed.push_back(fmt::format("{} and {} are a tie now.", a, b));
  }
  for (const auto& [a, b] : was) {
    if (is.count({a, b}) > 0) continue;
    const std::vector<std::string> order = feasible_names(after);
    const auto first = std::find(order.begin(), order.end(), a);
    const auto second = std::find(order.begin(), order.end(), b);
    if (first == order.end() || second == order.end()) continue;
    changed.push_back(
        fmt::format("{} and {} were a tie; {} is faster now.", a, b, first < second ? a : b));
  }
}

void add_verdicts(const CalibrationEffect& effect, std::vector<std::string>& changed) {
  for (const PlanEffect& plan : effect.plans) {
    if (!plan.legal) continue;
    if (plan.feasible_before != plan.feasible_after) {
      changed.push_back(fmt::format("{} {}: {} instead of {}.", plan.name,
                                    plan.feasible_after ? "fits now" : "does not fit any more",
                                    memory(plan.memory_after.value),
                                    memory(plan.memory_before.value)));
    }
    if (plan.bound_before != plan.bound_after) {
      changed.push_back(fmt::format("{} is bound by {} now, before it was by {}.", plan.name,
                                    plan.bound_after, plan.bound_before));
    }
  }
}

// -- pieces

double step_of(const Report& report, const PlanReport& plan, const Cluster& cluster) {
  return predict(report.scenario.model, report.scenario.training, cluster, plan.plan)
      .step_time_s.value;
}

// The step of the plan without the calibration, but for one constant.
double with_constant(const Report& before, const PlanReport& plan, const AppliedConstant& one) {
  Cluster cluster = plan.cluster;
  const bool here =
      one.measured.entry() ==
      (one.measured.folder() == "gpus" ? cluster.system.gpu.name : cluster.system.name);
  if (!here || one.overruled) return plan.step_time_s.value;
  for_each_constant(cluster, [&](const std::string& path, ConstantBase& constant) {
    if (path == one.measured.path() && constant.value == one.before.value) constant = one.after;
  });
  return step_of(before, plan, cluster);
}

void add_constants(const Report& before, const PlanReport& plan, CalibrationEffect& effect) {
  for (ConstantEffect& one : effect.constants) {
    one.step_change =
        relative_change(plan.step_time_s.value, with_constant(before, plan, one.constant));
  }
  std::stable_sort(effect.constants.begin(), effect.constants.end(),
                   [](const ConstantEffect& a, const ConstantEffect& b) {
                     return std::fabs(a.step_change) > std::fabs(b.step_change);
                   });
}

void add_collectives(const PlanReport& before, const PlanReport& after, CalibrationEffect& effect) {
  const auto& was = before.step.collectives;
  const auto& is = after.step.collectives;
  for (std::size_t i = 0; i < std::min(was.size(), is.size()); ++i) {
    if (was[i].shape.ranks < 2) continue;
    effect.collectives.push_back(
        {is[i].name, is[i].collective, is[i].shape.ranks, is[i].shape.nodes, is[i].bytes.value(),
         was[i].time.value(), is[i].time.value(), was[i].exposed.value(), is[i].exposed.value()});
  }
  std::stable_sort(effect.collectives.begin(), effect.collectives.end(),
                   [](const CollectiveEffect& a, const CollectiveEffect& b) {
                     return std::fabs(a.seconds_after - a.seconds_before) >
                            std::fabs(b.seconds_after - b.seconds_before);
                   });
}

// The fastest plan that fits, else the first that can be predicted; null where none can.
const PlanReport* reference_plan(const Report& report) {
  for (const std::size_t index : report.ranking) {
    const PlanReport& plan = report.plans.at(index);
    if (plan.legal && std::isfinite(plan.step_time_s.value)) return &plan;
  }
  return nullptr;
}

void add_pieces(const Report& before, const Report& after, CalibrationEffect& effect) {
  const PlanReport* reference = reference_plan(after);
  if (reference == nullptr) return;
  const auto index = static_cast<std::size_t>(reference - after.plans.data());
  const PlanReport& was = before.plans.at(index);
  effect.reference = reference->plan.name;
  add_constants(before, was, effect);
  add_collectives(was, *reference, effect);
  if (reference->cluster.calibrations) {
    Cluster cluster = was.cluster;
    cluster.calibrations = reference->cluster.calibrations;
    // The links as they were measured: those of the calibrated system.
    for (const ConstantEffect& one : effect.constants) {
      if (one.constant.measured.folder() != "systems" || one.constant.overruled) continue;
      for_each_constant(cluster, [&](const std::string& path, ConstantBase& constant) {
        if (path == one.constant.measured.path()) constant = one.constant.after;
      });
    }
    effect.collectives_change =
        relative_change(was.step_time_s.value, step_of(before, was, cluster));
  }
}

}  // namespace

double PlanEffect::step_change() const {
  return relative_change(step_before.value, step_after.value);
}
double PlanEffect::memory_change() const {
  return relative_change(memory_before.value, memory_after.value);
}

CalibrationEffect calibration_effect(const Report& before, const Report& after,
                                     const AppliedCalibration& applied) {
  CalibrationEffect effect;
  effect.applied = applied;
  for (const std::size_t i : after.ranking) {
    effect.plans.push_back(plan_effect(before.plans.at(i), after.plans.at(i)));
    effect.plans.back().place_before = place_of(before, i);
    effect.plans.back().place_after = place_of(after, i);
  }
  for (const AppliedConstant& constant : applied.constants) {
    ConstantEffect one;
    one.constant = constant;
    one.beyond_spread =
        std::fabs(std::log(constant.after.value / constant.before.value)) > constant.before.spread;
    effect.constants.push_back(std::move(one));
  }
  add_pieces(before, after, effect);
  add_order(before, after, effect.changed);
  add_ties(before, after, effect.changed);
  add_verdicts(effect, effect.changed);
  return effect;
}

}  // namespace lockstep
