#include "sim/certainty.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <string_view>
#include <utility>

#include "sim/constants.hpp"

namespace lockstep {

namespace {

// Half the width of a central 90 % interval of a normal distribution, in standard deviations.
constexpr double ninety_percent = 1.6448536269514722;

struct NamedConstant {
  std::string path;
  ConstantBase* constant = nullptr;
};

// Logarithms of what a prediction says, so that differences are relative changes.
struct Logs {
  double step = 0;
  double reserved = 0;
  double allocated = 0;
};

Logs logs(const StepTime& step, const PeakMemory& memory) {
  return {std::log(step.total.value()), std::log(memory.worst().reserved.value()),
          std::log(memory.worst().allocated.value())};
}

// The prediction with a constant of the hardware or of the software moved. The workload and the memory know
// nothing of the hardware, so only the software's constants need them anew.
Logs predicted_logs(const Model& model, const Training& training, const Cluster& cluster, const Plan& plan,
                    const PlanReport& base, bool software_moved) {
  if (!software_moved) return logs(step_time(cluster, plan, base.workload), base.memory);
  const Workload workload = lower(model, training, plan);
  return logs(step_time(cluster, plan, workload), peak_memory(plan, workload));
}

double finite_or_zero(double value) { return std::isfinite(value) ? value : 0.0; }

double square(double x) { return x * x; }

Predicted around(double value, double log_deviation) {
  const double factor = std::exp(ninety_percent * log_deviation);
  return {value, value / factor, value * factor};
}

// The catalog entry that a constant belongs to: constants of one path but of two GPUs are two constants.
const std::string& owner(const PlanReport& report, std::string_view path) {
  const std::string_view part = path.substr(0, path.find('.'));
  if (part == "gpu") return report.cluster.system.gpu.name;
  if (part == "software") return report.plan.software.name;
  return report.cluster.system.name;
}

}  // namespace

// What is left of the scatter of published runs around predictions of models that took no part in the fit, when the
// spreads of the constants are taken out. Step time: median error 3.9 %, so one standard deviation of 3.9 / 0.674 =
// 5.8 %, of which the constants explain about 3 %. Memory: median 4.5 %, constants about 3 %.
const Constant<double>& step_time_residual() {
  static const Constant<double> residual{0.05, Provenance::fitted, 0.0,
                                         "leave-one-model-out study of published training runs"};
  return residual;
}

// Models with experts: median error 13.8 % over 55 runs that nothing was fitted to, so 13.8 / 0.674 = 20 %, of which
// the constants of grouped GEMMs and of the exchange explain a part.
const Constant<double>& step_time_residual(const Model& model) {
  static const Constant<double> experts{0.15, Provenance::fitted, 0.0, "published runs with experts, none of them fitted"};
  return model.has_experts() ? experts : step_time_residual();
}

const Constant<double>& memory_residual() {
  static const Constant<double> residual{0.06, Provenance::fitted, 0.0,
                                         "leave-one-model-out study of published peak memory"};
  return residual;
}

double normal_probability(double z) { return 0.5 * std::erfc(-z / std::sqrt(2.0)); }

// First-order propagation in log space: a constant with spread s is moved to c exp(-s), and the effect of one
// standard deviation is e = -ln(prediction(c exp(-s)) / prediction(c)); then sd^2 = sum e^2 + residual^2 and
// the interval is value exp(+-1.645 sd). One-sided, towards the smaller value: that is half the evaluations of
// a central difference, and shares (efficiencies) stay below 1 by themselves. Where the prediction has a kink
// at the constant's value (a communication just hidden), the other side can differ.
PlanReport predict_with_intervals(const Model& model, const Training& training, const Cluster& cluster,
                                  const Plan& plan, const Evidence& /*evidence*/) {
  PlanReport report = predict(model, training, cluster, plan);
  const Logs base = logs(report.step, report.memory);
  const ConstantTable known = constant_table();

  Cluster moved_cluster = cluster;
  Plan moved_plan = plan;
  std::vector<NamedConstant> constants;
  for_each_constant(moved_cluster, moved_plan, [&](const std::string& path, ConstantBase& constant) {
    if (constant.spread > 0 && constant.value != 0) constants.push_back({path, &constant});
  });

  double step = square(*step_time_residual(model));
  double reserved = square(*memory_residual());
  double allocated = square(*memory_residual());
  for (const auto& [path, constant] : constants) {
    const double value = constant->value;
    double moved = value * std::exp(-constant->spread);
    if (const auto info = known.find(path); info != known.end()) {
      const Range range = info->second.range;
      moved = std::clamp(moved, std::min(range.low, value), std::max(range.high, value));
    }
    constant->value = moved;
    const bool software = path.rfind("software.", 0) == 0;
    const Logs at = predicted_logs(model, training, moved_cluster, moved_plan, report, software);
    constant->value = value;

    const double effect = finite_or_zero(base.step - at.step);
    step += square(effect);
    reserved += square(finite_or_zero(base.reserved - at.reserved));
    allocated += square(finite_or_zero(base.allocated - at.allocated));
    if (effect != 0) {
      report.sensitivities.push_back({path, effect, constant->kind, constant->spread, value, constant->source});
    }
  }
  std::sort(report.sensitivities.begin(), report.sensitivities.end(), [](const Sensitivity& a, const Sensitivity& b) {
    const double left = std::abs(a.effect);
    const double right = std::abs(b.effect);
    return left != right ? left > right : a.path < b.path;
  });

  const double step_deviation = std::sqrt(step);
  const double memory_deviation = std::sqrt(reserved);
  report.step_time_s = around(report.step_time_s.value, step_deviation);
  report.tokens_per_s_per_gpu = around(report.tokens_per_s_per_gpu.value, step_deviation);
  report.mfu = around(report.mfu.value, step_deviation);
  report.hfu = around(report.hfu.value, step_deviation);
  report.peak_memory_bytes = around(report.peak_memory_bytes.value, memory_deviation);
  report.peak_allocated_bytes = around(report.peak_allocated_bytes.value, std::sqrt(allocated));
  const double fit_deviation = std::sqrt(reserved + square(cluster.system.gpu.memory_capacity.spread));
  report.fit_probability =
      normal_probability(std::log(report.usable_memory_bytes / report.peak_memory_bytes.value) / fit_deviation);
  return report;
}

PlanComparison compare_plans(const PlanReport& a, const PlanReport& b) {
  // (path, owner) -> effect on a minus effect on b.
  std::map<std::pair<std::string, std::string>, double> differences;
  for (const Sensitivity& s : a.sensitivities) differences[{s.path, owner(a, s.path)}] += s.effect;
  for (const Sensitivity& s : b.sensitivities) differences[{s.path, owner(b, s.path)}] -= s.effect;

  PlanComparison comparison;
  comparison.faster = 0;
  comparison.slower = 1;
  double variance = 2 * square(*step_time_residual());
  double largest = 0;
  for (const auto& [key, difference] : differences) {
    variance += square(difference);
    // Below a hundredth of the residual a constant decides nothing.
    if (std::abs(difference) > std::max(largest, 0.01 * *step_time_residual())) {
      largest = std::abs(difference);
      comparison.decided_by = key.first;
    }
  }
  const double distance = std::log(b.step_time_s.value / a.step_time_s.value);
  comparison.probability = normal_probability(distance / std::sqrt(variance));
  return comparison;
}

}  // namespace lockstep
