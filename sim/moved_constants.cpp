#include "sim/moved_constants.hpp"

#include <algorithm>
#include <cmath>
#include <string_view>
#include <utility>

#include "scenarios/constant_table.hpp"
#include "sim/engine/step_evaluator.hpp"

namespace lockstep {

namespace {

// Logarithms of what a prediction says, so that differences are relative changes.
struct Logs {
  double step = 0;
  double reserved = 0;
  double allocated = 0;
};

struct Moved {
  std::string path;
  ConstantBase* constant = nullptr;  // of the evaluator
  ConstantBase base;
  Range range;
  Logs effect;           // of one spread upwards
  bool in_engine = true; // drawn by evaluating; false: of first order
  Draws x{};             // ln(drawn / base)
};

double finite_or_zero(double value) { return std::isfinite(value) ? value : 0.0; }

bool is_software(const std::string& path) { return path.rfind("software.", 0) == 0; }

const ConstantTable& known_constants() {
  static const ConstantTable table = constant_table();
  return table;
}

Logs memory_logs(const PeakMemory& memory) {
  return {0, std::log(memory.worst().reserved.value()), std::log(memory.worst().allocated.value())};
}

// ln(factor) of a parameter at each draw: its row of L times the parameters' own draws.
Draws draws_of_parameter(const FittedParameters& fitted, std::size_t parameter) {
  Draws sum{};
  for (std::size_t k = 0; k <= parameter; ++k) {
    const double factor = fitted.deviation[parameter * fitted.size() + k];
    if (factor == 0) continue;
    const Draws z = draws_of(fitted.parameters[k].name);
    for (std::size_t i = 0; i < draw_count; ++i) sum[i] += factor * z[i];
  }
  return sum;
}

class Propagation {
 public:
  Propagation(const Model& model, const Training& training, const Cluster& cluster,
              const Plan& plan, const PlanReport& base)
      : model_(model),
        training_(training),
        base_(base),
        base_memory_(memory_logs(base.memory)),
        evaluator_(cluster, plan, base.workload) {
    for_each_constant(evaluator_.cluster(), evaluator_.plan(),
                      [&](const std::string& path, ConstantBase& constant) {
                        if (constant.spread > 0 && constant.value != 0) add(path, constant);
                      });
    base_step_ = std::log(evaluator_.total());
  }

  PredictionDraws run(const FittedParameters& fitted) {
    PredictionDraws result;
    for (Moved& moved : constants_) {
      measure(moved);
      draw(moved, fitted);
      if (moved.effect.step == 0) continue;
      result.sensitivities.push_back({moved.path, moved.effect.step, moved.base.kind,
                                      moved.base.spread, moved.base.value, moved.base.source});
    }
    for (std::size_t i = 0; i < draw_count; ++i) {
      const Logs at = at_draw(i);
      result.step[i] = at.step;
      result.reserved[i] = at.reserved;
      result.allocated[i] = at.allocated;
    }
    return result;
  }

 private:
  void add(const std::string& path, ConstantBase& constant) {
    Moved moved;
    moved.path = path;
    moved.constant = &constant;
    moved.base = constant;
    const auto known = known_constants().find(path);
    if (known != known_constants().end()) moved.range = known->second.range;
    // A value outside what is physical stays where it is at most.
    moved.range.low = std::min(moved.range.low, constant.value);
    moved.range.high = std::max(moved.range.high, constant.value);
    moved.in_engine = !StepEvaluator::moves_routes(path);
    constants_.push_back(std::move(moved));
  }

  static double inside(const Moved& moved, double x) {
    return std::clamp(moved.base.value * std::exp(x), moved.range.low, moved.range.high);
  }

  // One constant moved by one spread to its smaller value, all others as they are. One-sided: shares
  // (efficiencies) stay below 1 by themselves. Where the prediction has a kink at the constant's
  // value (a communication just hidden), the other side can differ.
  void measure(Moved& moved) {
    const double value = inside(moved, -moved.base.spread);
    if (value == moved.base.value) return;
    const Plan& plan = evaluator_.plan();
    bool followed = true;
    Workload workload;
    moved.constant->value = value;
    if (is_software(moved.path)) {
      workload = lower(model_, training_, plan);
      const Logs memory = memory_logs(peak_memory(plan, workload));
      moved.effect.reserved = finite_or_zero(base_memory_.reserved - memory.reserved);
      moved.effect.allocated = finite_or_zero(base_memory_.allocated - memory.allocated);
      moved.constant->value = moved.base.value;
      followed = evaluator_.follow(*moved.constant, value, workload);
      moved.constant->value = value;
    }
    moved.in_engine = moved.in_engine && followed;
    double step = 0;
    if (moved.in_engine) {
      step = evaluator_.total();
    } else {
      const Workload& at = is_software(moved.path) ? workload : base_.workload;
      step = step_time(evaluator_.cluster(), plan, at).total.value();
    }
    moved.constant->value = moved.base.value;
    const double from = moved.in_engine ? base_step_ : std::log(base_.step.total.value());
    moved.effect.step = finite_or_zero(from - std::log(step));
  }

