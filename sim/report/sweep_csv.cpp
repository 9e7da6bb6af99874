#include <fmt/format.h>

#include "sim/report/plan_csv.hpp"
#include "sim/report/sweep_report.hpp"

namespace lockstep {

namespace {

// The shortest text that reads back as the same number.
std::string number(double value) {
  return fmt::format("{}", value);
}

std::string if_known(bool known, double value) {
  return known ? number(value) : std::string{};
}

std::string three(const char* name) {
  return fmt::format(",{0},{0}_low,{0}_high", name);
}

std::string three(bool known, double value, double low, double high) {
  if (!known) return ",,,";
  return fmt::format(",{},{},{}", number(value), number(low), number(high));
}

std::string three(bool known, const Predicted& p) {
  return three(known, p.value, p.low, p.high);
}

std::string heading(const SweepReport& report) {
  std::string text;
  for (const SweepAxis& axis : report.request.axes) {
    text += fmt::format("{},{},", csv_quoted(axis.path), csv_quoted(axis.path + "_value"));
  }
  text += "nodes,gpus,global_batch,sequence_length,plan,rank,best,legal,feasible";
  for (const char* name :
       {"step_time_s", "tokens_per_s_per_gpu", "mfu", "hfu", "peak_memory_bytes",
        "peak_allocated_bytes", "days", "gpu_hours", "cost", "cost_per_million_tokens"}) {
    text += three(name);
  }
  return text + ",usable_memory_bytes,fit_probability,efficiency,bound,reason\n";
}

std::string values_of(const SweepPoint& point) {
  std::string text;
  for (std::size_t i = 0; i < point.values.size(); ++i) {
    text += csv_quoted(point.values[i]) + ',' +
            (point.numbers[i] ? number(*point.numbers[i]) : std::string{}) + ',';
  }
  return text;
}

std::string row_of(const SweepPoint& point, const SweepPlan& plan, std::size_t place, bool priced) {
  const bool run = plan.legal && plan.run.steps > 0;
  const auto of_run = [&](bool known, double RunCost::*part) {
    return three(known, plan.run.*part, plan.run_low.*part, plan.run_high.*part);
  };
  std::string text = fmt::format("{},{},{},{},{},{},{},{},{}", plan.nodes, plan.gpus,
                                 point.global_batch, point.sequence_length, csv_quoted(plan.name),
                                 place + 1, &plan == point.best(), plan.legal, plan.feasible);
  text += three(plan.legal, plan.step_time_s) + three(plan.legal, plan.tokens_per_s_per_gpu) +
          three(plan.legal, plan.mfu) + three(plan.legal, plan.hfu) +
          three(plan.legal, plan.peak_memory_bytes) + three(plan.legal, plan.peak_allocated_bytes);
  text += of_run(run, &RunCost::days) + of_run(run, &RunCost::gpu_hours) +
          of_run(run && priced, &RunCost::cost) +
          of_run(plan.legal && priced, &RunCost::cost_per_million_tokens);
  return text + fmt::format(",{},{},{},{},{}\n", if_known(plan.legal, plan.usable_memory_bytes),
                            if_known(plan.legal, plan.fit_probability),
                            if_known(plan.efficiency > 0, plan.efficiency), csv_quoted(plan.bound),
                            csv_quoted(plan.infeasible_reason));
}

// A point without plans: what is known, and why there are none.
std::string empty_row(const SweepPoint& point) {
  const auto known = [](std::int64_t value) {
    return value > 0 ? std::to_string(value) : std::string{};
  };
  constexpr std::size_t threes = 10;
  std::string text =
      fmt::format("{},{},{},{},,,false,false,false", known(point.nodes), known(point.gpus),
                  known(point.global_batch), known(point.sequence_length));
  text += std::string(3 * threes, ',');
  return text + fmt::format(",,,,,{}\n", csv_quoted(point.problem));
}

}  // namespace

std::string sweep_csv(const SweepReport& report) {
  std::string text = heading(report);
  for (const SweepPoint& point : report.points) {
    const std::string values = values_of(point);
    if (point.plans.empty()) text += values + empty_row(point);
    for (std::size_t place = 0; place < point.ranking.size(); ++place) {
      text += values +
              row_of(point, point.plans[point.ranking[place]], place, report.base.price.stated());
    }
  }
  return text;
}

}  // namespace lockstep
