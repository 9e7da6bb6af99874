// One plan in full: verdict, where the step goes, where the memory goes, what the numbers lean on.
#include <fmt/format.h>

#include <algorithm>
#include <array>
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

using text::branch;
using text::paragraph;

constexpr std::size_t longest_stage_list = 10;
constexpr std::size_t longest_collective_list = 10;
constexpr std::size_t constants_shown = 5;

// A bar of `share` of `columns`, in eighths of a column.
std::string bar(double share, std::size_t columns) {
  static constexpr std::array<const char*, 8> eighths{"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
  const double length = std::clamp(share, 0.0, 1.0) * static_cast<double>(columns) * 8;
  const auto steps = static_cast<std::size_t>(std::lround(length));
  std::string text;
  for (std::size_t i = 0; i < steps / 8; ++i) text += "█";
  text += eighths.at(steps % 8);
  return text.empty() && share > 0 ? "▏" : text;
}

std::string where_the_peak_is(const PlanReport& plan) {
  const std::size_t stages = plan.memory.stages.size();
  std::string where = "on every GPU";
  if (stages > 1 && equal_stages(plan).size() > 1) {
    where = fmt::format("on pipeline stage {} of {}", plan.memory.worst_stage + 1, stages);
  }
  return fmt::format("peak {} {}, at the {}", memory(plan.peak_memory_bytes.value), where,
                     printable(plan.memory.worst().instant));
}

std::string memory_text(const PlanReport& plan, const TextOptions& options) {
  if (plan.memory.stages.empty()) return {};
  std::vector<MemoryLine> lines = plan.memory.worst().lines;
  lines.erase(std::remove_if(lines.begin(), lines.end(), [](const MemoryLine& line) { return line.bytes.value() == 0; }),
              lines.end());
  const double total = plan.peak_memory_bytes.value;
  const DisplayUnit unit = memory_unit(total);
  std::vector<double> sizes;
  for (const MemoryLine& line : lines) sizes.push_back(line.bytes.value() / unit.scale);
  const int decimals = decimals_of_parts(sizes, total / unit.scale);
  const std::vector<double> rounded = round_to_sum(sizes, total / unit.scale, decimals);
  const std::vector<std::string> percents = text::shares(sizes, total / unit.scale);
  const double scale = std::max(total, plan.usable_memory_bytes) / unit.scale;

  Table table({{"", Align::left, 30, 0}, {"", Align::right, 0, 2}, {"", Align::right, 0, 2}, {"", Align::left, 0, 2}});
  for (std::size_t i = 0; i < lines.size(); ++i) {
    table.add({{branch(i, lines.size()) + printable(lines[i].name), Tone::plain},
               {part(rounded[i], sizes[i], decimals) + " " + unit.name, Tone::plain},
               {percents[i], Tone::plain},
               {bar(sizes[i] / scale, 36), Tone::quiet}});
  }
  return "\n" + paragraph(where_the_peak_is(plan), options) +
         table.render(static_cast<std::size_t>(options.width), "  ", options.color);
}

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

std::string group_text(const GroupShape& shape, const System& system) {
  const char* domain = system.gpus_per_nvlink_domain == system.gpus_per_node ? "node" : "domain";
  if (shape.domains <= 1) return fmt::format("{} GPUs in a {}", shape.ranks, domain);
  if (shape.ranks_per_domain <= 1) return fmt::format("{} GPUs, a {} each", shape.ranks, domain);
  return fmt::format("{} GPUs, {} a {}", shape.ranks, shape.ranks_per_domain, domain);
}

// Calls of one kind, group and size are one row, whichever part of the model they belong to.
std::vector<CollectiveUse> merged(const std::vector<CollectiveUse>& uses) {
  std::vector<CollectiveUse> rows;
  for (const CollectiveUse& use : uses) {
    const auto same = std::find_if(rows.begin(), rows.end(), [&](const CollectiveUse& row) {
      return row.name == use.name && row.bytes == use.bytes && row.shape.ranks == use.shape.ranks &&
             row.shape.domains == use.shape.domains && row.algorithm == use.algorithm;
    });
    if (same == rows.end()) {
      rows.push_back(use);
    } else {
      same->calls += use.calls;
      same->time += use.time;
      same->exposed += use.exposed;
    }
  }
  return rows;
}

std::string collectives_text(const PlanReport& plan, const TextOptions& options) {
  std::vector<CollectiveUse> uses = merged(plan.step.collectives);
  if (uses.empty()) return {};
  std::stable_sort(uses.begin(), uses.end(),
                   [](const CollectiveUse& a, const CollectiveUse& b) { return a.exposed > b.exposed; });
  Table table({{"communication", Align::left, 20, 0},
               {"group", Align::left, 14, 2},
               {"size", Align::right, 0, 2},
               {"calls", Align::right, 0, 2},
               {"in all", Align::right, 0, 2},
               {"exposed", Align::right, 0, 2},
               {"over", Align::left, 5, 2}});
  const std::size_t shown = std::min(uses.size(), longest_collective_list);
  for (std::size_t i = 0; i < shown; ++i) {
    const CollectiveUse& use = uses[i];
    std::string over = printable(use.bottleneck);
    if (!use.algorithm.empty()) over += (over.empty() ? "" : ", ") + printable(use.algorithm);
    // The protocol of large calls goes without saying.
    if (!use.protocol.empty() && use.protocol != "simple") over += " " + printable(use.protocol);
    table.add({{printable(use.name), Tone::plain},
               {group_text(use.shape, plan.cluster.system), Tone::plain},
               {memory(use.bytes.value()), Tone::plain},
               {scaled(use.calls), Tone::plain},
               {duration(use.time.value()), Tone::plain},
               {duration(use.exposed.value()), Tone::plain},
               {over, Tone::plain}});
  }
  std::string out = "\n" + table.render(static_cast<std::size_t>(options.width), "  ", options.color);
  if (uses.size() > shown) out += paragraph(fmt::format("{} more, less exposed", uses.size() - shown), options);
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
    out += memory_text(plan, options);
    out += stages_text(plan, options);
    out += collectives_text(plan, options);
    out += certainty_text(plan, options);
    const std::string evidence = text::nearest_evidence(plan, runs_shown);
    if (!evidence.empty()) out += '\n' + paragraph(evidence, options);
  }
  return out + '\n' + text::not_modelled_text(report, options);
}

}  // namespace lockstep
