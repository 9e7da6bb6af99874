#include "sim/explain/question.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "sim/compute/op_cost.hpp"
#include "sim/explain/changed_settings.hpp"
#include "sim/fit_probability.hpp"

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
  Question question{scenario.model, scenario.training, plan.cluster, plan.plan};
  const Question of_scenario{scenario.model, scenario.training, scenario.cluster, plan.plan};
  if (!changed_settings(of_scenario, question).empty()) {
    question.cluster_path = fmt::format("plans.{}.cluster", plan.plan.name);
  }
  question.evidence = scenario.evidence.get();
  return question;
}

Question with_data_degree(Question question) {
  question.plan.data = 0;
  question.plan.data = resolve_data_degree(question.plan, gpu_count(question.cluster));
  return question;
}

bool is_legal(const Question& question) {
  const Question asked = with_data_degree(question);
  return first_violation(asked.model, asked.training, asked.plan, gpu_count(asked.cluster)) == nullptr;
}

PlanReport predicted(const Question& question) {
  const Question asked = with_data_degree(question);
  const Dtype dtype = asked.training.linear_dtype();
  if (peak_rate(asked.cluster.system.gpu, dtype).value() <= 0) {
    return not_legal(asked, fmt::format("the GPU has no {} matrix units", to_string(dtype)));
  }
  const std::vector<Violation> broken =
      violations(asked.model, asked.training, asked.plan, gpu_count(asked.cluster));
  if (!broken.empty()) return not_legal(asked, broken.front().message);
  PlanReport report = predict(asked.model, asked.training, asked.cluster, asked.plan);
  if (!std::isfinite(report.step_time_s.value)) report.legal = false;
  return report;
}

namespace {

// Far below its capacity a GPU holds a plan for sure, far above it never; between them the
// uncertainty of memory counts.
double fit_probability_of(const Question& question, const PlanReport& report) {
  constexpr double surely = 0.6;
  constexpr double never = 1.6;
  const double full = report.peak_memory_bytes.value / report.usable_memory_bytes;
  if (question.evidence == nullptr || full < surely || full > never) return full <= 1 ? 1 : 0;
  FitProbability fits(question.model, question.training, question.cluster, *question.evidence);
  return fits.of(report.plan);
}

}  // namespace

Answer answer(const Question& question) {
  const PlanReport report = predicted(question);
  Answer result;
  result.legal = report.legal;
  result.feasible = result.legal && report.feasible;
  result.problem = report.infeasible_reason;
  if (!result.legal) return result;
  result.step_time_s = report.step_time_s.value;
  result.tokens_per_s_per_gpu = report.tokens_per_s_per_gpu.value;
  result.peak_memory_bytes = report.peak_memory_bytes.value;
  result.fit_probability = fit_probability_of(question, report);
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
