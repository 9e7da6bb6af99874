#include <fmt/format.h>

#include "sim/report/render.hpp"

namespace lockstep {

namespace {

// RFC 4180: quoted where it holds a comma, a quote or a line break.
std::string quoted(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string result = "\"";
  for (const char c : text) {
    if (c == '"') result += '"';
    result += c;
  }
  return result + '"';
}

// The shortest text that reads back as the same number.
std::string number(double value) { return fmt::format("{}", value); }

std::string predicted(const PlanReport& plan, const Predicted& p) {
  if (!plan.legal) return ",,";
  return fmt::format("{},{},{}", number(p.value), number(p.low), number(p.high));
}

std::string heading(const char* name) { return fmt::format("{0},{0}_low,{0}_high", name); }

}  // namespace

std::string report_csv(const Report& report) {
  std::string text = fmt::format(
      "plan,rank,feasible,{},{},{},{},{},{},usable_memory_bytes,fit_probability,model_flops_per_step,gpus,bound,"
      "infeasible_reason\n",
      heading("step_time_s"), heading("tokens_per_s_per_gpu"), heading("mfu"), heading("hfu"),
      heading("peak_memory_bytes"), heading("peak_allocated_bytes"));
  for (std::size_t place = 0; place < report.ranking.size(); ++place) {
    const PlanReport& plan = report.plans.at(report.ranking[place]);
    const auto of_legal = [&](double value) { return plan.legal ? number(value) : std::string{}; };
    text += fmt::format("{},{},{},{},{},{},{},{},{},{},{},{},{},{},{}\n", quoted(plan.plan.name), place + 1,
                        plan.feasible, predicted(plan, plan.step_time_s), predicted(plan, plan.tokens_per_s_per_gpu),
                        predicted(plan, plan.mfu), predicted(plan, plan.hfu), predicted(plan, plan.peak_memory_bytes),
                        predicted(plan, plan.peak_allocated_bytes), of_legal(plan.usable_memory_bytes),
                        of_legal(plan.fit_probability), of_legal(plan.workload.model_flops), plan.cluster.gpus,
                        quoted(plan.bound), quoted(plan.infeasible_reason));
  }
  return text;
}

}  // namespace lockstep
