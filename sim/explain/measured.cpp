#include "sim/explain/measured.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "scenarios/constant_table.hpp"
#include "sim/certainty.hpp"
#include "sim/explain/changed_settings.hpp"
#include "sim/explain/ledger.hpp"
#include "sim/explain/scalars.hpp"
#include "sim/explain/step_curve.hpp"
#include "sim/report/numbers.hpp"

namespace lockstep {

namespace {

// An event is given the odds of so many standard deviations: about one run in twenty is not what its
// scenario says. Else one of many events would fit every gap by chance.
constexpr double event_odds = 2.0;
constexpr double least_explained = 0.5;
constexpr double most_explained = 1.5;
constexpr double reach = 16;  // factors of a constant that are tried
constexpr double settled = 1e-9;
constexpr std::size_t most_hypotheses = 12;
constexpr std::size_t fewest_hypotheses = 3;  // as far as there are so many
constexpr double incredible = 6;              // standard deviations
constexpr double nearly_all = 0.9;            // of the gap, which a constant explains alone
constexpr double looks_like_a_slip = 10;      // factor of a measurement over the prediction
constexpr double no_gap = 1e-9;
constexpr std::size_t most_named = 3;  // the most plausible, where a command is named

double plausibility_of(double deviations) { return std::erfc(deviations / std::sqrt(2.0)); }

// Standard deviation of ln(true / predicted) on one side: constants and residual.
double deviation_of(const PlanReport& report, bool above) {
  double squares = 0;
  for (const double draw : report.distribution.draws) squares += draw * draw;
  const double constants = std::sqrt(squares / static_cast<double>(draw_count));
  return std::hypot(constants, above ? report.distribution.upper : report.distribution.lower);
}

class Search {
 public:
  Search(const Question& question, const PlanReport& report, const Measured& measured,
         const std::string& scenario_file)
      : question_(question),
        report_(report),
        scenario_file_(scenario_file),
        curves_(question, report),
        of_memory_(measured.quantity == MeasuredQuantity::peak_memory) {
    base_ = of_memory_ ? report.peak_memory_bytes.value : report.step_time_s.value;
    target_ = in_base(measured);
    gap_ = std::log(target_ / base_);
  }

  // What was measured as a step time or a peak.
  [[nodiscard]] double in_base(const Measured& measured) const {
    switch (measured.quantity) {
      case MeasuredQuantity::step_time:
      case MeasuredQuantity::peak_memory: return measured.value;
      case MeasuredQuantity::tokens_per_s_per_gpu:
        return report_.step_time_s.value * report_.tokens_per_s_per_gpu.value / measured.value;
      case MeasuredQuantity::mfu:
        return report_.step_time_s.value * report_.mfu.value / measured.value;
    }
    return measured.value;
  }

  [[nodiscard]] double gap() const { return gap_; }

  std::vector<Hypothesis> run(const std::vector<Counterfactual>& changes) {
    if (std::abs(gap_) < no_gap) return {};
    add_model();
    add_constants();
    for (const Counterfactual& change : changes) add_event(change);
    add_stalls();
    std::stable_sort(
        list_.begin(), list_.end(),
        [](const Hypothesis& a, const Hypothesis& b) { return a.deviations < b.deviations; });
    while (list_.size() > most_hypotheses ||
           (list_.size() > fewest_hypotheses && list_.back().deviations > incredible)) {
      list_.pop_back();
    }
    return std::move(list_);
  }

 private:
  void add_model() {
    const double side = of_memory_ ? memory_side() : gap_ > 0 ? report_.distribution.upper : report_.distribution.lower;
    if (side <= 0) return;
    Hypothesis one;
    one.name = "the model itself";
    one.words = fmt::format("it is off by {} here, and by {} on runs that it had not seen",
                            percent(std::abs(std::expm1(gap_))), percent(side));
    one.deviations = std::abs(gap_) / side;
    add(std::move(one));
  }

  // One standard deviation of ln of the peak, from its 90 % interval.
  [[nodiscard]] double memory_side() const {
    constexpr double ninety_percent = 1.6448536269514722;
    const Predicted& peak = report_.peak_memory_bytes;
    return std::abs(std::log((gap_ > 0 ? peak.high : peak.low) / peak.value)) / ninety_percent;
  }

