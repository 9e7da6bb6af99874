// All plans of a scenario side by side.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string_view>
#include <utility>

#include "scenarios/utf8.hpp"
#include "sim/certainty.hpp"
#include "sim/report/insight.hpp"
#include "sim/report/numbers.hpp"
#include "sim/report/text.hpp"

namespace lockstep {

namespace {

using text::paragraph;

// "2", or "=" for a plan that ties with the one above it.
std::string place_of(const Report& report, std::size_t place) {
  for (const PlanComparison& c : report.comparisons) {
    if (c.slower == report.ranking[place] && is_tie(c)) return "=";
  }
  return std::to_string(place + 1);
}

// What bounds a plan is cut down to this width beside long plan names; where that is not enough, it leaves the
// table for lines of its own.
constexpr std::size_t least_bound = 20;
constexpr std::size_t columns_of_table = 8;  // without the bound

Table plan_table(const Report& report, bool with_bound) {
  std::vector<Column> columns{{"", Align::right, 0, 2},
               {"plan", Align::left, 12, 2},
               {"step", Align::right, 0, 2},
               {"[90 %]", Align::left, 0, 1},
               {"tok/s/GPU", Align::right, 0, 1},
               {"MFU", Align::right, 0, 2},
               {"peak", Align::right, 0, 2},
               {"memory", Align::left, 0, 1}};
  if (with_bound) columns.push_back({"bound by", Align::left, least_bound, 2});
  Table table(std::move(columns));
  for (std::size_t place = 0; place < report.ranking.size(); ++place) {
    const PlanReport& plan = report.plans[report.ranking[place]];
    const Tone tone = plan.feasible ? Tone::plain : Tone::quiet;
    if (!plan.legal) {
      std::vector<Cell> row(columns_of_table);
      row[0] = {"–", Tone::quiet};
      row[1] = {printable(plan.plan.name), tone};
      row[7] = text::verdict(plan);
      if (with_bound) row.emplace_back();
      table.add(std::move(row));
      continue;
    }
    std::vector<Cell> row{{plan.feasible ? place_of(report, place) : "–", Tone::quiet},
               {printable(plan.plan.name), plan.feasible && place == 0 ? Tone::strong : tone},
               {duration(plan.step_time_s.value), tone},
               {interval(plan.step_time_s, time_unit(plan.step_time_s.value)), Tone::quiet},
               {three_digits(plan.tokens_per_s_per_gpu.value), tone},
               {percent(plan.mfu.value), tone},
               {memory(plan.peak_memory_bytes.value), tone},
               text::verdict(plan)};
    if (with_bound) row.push_back({printable(plan.bound), tone});
    table.add(std::move(row));
  }
  return table;
}

std::string plan_name(const Report& report, std::size_t index) {
  return unbroken(cut(printable(report.plans[index].plan.name), 60));
}

// "Bound by tensor cores: a, b." for each bound, in the order of the ranking.
std::string bound_notes(const Report& report, const TextOptions& options) {
  std::vector<std::pair<std::string, std::string>> bounds;
  for (const std::size_t index : report.ranking) {
    if (!report.plans[index].legal) continue;
    const std::string bound = printable(report.plans[index].bound);
    const auto known = std::find_if(bounds.begin(), bounds.end(), [&](const auto& b) { return b.first == bound; });
    if (known == bounds.end()) {
      bounds.emplace_back(bound, plan_name(report, index));
    } else {
      known->second += ", " + plan_name(report, index);
    }
  }
  std::string notes;
  for (const auto& [bound, plans] : bounds) notes += paragraph(fmt::format("Bound by {}: {}.", bound, plans), options);
  return notes;
}

std::string table_text(const Report& report, const TextOptions& options) {
  constexpr std::string_view indent = "  ";
  const auto width = static_cast<std::size_t>(options.width);
  std::size_t cut_away = 0;  // columns that the bound can give
  for (const PlanReport& plan : report.plans) {
    const std::size_t bound = display_width(printable(plan.bound));
    cut_away = std::max(cut_away, bound > least_bound ? bound - least_bound : 0);
  }
  const Table whole = plan_table(report, true);
  if (whole.natural_width() + indent.size() <= width + cut_away) return whole.render(width, indent, options.color);
  return plan_table(report, false).render(width, indent, options.color) + '\n' + bound_notes(report, options);
}

// Above this probability no single constant is worth a line, unless one turns the order.
constexpr double settled = 0.95;

std::string decision(const Report& report, const PlanComparison& c, const ConstantTable& constants) {
  const Sensitivity* decided_by = deciding_constant(report, c);
  if (decided_by == nullptr) return {};
  const std::string constant =
      fmt::format("{} ({})", decided_by->path, unbroken(text::constant_with_spread(*decided_by, constants)));
  if (const std::optional<double> equal = break_even(report, c, constants)) {
    const auto info = constants.find(decided_by->path);
    const Dimension dimension = info == constants.end() ? Dimension::none : info->second.dimension;
    return fmt::format(" What decides it: {}; {} about {} {} is faster.", constant,
                       *equal < decided_by->value ? "below" : "above", unbroken(constant_text(*equal, dimension)),
                       plan_name(report, c.slower));
  }
  if (c.probability > settled) return {};
  return fmt::format(" The widest unknown between them: {}.", constant);
}

std::string comparison_text(const Report& report, const PlanComparison& c, const ConstantTable& constants,
                            const TextOptions& options) {
  const std::string faster = plan_name(report, c.faster);
  const std::string slower = plan_name(report, c.slower);
  const std::string p = unbroken(probability(c.probability));
  return paragraph(fmt::format("{} is faster than {} with {}.{}", faster, slower, p, decision(report, c, constants)),
                   options);
}

// "a, b and c"; without a comma before the last.
std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (i > 0) text += i + 1 == words.size() ? " and " : ", ";
    text += words[i];
  }
  return text;
}

