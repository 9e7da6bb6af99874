// The lines at the head of a plan: step, peak, bound, run, notes.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "scenarios/utf8.hpp"
#include "sim/report/insight.hpp"
#include "sim/report/numbers.hpp"
#include "sim/report/text.hpp"

namespace lockstep::text {

namespace {

constexpr std::size_t label_width = 9;

// What the whole run takes, where its length or a price is stated.
std::string run_lines(const Report& report, const PlanReport& plan, const TextOptions& options) {
  const RunLength run = run_length(report.scenario, plan);
  const Price& price = report.scenario.price;
  std::string words;
  if (run.steps > 0) {
    words = fmt::format(
        "{} tokens in {} steps: {} {}, {} GPU-hours", scaled(report.scenario.training.total_tokens),
        scaled(run.steps), duration(run.time_s.value),
        interval(run.time_s, time_unit(run.time_s.value)), scaled(run.gpu_time_s.value / 3600));
    if (price.stated()) words += fmt::format(", {}", money(run.cost.value, price));
  }
  if (price.stated()) {
    words += fmt::format("{}{} per million tokens ({})", words.empty() ? "" : ", ",
                         money(run.cost_per_million_tokens.value, price), price_text(price));
  }
  if (words.empty()) return {};
  return label("RUN", options) +
         wrap(words, static_cast<std::size_t>(options.width) - label_width, "",
              std::string(label_width, ' ')) +
         '\n';
}

}  // namespace

std::string label(const char* name, const TextOptions& options) {
  return "  " + painted(pad_right(name, 7), Tone::strong, options.color);
}

std::string headline(const Report& report, const PlanReport& plan, const TextOptions& options) {
  const bool color = options.color;
  const DisplayUnit unit = memory_unit(plan.peak_memory_bytes.value);
  std::string out =
      label("STEP", options) + painted(duration(plan.step_time_s.value), Tone::strong, color) +
      "  " + interval(plan.step_time_s, time_unit(plan.step_time_s.value)) + "    " +
      three_digits(plan.tokens_per_s_per_gpu.value) + " tokens/s/GPU    MFU " +
      percent(plan.mfu.value) + "    HFU " + percent(plan.hfu.value) +
      (plan.feasible || !std::isfinite(plan.step_time_s.value) ? "" : "    if it fitted") + '\n';

  const Cell verdict = text::verdict(plan);
  out += label("PEAK", options) +
         painted(memory(plan.peak_memory_bytes.value), Tone::strong, color) + "  " +
         interval(plan.peak_memory_bytes, unit) + " of " + memory(plan.usable_memory_bytes) +
         " usable: " + painted(verdict.text, verdict.tone, color) + " (" +
         probability(plan.fit_probability) + ")\n";
  if (!plan.feasible) {
    out += wrap("It " + printable(plan.infeasible_reason) + ".",
                static_cast<std::size_t>(options.width), std::string(9, ' '), std::string(9, ' ')) +
           '\n';
  }

  std::string words = printable(plan.bound);
  if (const std::vector<BoundShare> bounds = bound_shares(plan); !bounds.empty()) {
    words.clear();
    for (std::size_t i = 0; i < std::min<std::size_t>(bounds.size(), 3); ++i) {
      words += (i > 0 ? ", " : "") +
               unbroken(printable(bounds[i].name) + " " + percent(bounds[i].share));
      if (i == 0) words += " of the step";
    }
  }
  out += label("BOUND", options) +
         wrap(words, static_cast<std::size_t>(options.width) - 9, "", std::string(9, ' ')) + '\n';
  out += run_lines(report, plan, options);
  std::vector<std::string> notes = plan_notes(plan);
  if (const std::string peak = mfu_peak(report.scenario.training); !peak.empty()) {
    notes.insert(notes.begin(), "MFU and HFU are of the " + peak + " peak");
  }
  for (const std::string& note : notes) out += label("NOTE", options) + note + '\n';
  return out + painted("         [ ]: 90 % intervals", Tone::quiet, color) + '\n';
}

// The percentages of parts of `total`, rounded so that they sum to 100.
std::vector<std::string> shares(const std::vector<double>& parts, double total) {
  std::vector<double> exact;
  exact.reserve(parts.size());
  for (const double p : parts) exact.push_back(100 * p / total);
  const std::vector<double> rounded = round_to_sum(exact, 100, 0);
  std::vector<std::string> shown;
  for (std::size_t i = 0; i < parts.size(); ++i)
    shown.push_back(part(rounded[i], exact[i], 0) + " %");
  return shown;
}

std::string money(double amount, const Price& price) {
  return unbroken(scaled(amount) + " " + printable(price.currency));
}

std::string price_text(const Price& price) {
  std::string words = fmt::format("at {} a GPU-hour", money(price.per_gpu_hour, price));
  if (!price.date.empty()) words += ", " + printable(price.date);
  return words;
}

}  // namespace lockstep::text
