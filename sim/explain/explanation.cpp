#include "sim/explain/explanation.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

namespace lockstep {

namespace {

std::vector<MemoryMoment> moments_of(const PlanReport& report) {
  std::vector<MemoryMoment> moments;
  for (std::size_t stage = 0; stage < report.workload.stages.size(); ++stage) {
    for (const MemoryInstant& instant : report.workload.stages[stage].instants) {
      moments.push_back({stage, instant.name,
                         reserved_bytes(report.plan.software, instant.total()).value()});
    }
  }
  std::stable_sort(moments.begin(), moments.end(), [](const MemoryMoment& a, const MemoryMoment& b) {
    return a.bytes > b.bytes;
  });
  return moments;
}

const PlanReport& named_plan(const Report& report, const std::string& name) {
  for (const PlanReport& plan : report.plans) {
    if (plan.plan.name == name) return plan;
  }
  throw std::invalid_argument("the scenario has no plan '" + name + "'");
}

// The plans whose order could turn: those that fit, and the one that is asked for.
std::vector<Contender> others_of(const Report& report, std::size_t plan, const std::string& asked) {
  std::vector<Contender> others;
  for (const std::size_t i : report.ranking) {
    const PlanReport& other = report.plans[i];
    if (i == plan || !other.legal) continue;
    if (!other.feasible && other.plan.name != asked) continue;
    if (!asked.empty() && other.plan.name != asked) continue;
    others.push_back({question_of(report.scenario, other), other});
  }
  return others;
}

std::vector<std::string> on_other_hardware(const Contender& plan, const std::vector<Contender>& others) {
  std::string names;
  for (const std::string& name : without_common_value(plan, others)) {
    names += (names.empty() ? "" : ", ") + name;
  }
  if (names.empty()) return {};
  return {fmt::format("on other hardware, where not every scalar has one value for both: {}", names)};
}

}  // namespace

Explanation explain(const Report& report, std::size_t plan, const ExplainOptions& options) {
  const PlanReport& chosen = report.plans.at(plan);
  if (!chosen.legal) throw std::invalid_argument(chosen.infeasible_reason);
  const Contender contender{question_of(report.scenario, chosen), chosen};
  const Question& question = contender.question;
  Explanation why;
  why.plan = plan;
  why.sensitivities = sensitivities_of(question, chosen);
  why.counterfactuals = counterfactuals(question, chosen);
  const std::vector<Contender> others = others_of(report, plan, options.against);
  why.break_evens = break_evens(contender, others);
  why.not_compared = on_other_hardware(contender, others);
  why.hidings = hidings(question, chosen);
  why.ledger = ledger(question, chosen, report.scenario.evidence->fitted, options.scenario_file);
  why.lints = lints(question, chosen);
  const std::vector<MemoryMoment> moments = moments_of(chosen);
  if (!moments.empty()) {
    why.peak = moments.front();
    const auto second =
        std::find_if(moments.begin(), moments.end(), [&](const MemoryMoment& moment) {
          return moment.instant != why.peak.instant;
        });
    if (second != moments.end()) why.second = *second;
  }
  if (!options.against.empty()) {
    why.against = against(question, chosen, named_plan(report, options.against));
  }
  if (options.measured) {
    why.measured = measured_gap(question, chosen, *options.measured, why.counterfactuals,
                                options.scenario_file);
  }
  return why;
}

}  // namespace lockstep
