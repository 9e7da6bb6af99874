// A hand-made result of a search with round numbers.
#pragma once

#include "sim/report/search_report.hpp"
#include "tests/unit/sample_report.hpp"

namespace lockstep::test {

// A plan on 8 GPUs with pipeline and data degrees.
inline PlanReport found_plan(const std::string& name, double seconds, double gib,
                             std::int64_t stages, std::int64_t data) {
  PlanReport plan = sample_plan(name, seconds, gib);
  plan.plan.data = data;
  plan.plan.pipeline.stages = stages;
  return plan;
}

inline Constraint memory_limit(const char* text, double gib) {
  Constraint limit;
  limit.text = text;
  limit.bound = gib * 0x1p30;
  return limit;
}

// Three best plans, the first two a tie; a front of the first and a smaller plan; a plan that
// 5.5 GiB more would let in. 3 214 567 combinations.
inline SearchReport sample_search() {
  SearchReport search;
  search.report = sample_report();
  search.report.plans = {
      found_plan("pp2-dp4", 10.0, 40.0, 2, 4), found_plan("pp4-dp2", 10.1, 60.0, 4, 2),
      found_plan("pp2-dp4-mb2", 12.0, 50.0, 2, 4), found_plan("dp8", 14.0, 20.0, 1, 8),
      found_plan("pp1-big", 9.4, 85.5, 1, 8)};
  search.report.plans[2].plan.micro_batch = 2;
  search.report.scenario.cluster.gpus = 8;
  search.report.ranking.clear();
  search.report.comparisons.clear();
  for (std::size_t i = 0; i < search.report.plans.size(); ++i) {
    const PlanReport& plan = search.report.plans[i];
    search.candidates.push_back(
        {100 + i,
         1,
         {plan.step_time_s.value, plan.peak_memory_bytes.value, plan.peak_allocated_bytes.value},
         plan.step_time_s.value});
  }
  search.best = 3;
  search.groups = {{0, 1, {0.55}, {"pp", "dp"}}, {2, 2, {}, {}}};
  for (std::size_t i = 0; i < search.best; ++i) {
    search.differences.push_back(plan_differences(search.report.plans[i], search.report.plans[0]));
  }
  search.alike = {0, 2, 0};
  search.fronts = {{FrontKind::memory, {0, 3}}};
  search.relaxations = {{memory_limit(memory_of_the_gpu, 80), 85.5 * 0x1p30, 0.06, 4}};
  search.counts.enumerated = 3'214'567;
  search.counts.legal = 312'345;
  search.counts.feasible = 62'123;
  search.counts.illegal = {{"heads do not divide by tensor", 2'000'000},
                           {"layers do not divide by stages", 902'222}};
  search.counts.infeasible = {{"memory", 250'222}};
  return search;
}

}  // namespace lockstep::test