  double at(const Dial& one, double value) {
    if (!of_memory_ && curves_.has(one.path)) return curves_.at(one.path, value);
    Question question = question_;
    one.in(question) = value;
    const Answer there = answer(std::move(question));
    if (!there.legal) return base_;
    return of_memory_ ? there.peak_memory_bytes : there.step_time_s;
  }

  // The value towards `limit` at which the prediction is what was measured, or the limit.
  double value_towards(const Dial& one, double now, double limit) {
    double from = std::log(now);
    double to = std::log(limit);
    // Towards the measurement counts; what a constant does the other way does not.
    const auto reached = [&](double value) {
      return std::log(at(one, value) / base_) * (gap_ > 0 ? 1 : -1) >= std::abs(gap_);
    };
    if (!reached(limit)) return limit;
    while (std::abs(to - from) > settled) {
      const double middle = 0.5 * (from + to);
      const bool far = reached(std::exp(middle));
      (far ? to : from) = middle;
    }
    return std::exp(to);
  }

  void add_constants() {
    const ConstantTable table = constant_table();
    Question copy = question_;
    std::map<std::string, ConstantBase> constants;
    for_each_constant(copy.cluster, copy.plan, [&](const std::string& path, ConstantBase& constant) {
      constants.emplace(path, constant);
    });
    for (const Dial& one : dials(question_)) {
      const auto constant = constants.find(one.path);
      if (constant == constants.end() || constant->second.spread <= 0) continue;
      add_constant(one, constant->second, table);
    }
  }

  void add_constant(const Dial& one, const ConstantBase& constant, const ConstantTable& table) {
    const double now = constant.value;
    constexpr double probe = 1.05;
    double best = 0;  // effect of the better direction
    double limit = now;
    for (const double factor : {probe, 1 / probe}) {
      double end = now * (factor > 1 ? reach : 1 / reach);
      end = std::clamp(end, std::max(one.range.low, now / reach), std::max(now, one.range.high));
      if (end <= 0 || end == now) continue;
      const double step = factor > 1 ? std::min(now * factor, end) : std::max(now * factor, end);
      const double effect = std::log(at(one, step) / base_);
      if (effect * gap_ <= 0 || std::abs(effect) <= best) continue;
      best = std::abs(effect);
      limit = end;
    }
    if (limit == now) return;
    const double value = value_towards(one, now, limit);
    Hypothesis hypothesis;
    hypothesis.name = one.path;
    hypothesis.now = now;
    hypothesis.explained = std::clamp(std::log(at(one, value) / base_) / gap_, 0.0, 1.0);
    if (hypothesis.explained < nearly_all) return;
    hypothesis.deviations = std::abs(std::log(value / now)) / constant.spread;
    const auto info = table.find(one.path);
    const Dimension dimension = info == table.end() ? Dimension::none : info->second.dimension;
    const std::string there = constant_text(value, dimension);
    if (value != limit) {
      hypothesis.needed = value;
      hypothesis.explained = 1;
      hypothesis.words = fmt::format("{} instead of {}", there, constant_text(now, dimension));
    } else {
      hypothesis.words = fmt::format("even {} instead of {} explains {} of it", there,
                                     constant_text(now, dimension), percent(hypothesis.explained));
    }
    if (!of_memory_) hypothesis.measure = measuring_command(one.path, report_, scenario_file_);
    add(std::move(hypothesis));
  }

  void add_event(const Counterfactual& change) {
    if (!change.may_go_unseen || !change.answer.feasible) return;
    const double there = of_memory_ ? change.answer.peak_memory_bytes : change.answer.step_time_s;
    Hypothesis one;
    one.name = change.name;
    one.explained = std::log(there / base_) / gap_;
    const double rest = std::log(target_ / there);
    one.deviations = std::hypot(rest / deviation_of(report_, rest > 0), event_odds);
    one.words = fmt::format("then {} is predicted ({})",
                            of_memory_ ? memory(there) : duration(there), settings_text(change.settings));
    one.measure = command_of(change);
    add(std::move(one));
  }

  [[nodiscard]] std::string command_of(const Counterfactual& change) const {
    if (!change.of_hardware || of_memory_) return {};
    const std::string& path = change.settings.front().path;
    const std::size_t system = path.find(".system.");
    if (system != std::string::npos) {
      std::string constant = path.substr(system + 1);
      if (constant.rfind("system.gpu.", 0) == 0) constant.erase(0, std::string("system.").size());
      return measuring_command(constant, report_, scenario_file_);
    }
    return measuring_command("system.network_share", report_, scenario_file_);
  }

