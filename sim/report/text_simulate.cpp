// One plan in full: verdict, where the step goes, where the memory goes, what the numbers lean on.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string_view>

#include "scenarios/utf8.hpp"
#include "sim/certainty.hpp"
#include "sim/report/insight.hpp"
#include "sim/report/names.hpp"
#include "sim/report/numbers.hpp"
#include "sim/report/roofline_text.hpp"
#include "sim/report/text.hpp"

namespace lockstep {

namespace {

using text::paragraph;

constexpr std::size_t longest_stage_list = 10;
constexpr std::size_t constants_shown = 5;

std::string stage_name(const StageRange& range) {
  if (range.first == range.last) return std::to_string(range.first + 1);
  return fmt::format("{}–{}", range.first + 1, range.last + 1);
}

std::string stages_text(const PlanReport& plan, const TextOptions& options) {
  const std::vector<StageRange> ranges = equal_stages(plan);
  if (ranges.size() < 2) return {};
  Table table({{"pipeline stage", Align::right, 0, 0},
               {"layers", Align::right, 0, 2},
               {"in flight", Align::right, 0, 2},
               {"allocated", Align::right, 0, 2},
               {"peak", Align::right, 0, 2},
               {"worst instant", Align::left, 12, 2}});
  const auto has_worst = [&](const StageRange& range) {
    return range.first <= plan.memory.worst_stage && plan.memory.worst_stage <= range.last;
  };
  std::size_t left_out = 0;
  for (std::size_t i = 0; i < ranges.size(); ++i) {
    const bool at_the_ends = i + 2 < longest_stage_list || i + 2 >= ranges.size();
    if (!at_the_ends && !has_worst(ranges[i])) {
      left_out += ranges[i].last - ranges[i].first + 1;
      continue;
    }
    const StageMemory& stage = plan.memory.stages[ranges[i].first];
    std::string layers;
    std::string in_flight;
    if (ranges[i].first < plan.workload.stages.size()) {
      layers = std::to_string(plan.workload.stages[ranges[i].first].layers);
      in_flight = three_digits(plan.workload.stages[ranges[i].first].micro_batches_in_flight);
    }
    table.add({{stage_name(ranges[i]), Tone::plain},
               {layers, Tone::plain},
               {in_flight, Tone::plain},
               {memory(stage.allocated.value()), Tone::plain},
               {memory(stage.reserved.value()), has_worst(ranges[i]) ? Tone::strong : Tone::plain},
               {printable(stage.instant), Tone::plain}});
  }
  std::string out = "\n" + table.render(static_cast<std::size_t>(options.width), "  ", options.color);
  if (left_out > 0) out += paragraph(fmt::format("{} more stages in between", left_out), options);
  return out;
}

// "± 5 %", or "−4 % +7 %" where runs are rather slower than predicted, or rather faster.
std::string both_sides(const StepDistribution& residual) {
  const std::string lower = percent(residual.lower);
  const std::string upper = percent(residual.upper);
  return lower == upper ? "± " + upper : fmt::format("−{} +{}", lower, upper);
}

// What moves the step most: the widest constants, and the model's own residual among them.
std::string certainty_text(const PlanReport& plan, const TextOptions& options) {
  const ConstantTable constants = constant_table();
  Table table({{"what the step time leans on", Align::left, 24, 0},
               {"value", Align::right, 0, 2},
               {"known to", Align::left, 0, 2},
               {"moves it", Align::right, 0, 2},
               {"source", Align::left, 12, 2}});
  const StepDistribution& residual = plan.distribution;
  const double widest = std::max(residual.lower, residual.upper);
  const auto add_residual = [&] {
    table.add({{"the model itself", Tone::plain},
               {"", Tone::plain},
               {"fitted", Tone::plain},
               {both_sides(residual), Tone::plain},
               {"errors on measured runs whose models took no part in the fit", Tone::quiet}});
  };
  bool residual_shown = false;
  for (std::size_t i = 0; i < std::min(plan.sensitivities.size(), constants_shown); ++i) {
    const Sensitivity& s = plan.sensitivities[i];
    if (!residual_shown && std::abs(s.effect) < widest) {
      add_residual();
      residual_shown = true;
    }
    const auto info = constants.find(s.path);
    table.add({{s.path, Tone::plain},
               {constant_text(s.value, info == constants.end() ? Dimension::none : info->second.dimension), Tone::plain},
               {fmt::format("± {} {}", percent(s.spread), to_string(s.kind)),
                s.kind == Provenance::assumed ? Tone::warning : Tone::plain},
               {(s.effect < 0 ? "∓ " : "± ") + percent(std::abs(s.effect)), Tone::plain},
               {printable(s.source), Tone::quiet}});
  }
  if (!residual_shown) add_residual();
  return "\n" + table.render(static_cast<std::size_t>(options.width), "  ", options.color);
}

// Measured runs near the plan that are named.
constexpr std::size_t runs_shown = 3;

}  // namespace

std::string simulate_text(const Report& report, const TextOptions& options) {
  std::string out = text::heading(report, options);
  for (const PlanReport& plan : report.plans) {
    const std::string cluster = summarize(plan.cluster);
    std::string summary = plan_summary(plan) + " · " + printable(plan.plan.software.name);
    if (cluster != report.cluster_summary) summary += " · on " + printable(cluster);
    out += '\n' + painted("  " + cut(printable(plan.plan.name), static_cast<std::size_t>(options.width) - 2),
                          Tone::strong, options.color) + '\n';
    out += paragraph(summary, options) + '\n';
    out += text::headline(report, plan, options);
    out += text::partition(plan, options);
    out += options.ops ? ops_text(plan, options) : roofs_text(plan, options);
    if (options.ops) out += conventions_text(report, plan, options);
    out += text::memory_classes(plan, options);
    out += stages_text(plan, options);
    out += text::collectives(plan, options);
    out += certainty_text(plan, options);
    const std::string evidence = text::nearest_evidence(plan, runs_shown);
    if (!evidence.empty()) out += '\n' + paragraph(evidence, options);
  }
  return out + '\n' + text::not_modelled_text(report, options);
}

}  // namespace lockstep
