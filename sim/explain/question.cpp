#include "sim/explain/question.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "sim/compute/op_cost.hpp"
#include "topology/failures.hpp"

namespace lockstep {

namespace {

PlanReport not_legal(const Question& question, std::string why) {
  PlanReport report;
  report.plan = question.plan;
  report.cluster = question.cluster;
  report.legal = false;
  report.feasible = false;
  report.infeasible_reason = std::move(why);
  return report;
}

}  // namespace

Question question_of(const Scenario& scenario, const PlanReport& plan) {
  return {scenario.model, scenario.training, plan.cluster, plan.plan};
}

bool is_legal(Question question) {
  const std::int64_t gpus = gpu_count(question.cluster);
  question.plan.data = 0;
  question.plan.data = resolve_data_degree(question.plan, gpus);
  return first_violation(question.model, question.training, question.plan, gpus) == nullptr;
}

PlanReport predicted(Question question) {
  const Gpu& gpu = question.cluster.system.gpu;
  if (peak_rate(gpu, question.training.linear_dtype()).value() <= 0) {
    return not_legal(question, fmt::format("the GPU has no {} matrix units",
                                           to_string(question.training.linear_dtype())));
  }
  const std::int64_t gpus = gpu_count(question.cluster);
  question.plan.data = 0;
  question.plan.data = resolve_data_degree(question.plan, gpus);
  const std::vector<Violation> broken =
      violations(question.model, question.training, question.plan, gpus);
  if (!broken.empty()) return not_legal(question, broken.front().message);
  return predict(question.model, question.training, question.cluster, question.plan);
}

Answer answer(Question question) {
  const PlanReport report = predicted(std::move(question));
  Answer result;
  result.legal = report.legal && std::isfinite(report.step_time_s.value);
  result.feasible = result.legal && report.feasible;
  result.problem = report.infeasible_reason;
  if (!result.legal) return result;
  result.step_time_s = report.step_time_s.value;
  result.tokens_per_s_per_gpu = report.tokens_per_s_per_gpu.value;
  result.peak_memory_bytes = report.peak_memory_bytes.value;
  result.bound = report.bound;
  return result;
}

double seconds_of(const PlanReport& plan, StepPart part) {
  const auto& lines = plan.step.partition;
  const auto line = std::find_if(lines.begin(), lines.end(), [&](const PartitionLine& one) {
    return one.name == line_name(part);
  });
  return line == lines.end() ? 0.0 : line->time.value();
}

std::int64_t domain_size(const Cluster& cluster) {
  return std::min(cluster.system.gpus_per_nvlink_domain, gpu_count(cluster));
}

}  // namespace lockstep
