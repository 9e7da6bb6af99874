#include "sim/explain/sensitivity.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "sim/explain/scalars.hpp"
#include "sim/explain/step_curve.hpp"

namespace lockstep {

namespace {

constexpr double least_effect = 1e-6;
constexpr double kink_matters = 2e-3;  // elasticity below which no kink is looked for
constexpr std::int64_t count_reach = 4;

// Parts of the step around a kink say what begins or ends there.
constexpr double beside_kink = 0.02;  // of ln x

double relative(double now, double then) { return then / now - 1; }

class Scan {
 public:
  Scan(const Question& question, const PlanReport& report)
      : question_(question),
        report_(report),
        curves_(question, report),
        time_per_token_(1 / report.tokens_per_s_per_gpu.value) {}

  Sensitivities run() {
    for (const Dial& one : dials(question_)) add(of_dial(one));
    for (const Count& one : counts(question_)) add(of_count(one));
    std::stable_sort(
        result_.scalars.begin(), result_.scalars.end(),
        [](const ScalarEffect& a, const ScalarEffect& b) { return a.largest() > b.largest(); });
    return std::move(result_);
  }

 private:
  void add(ScalarEffect effect) {
    if (effect.largest() >= least_effect) {
      result_.scalars.push_back(std::move(effect));
    } else {
      result_.without_effect.push_back(effect.path);
    }
  }

  // The step at a value of the dial; of constants without lowering the plan again.
  double seconds_at(const Dial& one, double value) {
    if (curves_.has(one.path)) return curves_.at(one.path, value);
    Question question = question_;
    one.in(question) = value;
    return answer(std::move(question)).step_time_s;
  }

  [[nodiscard]] bool physical(const Dial& one, double value) const {
    const Range& range = one.range;
    return value <= range.high && (range.low_exclusive ? value > range.low : value >= range.low);
  }

  std::optional<ScalarSide> side_of(const Dial& one, double now, double factor) {
    const double value = now * factor;
    if (!physical(one, value)) return std::nullopt;
    ScalarSide side;
    side.value = value;
    Question question = question_;
    one.in(question) = value;
    // Memory comes from the plan, its software and the GPU's capacity; of all else only the time moves.
    const bool moves_memory = one.owner == ScalarOwner::software ||
                              one.path == "gpu.memory_capacity" || !curves_.has(one.path);
    if (moves_memory) {
      side.answer = answer(std::move(question));
      if (!side.answer.legal) return side;
    } else {
      side.answer = as_it_is();
      side.answer.step_time_s = curves_.at(one.path, value);
      side.answer.tokens_per_s_per_gpu *= report_.step_time_s.value / side.answer.step_time_s;
    }
    set_effect(side, now);
    return side;
  }

  [[nodiscard]] Answer as_it_is() const {
    Answer now;
    now.legal = true;
    now.feasible = report_.feasible;
    now.problem = report_.infeasible_reason;
    now.step_time_s = report_.step_time_s.value;
    now.tokens_per_s_per_gpu = report_.tokens_per_s_per_gpu.value;
    now.peak_memory_bytes = report_.peak_memory_bytes.value;
    now.bound = report_.bound;
    return now;
  }

  void set_effect(ScalarSide& side, double now) const {
    side.effect = relative(time_per_token_, 1 / side.answer.tokens_per_s_per_gpu);
    side.elasticity = std::log1p(side.effect) / std::log(side.value / now);
  }

  ScalarEffect of_dial(const Dial& one) {
    ScalarEffect effect;
    effect.path = one.path;
    effect.setting = one.setting;
    effect.owner = one.owner;
    effect.dimension = one.dimension;
    Question question = question_;
    effect.value = one.in(question);
    effect.down = side_of(one, effect.value, 1 - scalar_step);
    effect.up = side_of(one, effect.value, 1 + scalar_step);
    const auto steep = [](const std::optional<ScalarSide>& side) {
      return side && side->answer.legal && std::abs(side->elasticity) >= kink_matters;
    };
    if (steep(effect.down) || steep(effect.up)) effect.kink = kink_of(one, effect.value);
    return effect;
  }

