// Before and after a calibration, as text.
#include "sim/report/calibration_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "scenarios/utf8.hpp"
#include "sim/report/numbers.hpp"
#include "sim/report/text.hpp"
#include "topology/quantity_text.hpp"

namespace lockstep {
namespace {

using text::paragraph;

constexpr std::size_t longest_name = 40;
constexpr std::size_t constants_shown = 6;
constexpr std::size_t collectives_shown = 4;
// Below this a change is not worth a word.
constexpr double nothing = 0.0005;

// "+4.9 %", "−0.3 %", "same".
std::string change_text(double change) {
  if (std::fabs(change) < nothing) return "same";
  return fmt::format("{}{:.1f} %", change < 0 ? "−" : "+", 100.0 * std::fabs(change));
}

Tone tone_of(double change) {
  return std::fabs(change) < nothing ? Tone::quiet : Tone::plain;
}

std::string counted(std::size_t count, const char* one, const char* many) {
  return fmt::format("{} {}", count, count == 1 ? one : many);
}

// "8 x NVIDIA H100 80GB HBM3, driver 580.82.07, CUDA 13.0, NCCL 2.28.9, 2026-11-23".
std::string machine_words(const CalibratedMachine& machine) {
  std::vector<std::string> words = machine.gpus;
  const auto add = [&](const char* what, const std::string& value) {
    if (!value.empty()) words.push_back(unbroken(what + value));
  };
  if (machine.hosts.size() > 1) words.push_back(fmt::format("{} hosts", machine.hosts.size()));
  if (machine.hosts.size() == 1) words.push_back("host " + machine.hosts.front());
  add("driver ", machine.driver);
  add("CUDA ", machine.cuda);
  add("NCCL ", machine.nccl);
  add("", machine.date);
  return printable(fmt::format("{}", fmt::join(words, ", ")));
}

std::string heading(const CalibrationEffect& effect, const TextOptions& options) {
  const AppliedCalibration& applied = effect.applied;
  std::string out = painted("Calibrated", Tone::strong, options.color) + " with ";
  std::string held;
  if (!applied.collectives.empty())
    held = counted(applied.collectives.size(), "measured collective", "measured collectives");
  if (!applied.constants.empty()) {
    held += (held.empty() ? "" : " and ") +
            counted(applied.constants.size(), "measured constant", "measured constants");
  }
  out += held + '\n';
  for (std::size_t i = 0; i < applied.files.size(); ++i) {
    std::string words = printable(applied.files[i]);
    if (applied.machines[i].stated()) words += ": " + machine_words(applied.machines[i]);
    out += paragraph(words, options);
  }
  return out;
}

// What is not to be trusted, however far it moves a plan.
std::string doubts(const CalibrationEffect& effect, const TextOptions& options) {
  std::string out;
  for (const CollectiveCalibration& entry : effect.applied.collectives) {
    if (entry.confidence != Confidence::low) continue;
    out += paragraph(
        fmt::format("Low confidence: {} over {} GPUs on {}, {} to {} ({})",
                    to_string(entry.collective), entry.ranks,
                    counted(static_cast<std::size_t>(entry.nodes), "node", "nodes"),
                    to_text(entry.smallest), to_text(entry.largest),
                    printable(entry.source)),
        options);
  }
  return out;
}

// "1", "1, was 2", "–".
std::string place_text(const PlanEffect& plan) {
  const auto text = [](std::size_t place) { return place == 0 ? "–" : std::to_string(place); };
  if (plan.place_before == plan.place_after) return text(plan.place_after);
  return text(plan.place_after) + ", was " + text(plan.place_before);
}

std::string plans_text(const CalibrationEffect& effect, const TextOptions& options) {
  const bool places = effect.plans.size() > 1;
  Table table({{places ? "place" : "", Align::left, 0, 0},
               {"plan", Align::left, 12},
               {"step before", Align::right},
               {"after", Align::right},
               {"change", Align::right},
               {"peak before", Align::right, 0, 3},
               {"after", Align::right},
               {"change", Align::right}});
  for (const PlanEffect& plan : effect.plans) {
    if (!plan.legal) continue;
    table.add({{places ? place_text(plan) : "", Tone::quiet},
               {cut(printable(plan.name), longest_name)},
               {duration(plan.step_before.value)},
               {duration(plan.step_after.value), Tone::strong},
               {change_text(plan.step_change()), tone_of(plan.step_change())},
               {memory(plan.memory_before.value)},
               {memory(plan.memory_after.value)},
               {change_text(plan.memory_change()), tone_of(plan.memory_change())}});
  }
  return table.render(static_cast<std::size_t>(options.width), "  ", options.color);
}

std::string conclusions(const CalibrationEffect& effect, const TextOptions& options) {
  if (effect.changed.empty())
    return paragraph("Nothing that you would decide differently changed.", options);
  std::string out =
      "  " + painted("What you may decide differently", Tone::strong, options.color) + '\n';
  for (const std::string& words : effect.changed) {
    out += wrap(printable(words), static_cast<std::size_t>(options.width), "  - ", "    ") + '\n';
  }
  return out;
}

std::string measured_words(const ConstantEffect& effect) {
  const CalibratedConstant& measured = effect.constant.measured;
  if (effect.constant.overruled) return "kept: the scenario says it";
  std::string words = counted(static_cast<std::size_t>(measured.points), "time", "times");
  if (measured.confidence != Confidence::unstated)
    words += fmt::format(" ({})", to_string(measured.confidence));
  if (effect.beyond_spread) words += ", beyond spread";
  return words;
}

std::string constants_text(const CalibrationEffect& effect, const TextOptions& options) {
  const std::string of =
      fmt::format("what moved {}", cut(printable(effect.reference), longest_name));
  Table table({{of, Align::left, 20, 0},
               {"before", Align::right},
               {"after", Align::right},
               {"step, alone", Align::right},
               {"measured", Align::left, 10}});
  const std::size_t shown = std::min(effect.constants.size(), constants_shown);
  for (std::size_t i = 0; i < shown; ++i) {
    const AppliedConstant& one = effect.constants[i].constant;
    const ConstantInfo* info = constant_info(one.measured.of);
    const Dimension dimension = info == nullptr ? Dimension::none : info->dimension;
    const Tone tone = effect.constants[i].beyond_spread ? Tone::strong : Tone::plain;
    table.add(
        {{one.measured.path(), tone},
         {constant_text(one.before.value, dimension)},
         {constant_text(one.after.value, dimension), tone},
         {change_text(effect.constants[i].step_change), tone_of(effect.constants[i].step_change)},
         {measured_words(effect.constants[i]), Tone::quiet}});
  }
  if (!effect.applied.collectives.empty()) {
    table.add({{"collectives"},
               {""},
               {""},
               {change_text(effect.collectives_change), tone_of(effect.collectives_change)},
               {counted(effect.applied.collectives.size(), "curve", "curves"), Tone::quiet}});
  }
  std::string out = table.render(static_cast<std::size_t>(options.width), "  ", options.color);
  const bool in_step =
      std::any_of(effect.constants.begin(), effect.constants.end(), [](const ConstantEffect& one) {
        return !one.constant.before.fit.empty() && !one.constant.overruled;
      });
  if (in_step) {
    out += paragraph(
        "Constants as a step has them: measured alone, times what steps lose against that.",
        options);
  }
  if (effect.constants.size() > shown) {
    const std::size_t more = effect.constants.size() - shown;
    out += paragraph(fmt::format("and {} {} less.", counted(more, "constant", "constants"),
                                 more == 1 ? "moves it" : "move it"),
                     options);
  }
  return out;
}

std::string collectives_text(const CalibrationEffect& effect, const TextOptions& options) {
  Table table({{"its collectives, in a step", Align::left, 20, 0},
               {"before", Align::right},
               {"after", Align::right},
               {"change", Align::right},
               {"waited for", Align::right}});
  std::size_t shown = 0;
  for (const CollectiveEffect& use : effect.collectives) {
    const double change = use.seconds_before > 0 ? use.seconds_after / use.seconds_before - 1 : 0;
    if (std::fabs(change) < nothing || shown == collectives_shown) continue;
    ++shown;
    table.add({{fmt::format("{}: {} of {} GPUs, {}", printable(use.name), to_string(use.collective),
                            use.ranks, memory(use.bytes))},
               {duration(use.seconds_before)},
               {duration(use.seconds_after)},
               {change_text(change)},
               {duration(use.exposed_after), Tone::quiet}});
  }
  if (shown == 0) return {};
  return '\n' + table.render(static_cast<std::size_t>(options.width), "  ", options.color);
}

}  // namespace

std::string calibration_effect_text(const CalibrationEffect& effect, const TextOptions& options) {
  std::string out = heading(effect, options) + doubts(effect, options) + '\n';
  out += plans_text(effect, options) + '\n';
  out += conclusions(effect, options);
  if (effect.reference.empty()) return out;
  out += '\n' + constants_text(effect, options);
  return out + collectives_text(effect, options);
}

}  // namespace lockstep
