#include "sim/report/explain_words.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "scenarios/constant_table.hpp"
#include "sim/report/text.hpp"

namespace lockstep {

using text::signed_percent;

std::string signed_duration(double seconds, DisplayUnit unit) {
  const double shown = std::abs(seconds) / unit.scale;
  const int decimals = std::clamp(decimals_of(shown), 0, 3);
  if (shown < 0.5e-3) return fmt::format("0 {}", unit.name);
  return fmt::format("{}{:.{}f} {}", seconds < 0 ? "−" : "+", shown, decimals, unit.name);
}

std::vector<std::string> without_break_even(const std::vector<BreakEven>& all) {
  struct Row {
    const BreakEven* first;
    std::string faster;  // plans that lose to the explained one everywhere
    std::string slower;
  };
  std::vector<Row> rows;
  for (const BreakEven& one : all) {
    if (one.value) continue;
    auto row = std::find_if(rows.begin(), rows.end(),
                            [&](const Row& known) { return known.first->path == one.path; });
    if (row == rows.end()) row = rows.insert(rows.end(), Row{&one, {}, {}});
    std::string& names = one.wins_below == one.plan ? row->faster : row->slower;
    names += (names.empty() ? "" : ", ") + one.against;
  }
  std::vector<std::string> words;
  for (const Row& row : rows) {
    const BreakEven& one = *row.first;
    std::string text = fmt::format("no {} between {} and {} turns the order: {} is always", one.text,
                                   scalar_text(one, one.low), scalar_text(one, one.high), one.plan);
    if (!row.faster.empty()) text += " faster than " + row.faster;
    if (!row.faster.empty() && !row.slower.empty()) text += ", and";
    if (!row.slower.empty()) text += " slower than " + row.slower;
    words.push_back(std::move(text));
  }
  return words;
}

std::vector<MeasuringGroup> measuring_groups(const std::vector<LedgerEntry>& entries) {
  std::vector<MeasuringGroup> groups;
  for (const LedgerEntry& one : entries) {
    if (one.measure.empty()) continue;
    const auto same = std::find_if(groups.begin(), groups.end(), [&](const MeasuringGroup& group) {
      return group.command == one.measure;
    });
    if (same == groups.end()) {
      groups.push_back({one.measure, one.share});
    } else {
      same->share += one.share;
    }
  }
  std::stable_sort(groups.begin(), groups.end(), [](const MeasuringGroup& a, const MeasuringGroup& b) {
    return a.share > b.share;
  });
  groups.erase(std::remove_if(groups.begin(), groups.end(),
                              [](const MeasuringGroup& group) { return group.share < 0.01; }),
               groups.end());
  return groups;
}

std::string scalar_text(const ScalarEffect& one, double value) {
  if (one.whole) return fmt::format("{:.0f}", value);
  return constant_text(value, one.dimension);
}

std::string kink_words(const ScalarEffect& one) {
  return fmt::format("{} at {} (× {}): {}", one.path, scalar_text(one, one.kink->value),
                     three_digits(one.kink->factor), one.kink->what);
}

std::string remedy_words(const LintRemedy& remedy) {
  const std::string words =
      fmt::format("{}, {} tokens per GPU", remedy.words, signed_percent(remedy.gain));
  return remedy.answer.feasible ? words : words + ", which does not fit";
}

std::string lint_words(const Lint& lint, double step_time_s) {
  std::string words = fmt::format("{}: {}", lint.name, lint.message);
  if (lint.seconds) {
    words += fmt::format(". Cost: {}, {} of the step", duration(*lint.seconds),
                         percent(*lint.seconds / step_time_s));
  }
  if (lint.remedy) words += ". Instead: " + remedy_words(*lint.remedy);
  return words + ".";
}

std::string against_words(const Against& a) {
  const double ratio = a.step_time_s / a.against_step_time_s - 1;
  const DisplayUnit unit = time_unit(std::max(a.step_time_s, a.against_step_time_s));
  return fmt::format("Against {}: {} ({}) a step; {} is faster with {}.", a.against,
                     signed_duration(a.step_time_s - a.against_step_time_s, unit),
                     signed_percent(ratio), a.plan, probability(a.probability));
}

std::string change_words(const SingleChange& change, double step_time_s) {
  if (!change.answer.legal) {
    return fmt::format("{}: not alone: {}", change.difference.words, change.answer.problem);
  }
  std::string words = fmt::format("{}: {}, peak {}", change.difference.words,
                                  signed_duration(change.seconds, time_unit(step_time_s)),
                                  memory(change.answer.peak_memory_bytes));
  if (!change.answer.feasible) words += ", which does not fit";
  return words;
}

std::string hypothesis_words(const Hypothesis& one) {
  return fmt::format("{:.1f} σ off ({}): {}: {}.", one.deviations, percent(one.plausibility), one.name,
                     one.words);
}

namespace {

std::string quantity_text(MeasuredQuantity quantity, double value) {
  switch (quantity) {
    case MeasuredQuantity::step_time: return duration(value) + " a step";
    case MeasuredQuantity::tokens_per_s_per_gpu: return three_digits(value) + " tokens/s/GPU";
    case MeasuredQuantity::mfu: return percent(value) + " MFU";
    case MeasuredQuantity::peak_memory: return memory(value) + " at the peak";
  }
  return {};
}

}  // namespace

std::string measured_words(const MeasuredGap& gap) {
  const auto shown = [&](double value) { return quantity_text(gap.measured.quantity, value); };
  std::string words =
      fmt::format("Measured: {}; predicted: {}, {} against it. The measurement lies {} the 90 % interval",
                  shown(gap.measured.value), shown(gap.predicted.value), signed_percent(gap.error),
                  gap.inside ? "inside" : "outside");
  if (gap.measured.quantity != MeasuredQuantity::peak_memory) {
    words += fmt::format(" ({} of one as far off on that side)", probability(gap.probability));
  }
  words += ".";
  return gap.note.empty() ? words : words + " " + gap.note;
}

}  // namespace lockstep
