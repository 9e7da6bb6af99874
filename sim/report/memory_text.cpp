// What fills the memory at the peak, as a table with bars.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "scenarios/utf8.hpp"
#include "sim/report/insight.hpp"
#include "sim/report/numbers.hpp"
#include "sim/report/text.hpp"

namespace lockstep::text {

namespace {

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

}  // namespace

std::string memory_classes(const PlanReport& plan, const TextOptions& options) {
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
  const std::vector<std::string> percents = shares(sizes, total / unit.scale);
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

}  // namespace lockstep::text