  // Whatever takes time outside what is modelled.
  void add_stalls() {
    if (of_memory_ || gap_ <= 0) return;
    Hypothesis one;
    one.name = "stalls outside the model";
    one.words = fmt::format("{} a step of data loading, checkpoints, a slow node, other jobs",
                            duration(target_ - base_));
    one.deviations = event_odds;
    add(std::move(one));
  }

  void add(Hypothesis one) {
    if (one.explained < least_explained || one.explained > most_explained) return;
    one.plausibility = plausibility_of(one.deviations);
    list_.push_back(std::move(one));
  }

  const Question& question_;
  const PlanReport& report_;
  const std::string& scenario_file_;
  StepCurves curves_;
  bool of_memory_;
  double base_ = 0;
  double target_ = 0;
  double gap_ = 0;  // ln(measured / predicted), of time or memory
  std::vector<Hypothesis> list_;
};

const Predicted& quantity_of(const PlanReport& report, MeasuredQuantity quantity) {
  switch (quantity) {
    case MeasuredQuantity::step_time: return report.step_time_s;
    case MeasuredQuantity::tokens_per_s_per_gpu: return report.tokens_per_s_per_gpu;
    case MeasuredQuantity::mfu: return report.mfu;
    case MeasuredQuantity::peak_memory: return report.peak_memory_bytes;
  }
  return report.step_time_s;
}

// The command that tells the most plausible hypothesis that one can tell from the others.
std::string next_of(const MeasuredGap& gap) {
  if (gap.inside) return "nothing: the measurement lies within the 90 % interval";
  std::string command;
  std::string names;
  std::size_t count = 0;
  for (const Hypothesis& one : gap.hypotheses) {
    if (one.measure.empty() || (!command.empty() && one.measure != command)) continue;
    command = one.measure;
    if (count++ < most_named) names += (names.empty() ? "" : " or ") + one.name;
  }
  if (command.empty() && gap.measured.quantity == MeasuredQuantity::peak_memory) {
    return "a snapshot of the allocator beside the classes of memory: nothing here measures them";
  }
  if (command.empty()) return "a profile of the step beside its partition: no measurement here tells these apart";
  return fmt::format("{} tells whether it is {}", command, names);
}

std::string note_of(const PlanReport& report, const Measured& measured, double gap) {
  if (std::abs(gap) > std::log(looks_like_a_slip)) {
    return "That is more than ten times off: is it the right plan, and the right unit?";
  }
  if (measured.quantity == MeasuredQuantity::peak_memory && measured.value > report.usable_memory_bytes) {
    return fmt::format("A GPU here has {} only.", memory(report.usable_memory_bytes));
  }
  if (!report.feasible) return "The plan is predicted not to fit, so that it should not have run.";
  return {};
}

}  // namespace

const char* to_string(MeasuredQuantity quantity) {
  switch (quantity) {
    case MeasuredQuantity::step_time: return "step_time";
    case MeasuredQuantity::tokens_per_s_per_gpu: return "tokens_per_s_per_gpu";
    case MeasuredQuantity::mfu: return "mfu";
    case MeasuredQuantity::peak_memory: return "peak_memory";
  }
  return "";
}

MeasuredGap measured_gap(const Question& question, const PlanReport& report, const Measured& measured,
                         const std::vector<Counterfactual>& changes,
                         const std::string& scenario_file) {
  MeasuredGap result;
  result.measured = measured;
  result.predicted = quantity_of(report, measured.quantity);
  result.error = result.predicted.value / measured.value - 1;
  result.inside = measured.value >= result.predicted.low && measured.value <= result.predicted.high;
  Search search(question, report, measured, scenario_file);
  if (measured.quantity != MeasuredQuantity::peak_memory) {
    const StepDistribution& d = report.distribution;
    const double below = mixture_probability(d.draws, d.lower, d.upper, search.gap());
    result.probability = std::min(below, 1 - below);
  }
  result.note = note_of(report, measured, search.gap());
  result.hypotheses = search.run(changes);
  result.next = next_of(result);
  return result;
}

}  // namespace lockstep