  void draw(Moved& moved, const FittedParameters& fitted) {
    const std::size_t parameter = moved.base.fit.empty() ? fitted.size()
                                                         : fitted.index(moved.base.fit);
    const bool is_fitted = parameter < fitted.size();
    if (is_fitted) moved.x = parameter_draws(fitted, parameter);
    const double own = is_fitted ? moved.base.own_spread : moved.base.spread;
    if (own <= 0) return;
    const Draws z = draws_of(
        moved.path + '\n' + owner(evaluator_.cluster(), evaluator_.plan(), moved.path));
    for (std::size_t i = 0; i < draw_count; ++i) moved.x[i] += own * z[i];
  }

  // ln(factor) of a parameter at each draw: its row of L times the parameters' own draws.
  const Draws& parameter_draws(const FittedParameters& fitted, std::size_t parameter) {
    parameters_.resize(fitted.size());
    shared_.resize(fitted.size());
    if (!parameters_[parameter].empty()) return parameters_[parameter].front();
    Draws sum{};
    for (std::size_t k = 0; k <= parameter; ++k) {
      const double factor = fitted.deviation[parameter * fitted.size() + k];
      if (factor == 0) continue;
      if (shared_[k].empty()) shared_[k].push_back(draws_of(fitted.parameters[k].name));
      const Draws& z = shared_[k].front();
      for (std::size_t i = 0; i < draw_count; ++i) sum[i] += factor * z[i];
    }
    parameters_[parameter].push_back(sum);
    return parameters_[parameter].front();
  }

  Logs at_draw(std::size_t i) {
    Logs logs;
    for (const Moved& moved : constants_) {
      const double spreads = moved.x[i] / moved.base.spread;
      logs.reserved += moved.effect.reserved * spreads;
      logs.allocated += moved.effect.allocated * spreads;
      if (moved.in_engine) {
        moved.constant->value = inside(moved, moved.x[i]);
      } else {
        logs.step += moved.effect.step * spreads;
      }
    }
    logs.step += finite_or_zero(std::log(evaluator_.total()) - base_step_);
    return logs;
  }

  const Model& model_;
  const Training& training_;
  const PlanReport& base_;
  Logs base_memory_;
  double base_step_ = 0;
  StepEvaluator evaluator_;
  std::vector<Moved> constants_;
  std::vector<std::vector<Draws>> parameters_;  // of the fit; empty or one
  std::vector<std::vector<Draws>> shared_;      // of their own; empty or one
};

}  // namespace

const std::string& owner(const Cluster& cluster, const Plan& plan, std::string_view path) {
  const std::string_view part = path.substr(0, path.find('.'));
  if (part == "gpu") return cluster.system.gpu.name;
  if (part == "software") return plan.software.name;
  return cluster.system.name;
}

Draws draws_of_constant(const std::string& path, const ConstantBase& constant,
                        const std::string& owner, const FittedParameters& fitted) {
  const std::size_t parameter =
      constant.fit.empty() ? fitted.size() : fitted.index(constant.fit);
  const bool is_fitted = parameter < fitted.size();
  Draws x{};
  if (is_fitted) x = draws_of_parameter(fitted, parameter);
  const double own = is_fitted ? constant.own_spread : constant.spread;
  if (own <= 0) return x;
  const Draws z = draws_of(path + '\n' + owner);
  for (std::size_t i = 0; i < draw_count; ++i) x[i] += own * z[i];
  return x;
}

PredictionDraws draw_predictions(const Model& model, const Training& training,
                                 const Cluster& cluster, const Plan& plan, const PlanReport& base,
                                 const FittedParameters& fitted) {
  return Propagation(model, training, cluster, plan, base).run(fitted);
}

}  // namespace lockstep