// Plans that tie with the first of them.
std::string tie_text(const Report& report, std::size_t first, std::size_t end, const TextOptions& options) {
  std::vector<std::string> names{plan_name(report, report.comparisons[first].faster)};
  std::vector<std::string> probabilities;
  for (std::size_t i = first; i < end; ++i) {
    names.push_back(plan_name(report, report.comparisons[i].slower));
    probabilities.push_back(unbroken(probability(report.comparisons[i].probability)));
  }
  const std::string whose = names.size() > 2 ? "each for the first" : "for the first";
  const std::string mark = names.size() > 2 ? ", " : " ";
  return paragraph(fmt::format("{} are a tie ({}{}{}).", joined(names), joined(probabilities), mark, whose), options);
}

// Every plan against the first of its group or of the one before, ties together.
std::string comparisons_text(const Report& report, const ConstantTable& constants, const TextOptions& options) {
  std::string text;
  for (std::size_t i = 0; i < report.comparisons.size();) {
    std::size_t end = i;
    while (end < report.comparisons.size() && is_tie(report.comparisons[end])) ++end;
    if (end > i) {
      text += tie_text(report, i, end, options);
      i = end;
    } else {
      text += comparison_text(report, report.comparisons[i++], constants, options);
    }
  }
  return text;
}

// Why each plan that is too big is, and how near those are that may not fit after all.
std::string memory_notes(const Report& report, const TextOptions& options) {
  std::string notes;
  for (const std::size_t index : report.ranking) {
    const PlanReport& plan = report.plans[index];
    if (!plan.legal) {
      notes += paragraph(plan_name(report, index) + " is " + printable(plan.infeasible_reason) + ".", options);
    } else if (!plan.feasible) {
      const bool cut_off = !std::isfinite(plan.step_time_s.value);
      std::string words = plan_name(report, index) + (cut_off ? " " : " is too big: ") +
                          printable(plan.infeasible_reason) + ".";
      if (!cut_off && plan.fit_probability > 0.05) {
        words += fmt::format(" It may fit all the same ({}).", unbroken(probability(plan.fit_probability)));
      }
      notes += paragraph(words, options);
    } else if (plan.fit_probability < 0.95) {
      notes += paragraph(fmt::format("{} fits narrowly ({}): {} of {}.", plan_name(report, index),
                                     unbroken(probability(plan.fit_probability)),
                                     unbroken(memory(plan.peak_memory_bytes.value)),
                                     unbroken(memory(plan.usable_memory_bytes))),
                         options);
    }
  }
  return notes;
}

