// Why, as text.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "scenarios/constant_table.hpp"
#include "scenarios/utf8.hpp"
#include "sim/certainty.hpp"
#include "sim/report/explain_report.hpp"
#include "sim/report/explain_words.hpp"
#include "sim/report/insight.hpp"
#include "sim/report/names.hpp"
#include "sim/report/numbers.hpp"
#include "sim/report/roofline_text.hpp"
#include "sim/report/text.hpp"

namespace lockstep {

namespace {

using text::paragraph;
using text::signed_percent;

constexpr std::size_t scalars_shown = 10;
constexpr std::size_t changes_shown = 12;
constexpr std::size_t others_shown = 6;   // of changes that do not fit
constexpr std::size_t ledger_shown = 8;
constexpr double change_matters = 0.005;  // gain or loss
constexpr std::size_t runs_shown = 2;

std::string rendered(const Table& table, const TextOptions& options) {
  return "\n" + table.render(static_cast<std::size_t>(options.width), "  ", options.color);
}

std::string title(const char* words, const TextOptions& options) {
  return "\n  " + painted(words, Tone::strong, options.color) + "\n";
}

// Numbers stay beside their units.
std::string with_units(std::string words) {
  for (std::size_t i = 1; i + 1 < words.size(); ++i) {
    const auto digit = [&](std::size_t at) { return words[at] >= '0' && words[at] <= '9'; };
    if (words[i] != ' ' || !digit(i - 1) || words[i + 1] == '(') continue;
    words.replace(i, 1, unbroken(" "));
  }
  return words;
}

std::string bullet(const std::string& words, const TextOptions& options) {
  return wrap(with_units(words), static_cast<std::size_t>(options.width), "  · ", "    ") + '\n';
}

std::string kink_text(const ScalarEffect& one) {
  return one.kink ? fmt::format("× {}", three_digits(one.kink->factor)) : std::string{};
}

// Whether it fits is said where that changes.
std::string effect_text(const std::optional<ScalarSide>& side, bool fits_now) {
  if (!side) return "—";
  if (!side->answer.legal) return "no way";
  std::string words = signed_percent(side->effect);
  if (side->answer.feasible != fits_now) words += fits_now ? ", too big" : ", fits";
  return words;
}

std::string dials_text(const Explanation& why, bool fits_now, const TextOptions& options) {
  Table table({{"what moves the time per token", Align::left, 30, 0},
               {"now", Align::right, 0, 2},
               {"5 % less", Align::right, 0, 2},
               {"5 % more", Align::right, 0, 2},
               {"next kink", Align::left, 0, 2}});
  std::size_t shown = 0;
  std::size_t more = 0;
  std::string kinks;
  for (const ScalarEffect& one : why.sensitivities.scalars) {
    if (one.whole) continue;
    if (shown == scalars_shown) {
      ++more;
      continue;
    }
    ++shown;
    table.add({{one.path, Tone::plain},
               {scalar_text(one, one.value), Tone::plain},
               {effect_text(one.down, fits_now), Tone::plain},
               {effect_text(one.up, fits_now), Tone::plain},
               {kink_text(one), Tone::quiet}});
    if (one.kink) kinks += bullet(kink_words(one) + ".", options);
  }
  if (shown == 0) return {};
  std::string out = rendered(table, options) + kinks;
  if (more > 0) {
    out += paragraph(fmt::format("{} more move it by less, {} by nothing.", more,
                                 why.sensitivities.without_effect.size()),
                     options);
  }
  return out;
}

std::string side_words(const ScalarEffect& one, const std::optional<ScalarSide>& side) {
  if (!side) return "—";
  std::string words = fmt::format("{}: {}, {}", scalar_text(one, side->value),
                                  signed_percent(side->effect), memory(side->answer.peak_memory_bytes));
  if (!side->answer.feasible) words += " too big";
  return words;
}

std::string counts_text(const Explanation& why, const TextOptions& options) {
  Table table({{"counts, to the next legal one", Align::left, 30, 0},
               {"now", Align::right, 0, 2},
               {"less", Align::left, 16, 2},
               {"more", Align::left, 16, 2}});
  bool any = false;
  for (const ScalarEffect& one : why.sensitivities.scalars) {
    if (!one.whole) continue;
    any = true;
    table.add({{one.path, Tone::plain},
               {scalar_text(one, one.value), Tone::plain},
               {side_words(one, one.down), Tone::plain},
               {side_words(one, one.up), Tone::plain}});
  }
  return any ? rendered(table, options) : std::string{};
}

// "fits", or with what certainty where that is below nine of ten.
std::string fits_text(const Answer& answer) {
  return answer.surely_fits() ? "fits" : "fits, " + probability(answer.fit_probability);
}

std::string changes_text(const Explanation& why, const TextOptions& options) {
  Table table({{"what one change would do", Align::left, 30, 0},
               {"tok/s/GPU", Align::right, 0, 2},
               {"step", Align::right, 0, 2},
               {"peak", Align::right, 0, 2},
               {"", Align::left, 0, 2},
               {"bound by", Align::left, 12, 2}});
  std::size_t shown = 0;
  std::size_t too_big = 0;
  std::size_t same = 0;
  std::size_t hidden = 0;
  for (const Counterfactual& one : why.counterfactuals) {
    if (!one.answer.legal) continue;
    if (std::abs(one.gain) < change_matters) {
      ++same;
      continue;
    }
    const bool fits = one.answer.feasible;
    std::size_t& count = fits ? shown : too_big;
    if (count == (fits ? changes_shown : others_shown)) {
      ++hidden;
      continue;
    }
    ++count;
    table.add({{one.name, fits ? Tone::plain : Tone::quiet},
               {signed_percent(one.gain), one.gain > 0 && fits ? Tone::good : Tone::plain},
               {duration(one.answer.step_time_s), Tone::plain},
               {memory(one.answer.peak_memory_bytes), Tone::plain},
               {fits ? fits_text(one.answer) : "too big",
                !fits ? Tone::bad : one.answer.surely_fits() ? Tone::good : Tone::warning},
               {one.answer.bound, Tone::quiet}});
  }
  if (shown + too_big == 0) return {};
  std::string out = rendered(table, options);
  std::string rest;
  if (hidden > 0) rest = fmt::format("{} more are in the JSON. ", hidden);
  if (same > 0) rest += fmt::format("{} {} it by less than {}.", same, same == 1 ? "other changes" : "others change",
                                   percent(change_matters));
  if (!rest.empty()) out += paragraph(rest, options);
  return out;
}

std::string break_evens_text(const Explanation& why, const TextOptions& options) {
  if (why.break_evens.empty() && why.not_compared.empty()) return {};
  std::string out = title("where the order of plans turns", options);
  for (const BreakEven& one : why.break_evens) {
    if (one.value) out += bullet(printable(statement_of(one)) + ".", options);
  }
  for (const std::string& words : without_break_even(why.break_evens)) {
    out += bullet(printable(words) + ".", options);
  }
  for (const std::string& words : why.not_compared) out += bullet(printable(words) + ".", options);
  return out;
}

std::string hidings_text(const Explanation& why, const TextOptions& options) {
  if (why.hidings.empty()) return {};
  std::string out = title("when communication hides", options);
  for (const Hiding& one : why.hidings) out += bullet(statement_of(one) + ".", options);
  return out;
}

std::string ledger_text(const Explanation& why, const TextOptions& options) {
  if (why.ledger.empty()) return {};
  const ConstantTable constants = constant_table();
  Table table({{"what is not known", Align::left, 26, 0},
               {"variance", Align::right, 0, 2},
               {"value", Align::right, 0, 2},
               {"known to", Align::left, 0, 2},
               {"step at its ends", Align::left, 0, 2},
               {"source", Align::left, 10, 2}});
  std::size_t shown = 0;
  for (const LedgerEntry& one : why.ledger) {
    if (shown++ == ledger_shown) break;
    const auto info = constants.find(one.path);
    const Dimension dimension = info == constants.end() ? Dimension::none : info->second.dimension;
    table.add({{one.name(), Tone::plain},
               {(one.share < 0 ? "−" : "") + percent(std::abs(one.share)), Tone::plain},
               {one.value ? constant_text(*one.value, dimension) : "", Tone::plain},
               {fmt::format("± {} {}", percent(one.spread), to_string(one.kind)),
                one.kind == Provenance::assumed ? Tone::warning : Tone::plain},
               {interval(one.step_time_s, time_unit(one.step_time_s.value)), Tone::plain},
               {printable(one.source), Tone::quiet}});
  }
  std::string out = rendered(table, options);
  if (why.ledger.size() > ledger_shown) {
    out += paragraph(fmt::format("{} more constants have less of the variance.",
                                 why.ledger.size() - ledger_shown),
                     options);
  }
  for (const MeasuringGroup& group : measuring_groups(why.ledger)) {
    out += bullet(fmt::format("{} of the variance: {}", percent(group.share), group.command), options);
  }
  const auto model = std::find_if(why.ledger.begin(), why.ledger.end(),
                                  [](const LedgerEntry& one) { return one.path.empty(); });
  if (model != why.ledger.end()) {
    out += bullet(fmt::format("{} of the variance is the model's own: a measured step of the whole "
                              "plan judges it, given to --measured",
                              percent(model->share)),
                  options);
  }
  return out;
}

std::string lints_text(const Explanation& why, const PlanReport& plan, const TextOptions& options) {
  std::string out = title("what experience warns of", options);
  if (why.lints.empty()) return out + bullet("nothing here.", options);
  for (const Lint& one : why.lints) {
    out += bullet(printable(lint_words(one, plan.step_time_s.value)), options);
  }
  return out;
}

std::string second_moment_text(const Explanation& why, const PlanReport& plan, const TextOptions& options) {
  if (!why.second) return {};
  const std::size_t stages = plan.memory.stages.size();
  const std::string stage =
      stages > 1 ? fmt::format(" on stage {} of {}", why.second->stage + 1, stages) : "";
  return paragraph(fmt::format("The next highest moment is the {}{}, with {}.",
                               printable(why.second->instant), stage, unbroken(memory(why.second->bytes))),
                   options);
}

std::string against_text(const Against& a, const PlanReport& plan, const TextOptions& options) {
  const double difference = a.step_time_s - a.against_step_time_s;
  std::string out = "\n" + paragraph(printable(against_words(a)), options);
  const DisplayUnit unit = time_unit(std::max(a.step_time_s, a.against_step_time_s));
  std::vector<double> times;
  for (const DifferenceTerm& term : a.terms) times.push_back(term.difference() / unit.scale);
  Table table({{"", Align::left, 30, 0},
               {a.plan, Align::right, 10, 2},
               {a.against, Align::right, 10, 2},
               {"difference", Align::right, 0, 2}});
  for (const DifferenceTerm& term : a.terms) {
    table.add({{printable(term.name), Tone::plain},
               {duration(term.value), Tone::plain},
               {duration(term.against_value), Tone::plain},
               {signed_duration(term.difference(), unit), Tone::plain}});
  }
  table.add({{"the step", Tone::strong},
             {duration(a.step_time_s), Tone::strong},
             {duration(a.against_step_time_s), Tone::strong},
             {signed_duration(difference, unit), Tone::strong}});
  out += rendered(table, options);
  if (!a.changes.empty()) {
    out += title("each difference alone, made in the plan", options);
    for (const SingleChange& change : a.changes) {
      out += bullet(printable(change_words(change, plan.step_time_s.value)), options);
    }
  }
  return out;
}

std::string measured_text(const MeasuredGap& gap, const TextOptions& options) {
  std::string out = "\n" + paragraph(measured_words(gap), options);
  if (!gap.hypotheses.empty()) out += title("what alone would explain it", options);
  for (const Hypothesis& one : gap.hypotheses) {
    out += bullet(printable(hypothesis_words(one)), options);
  }
  return out + paragraph("Measure next: " + printable(gap.next) + ".", options);
}

}  // namespace

std::string explain_text(const Report& report, const Explanation& why, const TextOptions& options) {
  const PlanReport& plan = report.plans.at(why.plan);
  std::string out = text::heading(report, options);
  std::string summary = plan_summary(plan) + " · " + printable(plan.plan.software.name);
  const std::string cluster = summarize(plan.cluster);
  if (cluster != report.cluster_summary) summary += " · on " + printable(cluster);
  out += '\n' + painted("  " + cut(printable(plan.plan.name), static_cast<std::size_t>(options.width) - 2),
                        Tone::strong, options.color) + '\n';
  out += paragraph(summary, options) + '\n';
  out += text::headline(report, plan, options);
  if (why.measured) out += measured_text(*why.measured, options);
  if (why.against) out += against_text(*why.against, plan, options);
  out += text::partition(plan, options);
  out += roofs_text(plan, options);
  out += text::collectives(plan, options);
  out += text::memory_classes(plan, options);
  out += second_moment_text(why, plan, options);
  out += lints_text(why, plan, options);
  out += changes_text(why, options);
  out += dials_text(why, plan.feasible, options);
  out += counts_text(why, options);
  out += hidings_text(why, options);
  out += break_evens_text(why, options);
  out += ledger_text(why, options);
  const std::string evidence = text::nearest_evidence(plan, runs_shown);
  if (!evidence.empty()) out += '\n' + paragraph(evidence, options);
  return out + '\n' + text::not_modelled_text(report, options);
}

}  // namespace lockstep
