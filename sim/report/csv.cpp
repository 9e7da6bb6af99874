#include <fmt/format.h>

#include "sim/report/insight.hpp"
#include "sim/report/plan_csv.hpp"
#include "sim/report/render.hpp"

namespace lockstep {

// RFC 4180.
std::string csv_quoted(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string result = "\"";
  for (const char c : text) {
    if (c == '"') result += '"';
    result += c;
  }
  return result + '"';
}

namespace {

// The shortest text that reads back as the same number.
std::string number(double value) { return fmt::format("{}", value); }

std::string predicted(const PlanReport& plan, const Predicted& p) {
  if (!plan.legal) return ",,";
  return fmt::format("{},{},{}", number(p.value), number(p.low), number(p.high));
}

std::string heading(const char* name) { return fmt::format("{0},{0}_low,{0}_high", name); }

}  // namespace

std::string plan_csv_heading() {
  return fmt::format(
      "{},{},{},{},{},{},usable_memory_bytes,fit_probability,model_flops_per_step,gpus,bound,"
      "infeasible_reason,{},{},{},{}",
      heading("step_time_s"), heading("tokens_per_s_per_gpu"), heading("mfu"), heading("hfu"),
      heading("peak_memory_bytes"), heading("peak_allocated_bytes"), heading("days"), heading("gpu_hours"),
      heading("cost"), heading("cost_per_million_tokens"));
}

std::string plan_csv(const Scenario& scenario, const PlanReport& plan) {
  constexpr double hour = 3600;
  constexpr double day = 24 * hour;
  const RunLength run = run_length(scenario, plan);
  const auto of_legal = [&](double value) { return plan.legal ? number(value) : std::string{}; };
  const auto of_run = [&](const Predicted& p, double unit, bool known) {
    if (!known) return std::string(",,");
    return predicted(plan, {p.value / unit, p.low / unit, p.high / unit});
  };
  const bool priced = scenario.price.stated();
  return fmt::format(
      "{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{}", predicted(plan, plan.step_time_s),
      predicted(plan, plan.tokens_per_s_per_gpu), predicted(plan, plan.mfu), predicted(plan, plan.hfu),
      predicted(plan, plan.peak_memory_bytes), predicted(plan, plan.peak_allocated_bytes),
      of_legal(plan.usable_memory_bytes), of_legal(plan.fit_probability), of_legal(plan.workload.model_flops),
      plan.cluster.gpus, csv_quoted(plan.bound), csv_quoted(plan.infeasible_reason),
      of_run(run.time_s, day, run.steps > 0), of_run(run.gpu_time_s, hour, run.steps > 0),
      of_run(run.cost, 1, run.steps > 0 && priced), of_run(run.cost_per_million_tokens, 1, priced));
}

std::string report_csv(const Report& report) {
  std::string text = fmt::format("plan,rank,feasible,{}\n", plan_csv_heading());
  for (std::size_t place = 0; place < report.ranking.size(); ++place) {
    const PlanReport& plan = report.plans.at(report.ranking[place]);
    text += fmt::format("{},{},{},{}\n", csv_quoted(plan.plan.name), place + 1, plan.feasible,
                        plan_csv(report.scenario, plan));
  }
  return text;
}

}  // namespace lockstep