  std::optional<ScalarKink> kink_of(const Dial& one, double now) {
    double least = 1 / kink_reach;
    double most = kink_reach;
    if (one.range.low > 0) least = std::clamp(one.range.low / now, least, 1.0);
    most = std::clamp(one.range.high / now, 1.0, most);
    const std::optional<Kink> kink = nearest_kink(
        [&](double factor) { return seconds_at(one, now * factor); }, least, most);
    if (!kink) return std::nullopt;
    return ScalarKink{now * kink->factor, kink->factor, what_changes(one, now, *kink)};
  }

  PlanReport predicted_at(const Dial& one, double value) {
    Question question = question_;
    one.in(question) = value;
    return predicted(std::move(question));
  }

  // The part of the step whose slope changes most at the kink.
  std::string what_changes(const Dial& one, double now, const Kink& kink) {
    const double away = kink.factor < 1 ? -beside_kink : beside_kink;
    const PlanReport before = predicted_at(one, now * kink.factor * std::exp(-away));
    const PlanReport at = predicted_at(one, now * kink.factor);
    const PlanReport after = predicted_at(one, now * kink.factor * std::exp(away));
    double largest = 0;
    std::string words;
    for (std::size_t i = 0; i < static_cast<std::size_t>(StepPart::count); ++i) {
      const auto part = static_cast<StepPart>(i);
      const double left = seconds_of(before, part);
      const double middle = seconds_of(at, part);
      const double right = seconds_of(after, part);
      const double bend = std::abs(left - 2 * middle + right);
      if (bend <= largest) continue;
      largest = bend;
      const double none = 1e-9 * at.step_time_s.value;
      const char* verb = left <= none ? "begins" : right <= none ? "ends" : "changes its slope";
      words = fmt::format("{} {}", line_name(part), verb);
    }
    if (kink.jump != 0) {
      words = fmt::format("the step jumps {} by {:.1f} %", kink.jump < 0 ? "down" : "up",
                          100 * std::abs(std::expm1(kink.jump)));
    }
    return words;
  }

  ScalarEffect of_count(const Count& one) {
    ScalarEffect effect;
    effect.path = one.path;
    effect.setting = one.setting;
    effect.owner = one.owner;
    effect.whole = true;
    Question question = question_;
    const std::int64_t now = one.in(question);
    effect.value = static_cast<double>(now);
    const std::int64_t nearest_below = one.doubles ? now / 2 : now - 1;
    const std::int64_t nearest_above = one.doubles ? 2 * now : now + 1;
    for (std::int64_t value = nearest_below; value >= 1 && value * count_reach >= now; --value) {
      if ((effect.down = legal_side(one, now, value)) || one.doubles) break;
    }
    for (std::int64_t value = nearest_above; value <= now * count_reach; ++value) {
      if ((effect.up = legal_side(one, now, value)) || one.doubles) break;
    }
    return effect;
  }

  std::optional<ScalarSide> legal_side(const Count& one, std::int64_t now, std::int64_t value) {
    Question question = question_;
    one.in(question) = value;
    if (!is_legal(question)) return std::nullopt;
    ScalarSide side;
    side.value = static_cast<double>(value);
    side.answer = answer(std::move(question));
    if (!side.answer.legal) return std::nullopt;
    set_effect(side, static_cast<double>(now));
    return side;
  }

  const Question& question_;
  const PlanReport& report_;
  StepCurves curves_;
  double time_per_token_;
  Sensitivities result_;
};

}  // namespace

const char* to_string(ScalarOwner owner) {
  switch (owner) {
    case ScalarOwner::hardware: return "hardware";
    case ScalarOwner::software: return "software";
    case ScalarOwner::training: return "training";
    case ScalarOwner::plan: return "plan";
  }
  return "";
}

double ScalarEffect::largest() const {
  const auto size = [](const std::optional<ScalarSide>& side) {
    return side && side->answer.legal ? std::abs(side->effect) : 0.0;
  };
  return std::max(size(down), size(up));
}

bool ScalarEffect::symmetric() const {
  if (!down || !up || !down->answer.legal || !up->answer.legal) return true;
  const double difference = std::abs(down->elasticity - up->elasticity);
  return difference <= 0.02 + 0.1 * std::max(std::abs(down->elasticity), std::abs(up->elasticity));
}

Sensitivities sensitivities_of(const Question& question, const PlanReport& report) {
  return Scan(question, report).run();
}

}  // namespace lockstep
