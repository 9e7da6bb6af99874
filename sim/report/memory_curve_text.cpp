#include "sim/report/memory_curve_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "scenarios/utf8.hpp"
#include "sim/report/numbers.hpp"
#include "sim/report/text.hpp"

namespace lockstep {

namespace {

using drawing::TimeAxis;

constexpr std::size_t chart_rows = 7;
// A limit further away than this over the peak is named but not drawn.
constexpr double farthest_limit = 2.0;

// The most that the curve has in every column of the axis; below zero where a column shows no time.
std::vector<double> heights(const StageMemoryCurve& curve, const TimeAxis& axis) {
  std::vector<double> most(axis.columns, -1.0);
  for (std::size_t column = 0; column < axis.columns; ++column) {
    const auto time = axis.time_of(column);
    if (!time) continue;
    auto after =
        std::upper_bound(curve.points.begin(), curve.points.end(), time->first,
                         [](double t, const MemoryPoint& point) { return t < point.time; });
    if (after != curve.points.begin()) most[column] = std::prev(after)->bytes;
    for (; after != curve.points.end() && after->time < time->second; ++after) {
      most[column] = std::max(most[column], after->bytes);
    }
  }
  return most;
}

// The column that shows the time; none where it is cut out.
std::optional<std::size_t> column_of(double time, const TimeAxis& axis) {
  for (std::size_t column = 0; column < axis.columns; ++column) {
    const auto shown = axis.time_of(column);
    if (shown && shown->first <= time && time < shown->second) return column;
  }
  return std::nullopt;
}

// The part of a column's bar that lies in a row, in eighths.
const char* block(double filled) {
  static constexpr std::array<const char*, 9> eighths{" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
  return eighths.at(static_cast<std::size_t>(std::lround(std::clamp(filled, 0.0, 1.0) * 8)));
}

std::string trimmed(std::string line) {
  while (!line.empty() && line.back() == ' ') line.pop_back();
  return line;
}

struct Chart {
  double top = 0;  // bytes at the upper edge
  std::optional<std::size_t> limit_row;
};

Chart chart_of(double peak, double limit) {
  Chart chart;
  const bool drawn = limit > 0 && limit <= farthest_limit * peak;
  chart.top = drawn ? std::max(peak, limit) : peak;
  if (!drawn) return chart;
  const double from_top = (chart.top - limit) / chart.top * static_cast<double>(chart_rows);
  chart.limit_row = std::min(static_cast<std::size_t>(from_top), chart_rows - 1);
  return chart;
}

std::string chart_line(const std::vector<double>& bytes, const TimeAxis& axis, const Chart& chart,
                       std::size_t row, const TextOptions& options) {
  const double each = chart.top / static_cast<double>(chart_rows);
  const double floor = each * static_cast<double>(chart_rows - 1 - row);
  const bool limit = chart.limit_row && *chart.limit_row == row;
  const bool beyond = chart.limit_row && row < *chart.limit_row;
  std::string line;
  for (std::size_t column = 0; column < bytes.size(); ++column) {
    if (axis.cut && *axis.cut == column) {
      line += "⋯";
    } else if (axis.tail && *axis.tail == column) {
      line += "┊";
    } else {
      const std::string filled = block((bytes[column] - floor) / each);
      if (limit && filled == " ") {
        line += "─";
      } else {
        line += beyond && filled == "█" ? "▒" : filled;
      }
    }
  }
  line = trimmed(line);
  const Tone tone = beyond ? Tone::bad : (limit ? Tone::warning : Tone::plain);
  return painted(line, tone, options.color);
}

// "peak 48.2 GiB at the backward pass of micro-batch 1, 1.2 s in: weights 13.1, activations …".
std::string peak_text(const TimelineReport& timeline, const TimelineSummary& summary) {
  const MemoryPeak& peak = summary.memory[summary.worst_stage].peak;
  const DisplayUnit unit = memory_unit(peak.bytes);
  std::vector<MemoryShare> holders = peak.holders;
  std::stable_sort(holders.begin(), holders.end(),
                   [](const MemoryShare& a, const MemoryShare& b) { return a.bytes > b.bytes; });
  std::vector<double> sizes;
  sizes.reserve(holders.size());
  for (const MemoryShare& share : holders) sizes.push_back(share.bytes / unit.scale);
  const int decimals = decimals_of_parts(sizes, peak.bytes / unit.scale);
  const std::vector<double> rounded = round_to_sum(sizes, peak.bytes / unit.scale, decimals);
  std::string words = fmt::format("▲ {}", unbroken(memory(peak.bytes)));
  words += fmt::format(" first {}, {} into the step", instant_name(peak, timeline),
                       unbroken(peak.time > 0 ? duration(peak.time) : "0 s"));
  if (peak.passes_held > 0) {
    const double held =
        static_cast<double>(peak.passes_held) / static_cast<double>(timeline.interleave);
    words +=
        fmt::format(", {} in flight",
                    unbroken(three_digits(held) + (held == 1 ? " micro-batch" : " micro-batches")));
  }
  words += ": ";
  for (std::size_t i = 0; i < holders.size(); ++i) {
    words += (i > 0 ? ", " : "") + unbroken(printable(holders[i].name) + " " +
                                            part(rounded[i], sizes[i], decimals) + " " + unit.name);
  }
  return words + ".";
}

}  // namespace

std::string memory_curve_text(const TimelineReport& timeline, const TimelineSummary& summary,
                              const TimeAxis& axis, const TextOptions& options) {
  if (summary.memory.empty()) return {};
  const StageMemoryCurve& curve = summary.memory[summary.worst_stage];
  if (curve.peak.bytes <= 0) return {};
  const std::vector<double> bytes = heights(curve, axis);
  const Chart chart = chart_of(curve.peak.bytes, timeline.capacity_bytes);
  const std::size_t margin = 3 + std::to_string(timeline.stages).size();

  std::string words = "allocated memory";
  if (timeline.stages > 1) {
    words += fmt::format(" on stage {}, which needs most", summary.worst_stage + 1);
  }
  std::string text = "\n" + painted("  " + words, Tone::quiet, options.color);
  if (timeline.capacity_bytes > 0) {
    text += fmt::format("  {}{} is the limit{}", chart.limit_row ? "─ " : "",
                        memory(timeline.capacity_bytes),
                        timeline.capacity_bytes < curve.peak.bytes ? ", ▒ beyond" : "");
  }
  text += "\n";
  for (std::size_t row = 0; row < chart_rows; ++row) {
    text += trimmed(std::string(margin, ' ') + chart_line(bytes, axis, chart, row, options)) + "\n";
  }
  if (const auto column = column_of(curve.peak.time, axis)) {
    text += std::string(margin + *column, ' ') + "▲\n";
  }
  return text + text::paragraph(peak_text(timeline, summary), options);
}

}  // namespace lockstep
