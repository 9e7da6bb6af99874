#include "sim/certainty.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <string_view>
#include <utility>

#include "sim/evidence_distance.hpp"
#include "sim/moved_constants.hpp"
#include "sim/nearest.hpp"
#include "sim/residual.hpp"

namespace lockstep {

namespace {

constexpr double tail = 0.05;  // on either side of a 90 % interval
constexpr double settled = 1e-10;

double square(double x) { return x * x; }

double side(double x, double lower, double upper) {
  const double deviation = x < 0 ? lower : upper;
  if (deviation > 0) return normal_probability(x / deviation);
  return x < 0 ? 0.0 : x > 0 ? 1.0 : 0.5;
}

// The interval of a value around which ln(true / value) is distributed so. A one-sided
// distribution still holds the value that was predicted.
Predicted interval(double value, const Draws& draws, double lower, double upper) {
  const double low = std::min(0.0, mixture_quantile(draws, lower, upper, tail));
  const double high = std::max(0.0, mixture_quantile(draws, lower, upper, 1 - tail));
  return {value, value * std::exp(low), value * std::exp(high)};
}

// Of what is inversely proportional to the step time.
Predicted inverse(double value, const Predicted& step) {
  return {value, value * (step.value / step.high), value * (step.value / step.low)};
}

double peculiar_variance(const StepDistribution& plan, bool share) {
  const double variance = 0.5 * (square(plan.lower) + square(plan.upper));
  return share ? plan.peculiar * variance : variance;
}

// Not zero: two equal predictions are as likely the one as the other.
constexpr double no_residual = 1e-6;

bool same_plan(const Plan& a, const Plan& b) {
  return a.tensor == b.tensor && a.pipeline.stages == b.pipeline.stages &&
         a.pipeline.interleave == b.pipeline.interleave && a.data == b.data &&
         a.context.degree == b.context.degree && a.expert.degree == b.expert.degree &&
         a.micro_batch == b.micro_batch && a.sharding == b.sharding &&
         a.shard_group == b.shard_group && a.recompute == b.recompute &&
         a.sequence_parallel == b.sequence_parallel;
}

// Path of the constant whose effects on the two plans differ most; "" if none matters.
std::string deciding(const PlanReport& a, const PlanReport& b, double residual) {
  // (path, owner) -> effect on a minus effect on b.
  std::map<std::pair<std::string, std::string>, double> differences;
  for (const Sensitivity& s : a.sensitivities) differences[{s.path, owner(a.cluster, a.plan, s.path)}] += s.effect;
  for (const Sensitivity& s : b.sensitivities) differences[{s.path, owner(b.cluster, b.plan, s.path)}] -= s.effect;
  // Below a hundredth of the residual a constant decides nothing.
  double largest = 0.01 * residual;
  std::string path;
  for (const auto& [key, difference] : differences) {
    if (std::abs(difference) <= largest) continue;
    largest = std::abs(difference);
    path = key.first;
  }
  return path;
}

}  // namespace

double fit_probability(const Draws& draws, const Residual& residual, const Gpu& gpu,
                       double reserved) {
  const double capacity = gpu.memory_capacity.spread;
  return mixture_probability(draws, std::hypot(residual.lower, capacity),
                             std::hypot(residual.upper, capacity),
                             std::log(gpu.memory_capacity.value / reserved));
}

double normal_probability(double z) { return 0.5 * std::erfc(-z / std::sqrt(2.0)); }

double mixture_probability(const Draws& draws, double lower, double upper, double x) {
  double sum = 0;
  for (const double draw : draws) sum += side(x - draw, lower, upper);
  return sum / static_cast<double>(draw_count);
}

// By bisection: the distribution function is monotone.
double mixture_quantile(const Draws& draws, double lower, double upper, double p) {
  constexpr double all = 9.0;  // standard deviations beyond which nothing lies
  const auto [least, most] = std::minmax_element(draws.begin(), draws.end());
  double low = *least - all * lower;
  double high = *most + all * upper;
  while (high - low > settled) {
    const double middle = 0.5 * (low + high);
    (mixture_probability(draws, lower, upper, middle) < p ? low : high) = middle;
  }
  return 0.5 * (low + high);
}

PlanReport predict_with_intervals(const Model& model, const Training& training,
                                  const Cluster& cluster, const Plan& plan,
                                  const Evidence& evidence) {
  PlanReport report = predict(model, training, cluster, plan);
  const EvidenceRow here = described(model, training, cluster, plan);
  const Residual step = residual_at(evidence.step, evidence.rows, Subject::step_time, here);
  const Residual memory = residual_at(evidence.memory, evidence.rows, Subject::peak_memory, here);
  PredictionDraws draws;
  if (std::isfinite(report.step_time_s.value)) {
    draws = draw_predictions(model, training, cluster, plan, report, evidence.fitted);
  }
  report.distribution = {draws.step, step.lower, step.upper, step.peculiar};
  report.nearest = nearest_runs(evidence.rows, here);
  report.known_setting = !step.unknown;
  report.sensitivities = std::move(draws.sensitivities);
  std::sort(report.sensitivities.begin(), report.sensitivities.end(),
            [](const Sensitivity& a, const Sensitivity& b) {
              const double left = std::abs(a.effect);
              const double right = std::abs(b.effect);
              return left != right ? left > right : a.path < b.path;
            });

  if (std::isfinite(report.step_time_s.value)) {
    report.step_time_s = interval(report.step_time_s.value, draws.step, step.lower, step.upper);
    report.tokens_per_s_per_gpu = inverse(report.tokens_per_s_per_gpu.value, report.step_time_s);
    report.mfu = inverse(report.mfu.value, report.step_time_s);
    report.hfu = inverse(report.hfu.value, report.step_time_s);
  }
  report.peak_memory_bytes =
      interval(report.peak_memory_bytes.value, draws.reserved, memory.lower, memory.upper);
  report.peak_allocated_bytes =
      interval(report.peak_allocated_bytes.value, draws.allocated, memory.lower, memory.upper);
  report.fit_probability = fit_probability(draws.reserved, memory, report.cluster.system.gpu,
                                           report.peak_memory_bytes.value);
  return report;
}

PlanComparison compare_plans(const PlanReport& a, const PlanReport& b) {
  PlanComparison comparison;
  comparison.faster = 0;
  comparison.slower = 1;
  const bool share = a.plan.software.name == b.plan.software.name &&
                     a.cluster.system.gpu.name == b.cluster.system.gpu.name;
  // One plan on two clusters: the model errs on both alike, and what remains is in the draws.
  const double residual =
      share && same_plan(a.plan, b.plan)
          ? no_residual
          : std::sqrt(peculiar_variance(a.distribution, share) +
                      peculiar_variance(b.distribution, share));
  Draws difference{};
  for (std::size_t i = 0; i < draw_count; ++i) {
    difference[i] = a.distribution.draws[i] - b.distribution.draws[i];
  }
  const double distance = std::log(b.step_time_s.value / a.step_time_s.value);
  comparison.probability = mixture_probability(difference, residual, residual, distance);
  comparison.decided_by = deciding(a, b, residual);
  return comparison;
}

}  // namespace lockstep
