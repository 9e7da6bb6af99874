#include "sim/sweep.hpp"

#include <algorithm>
#include <utility>

#include "sim/certainty.hpp"
#include "sim/report/insight.hpp"
#include "sim/report/names.hpp"

namespace lockstep {

namespace {

// The plan with what it says of FSDP's units spelled out, and without the constants of its
// software.
Plan without_software(const Plan& plan) {
  Plan slim = plan;
  slim.software = Software{};
  slim.software.name = plan.software.name;
  slim.sync.reshard_after_forward = plan.reshards_after_forward() ? Override::yes : Override::no;
  slim.sync.gradient_bucket_bytes = plan.gradient_bucket_bytes();
  slim.software.fsdp_units_in_flight = plan.units_in_flight();
  slim.sync.prefetch = -1;
  return slim;
}

// "tp8-pp2-dp4-zero1" -> "tp8-pp2-zero1".
std::string without_data_degree(const std::string& name) {
  std::string shape;
  for (std::size_t begin = 0; begin <= name.size();) {
    const std::size_t end = std::min(name.find('-', begin), name.size());
    const std::string piece = name.substr(begin, end - begin);
    const bool data = piece.size() > 2 && piece.rfind("dp", 0) == 0 &&
                      piece.find_first_not_of("0123456789", 2) == std::string::npos;
    if (!data) shape += (shape.empty() ? "" : "-") + piece;
    begin = end + 1;
  }
  return shape;
}

SweepPlan sweep_plan(const Scenario& scenario, const PlanReport& report) {
  SweepPlan plan;
  plan.name = report.plan.name;
  plan.shape = report.plan.name;
  plan.summary = report.legal ? plan_summary(report) : std::string{};
  plan.plan = without_software(report.plan);
  plan.nodes = report.cluster.nodes;
  plan.gpus = report.cluster.gpus;
  plan.legal = report.legal;
  plan.feasible = report.feasible;
  plan.infeasible_reason = report.infeasible_reason;
  plan.bound = report.bound;
  plan.step_time_s = report.step_time_s;
  plan.tokens_per_s_per_gpu = report.tokens_per_s_per_gpu;
  plan.mfu = report.mfu;
  plan.hfu = report.hfu;
  plan.peak_memory_bytes = report.peak_memory_bytes;
  plan.peak_allocated_bytes = report.peak_allocated_bytes;
  plan.usable_memory_bytes = report.usable_memory_bytes;
  plan.fit_probability = report.fit_probability;
  const auto run = [&](double step_time_s) {
    return run_cost(scenario.training, scenario.price, static_cast<double>(plan.gpus), step_time_s);
  };
  plan.run = run(report.step_time_s.value);
  plan.run_low = run(report.step_time_s.low);
  plan.run_high = run(report.step_time_s.high);
  return plan;
}

bool contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// The scenario's plans at a point.
void add_plans(const SweepScenario& input, const SweepRequest& request, SweepPoint& point,
               std::vector<std::string>& not_modelled) {
  const Report report = simulate(*input.scenario, request.plans);
  for (const PlanReport& plan : report.plans) {
    point.plans.push_back(sweep_plan(*input.scenario, plan));
    point.plans.back().data_follows = contains(input.data_follows, plan.plan.name);
  }
  point.ranking = report.ranking;
  for (const PlanComparison& comparison : report.comparisons) {
    if (comparison.faster == report.ranking.front() && is_tie(comparison)) {
      point.ties.push_back(comparison.slower);
    }
  }
  for (const std::string& one : report.not_modelled) {
    if (!contains(not_modelled, one)) not_modelled.push_back(one);
  }
}

// What a search finds at a point.
void add_found(const Scenario& scenario, const PlanFinder& finder, SweepPoint& point,
               std::vector<std::string>& missing) {
  const FoundBest found = finder(scenario);
  if (!found.plan) {
    point.problem = found.why_none;
    return;
  }
  const PlanReport report = predict_with_intervals(
      scenario.model, scenario.training, found.plan->cluster, found.plan->plan, *scenario.evidence);
  point.plans.push_back(sweep_plan(scenario, report));
  point.plans.back().shape = without_data_degree(report.plan.name);
  point.ranking = {0};
  Scenario of_found = scenario;
  of_found.plans = {ScenarioPlan{found.plan->plan, found.plan->cluster, {}, {}}};
  for (const std::string& one : not_modelled(of_found)) {
    if (!contains(missing, one)) missing.push_back(one);
  }
}

SweepPoint empty_point(const SweepScenario& input, const SweepReport& report) {
  SweepPoint point;
  point.values = input.values;
  for (std::size_t i = 0; i < point.values.size(); ++i) {
    const std::optional<SettingField>& field = report.fields[i];
    point.numbers.push_back(field ? setting_number(*field, point.values[i]) : std::nullopt);
  }
  point.problem = input.problem;
  point.nodes = input.nodes;
  point.gpus = input.gpus;
  if (!input.scenario) return point;
  point.global_batch = input.scenario->training.global_batch;
  point.sequence_length = input.scenario->training.sequence_length;
  point.total_tokens = input.scenario->training.total_tokens;
  return point;
}

}  // namespace

const SweepPlan* SweepPoint::best() const {
  if (ranking.empty()) return nullptr;
  const SweepPlan& first = plans[ranking.front()];
  return first.feasible ? &first : nullptr;
}

bool SweepReport::any_feasible() const {
  return std::any_of(points.begin(), points.end(),
                     [](const SweepPoint& point) { return point.best() != nullptr; });
}

SweepReport sweep(const SweepInput& input, const SweepRequest& request, const PlanFinder& finder) {
  SweepReport report;
  report.base = input.base;
  report.request = request;
  for (const SweepAxis& axis : request.axes) report.fields.push_back(setting_field(axis.path));
  std::vector<Diagnostic> refused;  // by the search
  bool searched = false;
  for (const SweepScenario& one : input.points) {
    SweepPoint point = empty_point(one, report);
    if (one.scenario && !request.search) {
      add_plans(one, request, point, report.not_modelled);
    } else if (one.scenario) {
      try {
        add_found(*one.scenario, finder, point, report.not_modelled);
        searched = true;
      } catch (const InputError& error) {
        point.problem = error.diagnostics().front().message;
        if (refused.empty()) refused = error.diagnostics();
      }
    }
    report.points.push_back(std::move(point));
  }
  if (!refused.empty() && !searched) throw InputError(std::move(refused));
  add_curves(report);
  return report;
}

}  // namespace lockstep