// What is to be known of each plan, the same words once; and what MFU is of.
std::string reading_notes(const Report& report, const TextOptions& options) {
  std::vector<std::pair<std::string, std::string>> all;
  for (const std::size_t index : report.ranking) {
    for (const std::string& note : plan_notes(report.plans[index])) {
      const auto known = std::find_if(all.begin(), all.end(), [&](const auto& one) { return one.first == note; });
      if (known == all.end()) {
        all.emplace_back(note, plan_name(report, index));
      } else {
        known->second += ", " + plan_name(report, index);
      }
    }
  }
  std::string notes;
  for (const auto& [note, plans] : all) notes += paragraph(fmt::format("{}: {}.", plans, note), options);
  const std::string peak = mfu_peak(report.scenario.training);
  if (!peak.empty()) notes += paragraph(fmt::format("MFU is of the {} peak.", peak), options);
  return notes;
}

// What was measured near the best plan.
std::string evidence_note(const Report& report, const TextOptions& options) {
  if (report.ranking.empty()) return {};
  const PlanReport& best = report.plans[report.ranking.front()];
  const std::string evidence = text::nearest_evidence(best, 1);
  if (!best.feasible || evidence.empty()) return {};
  return paragraph(plan_name(report, report.ranking.front()) + ": " + evidence, options);
}

// Which plan runs on which cluster, where they are not all the scenario's.
std::string cluster_notes(const Report& report, const TextOptions& options) {
  const bool differ = std::any_of(report.plans.begin(), report.plans.end(), [&](const PlanReport& plan) {
    return summarize(plan.cluster) != report.cluster_summary;
  });
  if (!differ) return {};
  Table table({{"", Align::left, 12, 2}, {"", Align::left, 20, 2}});
  for (const std::size_t index : report.ranking) {
    const PlanReport& plan = report.plans[index];
    table.add({{printable(plan.plan.name), Tone::plain}, {printable(summarize(plan.cluster)), Tone::plain}});
  }
  return "\n" + painted("  on", Tone::quiet, options.color) + "\n" +
         table.render(static_cast<std::size_t>(options.width), "  ", options.color);
}

// Days, GPU-hours and money of every plan that fits.
std::string run_text(const Report& report, const TextOptions& options) {
  std::vector<text::RunRow> rows;
  for (const std::size_t index : report.ranking) {
    const PlanReport& plan = report.plans[index];
    if (plan.feasible) rows.push_back({cut(printable(plan.plan.name), 60), &plan});
  }
  const std::string table = text::run_table(report.scenario, rows, options);
  return table.empty() ? table : '\n' + table;
}

}  // namespace

std::string compare_text(const Report& report, const TextOptions& options) {
  const ConstantTable constants = constant_table();
  std::string out = text::heading(report, options) + '\n';
  out += table_text(report, options);
  out += cluster_notes(report, options) + '\n';
  out += comparisons_text(report, constants, options);
  const std::string notes =
      memory_notes(report, options) + reading_notes(report, options) + evidence_note(report, options);
  if (!report.comparisons.empty() && !notes.empty()) out += '\n';
  out += notes;
  out += run_text(report, options);
  if (!report.comparisons.empty() || !notes.empty()) out += '\n';
  return out + text::not_modelled_text(report, options);
}

}  // namespace lockstep
