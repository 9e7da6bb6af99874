// The schedule in the terminal: rows of stages, legend, bubbles, critical path, memory.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "scenarios/utf8.hpp"
#include "sim/report/memory_curve_text.hpp"
#include "sim/report/numbers.hpp"
#include "sim/report/text.hpp"
#include "sim/report/timeline_drawing.hpp"

namespace lockstep {

namespace {

using drawing::Ink;
using drawing::Row;
using drawing::TimeAxis;

constexpr std::size_t most_rows = 16;
constexpr std::size_t longest_stage_list = 10;

// All stages, or so many of them, evenly spread, the first and the last among them.
std::vector<std::size_t> shown_stages(std::size_t stages) {
  const std::size_t rows = std::min(stages, most_rows);
  std::vector<std::size_t> shown;
  for (std::size_t i = 0; i < rows; ++i) {
    shown.push_back(rows < 2 ? 0 : (i * (stages - 1) + (rows - 1) / 2) / (rows - 1));
  }
  return shown;
}

std::string title(const TimelineReport& timeline, std::size_t rows, const TextOptions& options) {
  std::string words = fmt::format("{} stage{}", timeline.stages, timeline.stages == 1 ? "" : "s");
  if (rows < static_cast<std::size_t>(timeline.stages)) {
    words += fmt::format(" ({} of them drawn)", rows);
  }
  if (timeline.interleave > 1) words += fmt::format(" of {} chunks", timeline.interleave);
  words += fmt::format(" × {} micro-batch{}, {}", timeline.micro_batches,
                       timeline.micro_batches == 1 ? "" : "es", printable(timeline.schedule));
  return "\n" + painted("  the pipeline over the step", Tone::quiet, options.color) + "  " + words +
         "\n";
}

// Writes `text` into `line` so that it starts at `column`, or ends there.
void place(std::string& line, const std::string& text, std::size_t column, bool ends_there) {
  const std::size_t width = display_width(text);
  const std::size_t start = ends_there ? column - std::min(column, width) : column;
  const std::size_t used = display_width(line);
  if (start < used + (used > 0 ? 1 : 0)) return;
  line = pad_right(line, start) + text;
}

// The times at which windows begin and end, below the rows.
std::string time_labels(const TimeAxis& axis, std::size_t margin) {
  std::string line;
  for (const drawing::Window& window : axis.windows) {
    const bool tail = axis.tail && window.column > *axis.tail;
    if (!tail) {
      place(line, window.from == 0 ? "0 s" : duration(window.from), margin + window.column, false);
    }
    place(line, duration(window.to), margin + window.column + window.columns, true);
  }
  return line + '\n';
}

std::string rows_text(const TimelineReport& timeline, const TimeAxis& axis,
                      const std::vector<std::size_t>& stages, std::size_t margin,
                      const TextOptions& options) {
  std::string text;
  const std::vector<Row> rows = draw(timeline, axis, stages, options.color);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    text += pad_left(std::to_string(stages[i] + 1), margin - 1) + " " +
            drawing::text_of(rows[i], options.color) + "\n";
  }
  return text;
}

// Seconds of the steady state that the drawing leaves out.
double left_out(const TimeAxis& axis) {
  return axis.cut ? axis.windows[1].from - axis.windows[0].to : 0;
}

std::string legend(const TimelineReport& timeline, const TimeAxis& axis,
                   const TimelineSummary& summary, const TextOptions& options) {
  const bool color = options.color;
  std::vector<std::pair<Row, std::string>> entries;
  const auto add = [&](const std::string& picture, Ink ink, const std::string& words,
                       bool bright = false) {
    entries.emplace_back(drawing::sample(picture, ink, color, bright), words);
  };
  if (axis.cells) {
    add("1──", Ink::forward, "forward");
    add("1━━", Ink::backward, "backward");
    if (summary.weight_gradient_s > 0) add("1╌╌", Ink::weight_gradient, "weight gradients");
    if (timeline.interleave > 1) add("¹──", Ink::forward, "chunk 2", true);
    if (timeline.interleave > 2) add("₁──", Ink::forward, "chunk 3");
  } else {
    add("░░", Ink::forward, "forward");
    add("▓▓", Ink::backward, "backward");
    add("▒▒", Ink::mixed, "both");
    add("·", Ink::mark, "mostly idle");
  }
  const auto has = [&](SliceKind kind) { return summary.kinds.at(static_cast<std::size_t>(kind)); };
  if (has(SliceKind::parameter_gather)) add("G", Ink::gather, "parameter gather");
  if (has(SliceKind::gradient_reduce)) add("R", Ink::reduce, "gradient reduction");
  if (has(SliceKind::optimizer)) add("O", Ink::optimizer, "optimizer");
  if (has(SliceKind::host)) add("H", Ink::host, "host, stragglers");
  std::string text = "  ";
  std::size_t used = 2;
  for (const auto& [picture, words] : entries) {
    const std::size_t width = picture.size() + 1 + words.size();
    if (used > 2 && used + 3 + width > static_cast<std::size_t>(options.width)) {
      text += "\n  ";
      used = 2;
    }
    if (used > 2) text += "   ";
    used += (used > 2 ? 3 : 0) + width;
    text += drawing::text_of(picture, color) + " " + words;
  }
  return text + '\n';
}

std::string remarks(const TimelineReport& timeline, const TimeAxis& axis,
                    const TextOptions& options) {
  std::string text;
  if (axis.cells) {
    text = axis.full_numbers ? "Numbers are micro-batches."
                             : "A digit is the last one of the micro-batch's number.";
    if (timeline.interleave > 3) text += " Chunk 4 looks like chunk 1 again, and so on.";
  }
  if (axis.cut) {
    text += fmt::format("{}⋯ {} of the steady state are not drawn.", text.empty() ? "" : " ",
                        duration(left_out(axis)));
  }
  if (axis.tail) {
    text += fmt::format("{}Behind ┊ time has its own scale.", text.empty() ? "" : " ");
  }
  return text.empty() ? text : text::paragraph(text, options);
}

// -- below the drawing

struct StageLine {
  std::size_t first = 0, last = 0;
  std::vector<std::string> cells;
};

std::vector<StageLine> stage_lines(const TimelineReport& timeline, const TimelineSummary& summary) {
  std::vector<StageLine> lines;
  for (std::size_t i = 0; i < summary.stages.size(); ++i) {
    const StageSummary& stage = summary.stages[i];
    std::vector<std::string> cells{
        duration(stage.busy_s), duration(stage.bubble_s), percent(stage.bubble_fraction),
        three_digits(static_cast<double>(stage.most_passes_held) /
                     static_cast<double>(timeline.interleave)),
        stage.peak_allocated_bytes > 0 ? memory(stage.peak_allocated_bytes) : std::string{}};
    if (!lines.empty() && lines.back().cells == cells) {
      lines.back().last = i;
    } else {
      lines.push_back({i, i, std::move(cells)});
    }
  }
  return lines;
}

std::string stage_table(const TimelineReport& timeline, const TimelineSummary& summary,
                        const TextOptions& options) {
  Table table({{"stage", Align::right, 0, 0},
               {"busy", Align::right, 0, 2},
               {"bubble", Align::right, 0, 2},
               {"of the passes' time", Align::right, 0, 2},
               {"most in flight", Align::right, 0, 2},
               {"peak allocated", Align::right, 0, 2}});
  const std::vector<StageLine> lines = stage_lines(timeline, summary);
  std::size_t skipped = 0;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const StageLine& line = lines[i];
    const bool worst = !summary.memory.empty() && line.first <= summary.worst_stage &&
                       summary.worst_stage <= line.last;
    const bool at_the_ends = i + 3 < longest_stage_list || i + 3 >= lines.size();
    if (!at_the_ends && !worst) {
      skipped += line.last - line.first + 1;
      continue;
    }
    std::vector<Cell> row{{line.first == line.last
                               ? std::to_string(line.first + 1)
                               : fmt::format("{}–{}", line.first + 1, line.last + 1),
                           Tone::plain}};
    for (std::size_t c = 0; c < line.cells.size(); ++c) {
      row.push_back({line.cells[c], c == 4 && worst ? Tone::strong : Tone::plain});
    }
    table.add(std::move(row));
  }
  std::string text = table.render(static_cast<std::size_t>(options.width), "  ", options.color);
  if (skipped > 0) {
    text += text::paragraph(
        fmt::format("{} more stage{} in between", skipped, skipped == 1 ? "" : "s"), options);
  }
  return text;
}

std::string formula_text(const TimelineReport& timeline, const TimelineSummary& summary,
                         const TextOptions& options) {
  if (!timeline.formula || summary.stages.empty()) return {};
  double longest = 0;
  for (const StageSummary& stage : summary.stages) {
    longest = std::max(longest, stage.idle_between_s);
  }
  const auto shown = [](double seconds) {
    return seconds > 0 ? duration(seconds) : std::string{"0 s"};
  };
  return text::paragraph(
      fmt::format("By {}, the bubble of {} with equal stages and free transfers is {}; here a "
                  "stage idles up to {} between its first and its last pass.",
                  timeline.formula->equation, printable(timeline.schedule),
                  unbroken(shown(timeline.formula->seconds)), unbroken(shown(longest))),
      options);
}

std::string critical_text(const TimelineReport& timeline, const TextOptions& options) {
  double total = 0;
  for (const CriticalPart& part : timeline.critical_path) total += part.seconds;
  if (total <= 0) return {};
  std::vector<CriticalPart> parts = timeline.critical_path;
  std::stable_sort(parts.begin(), parts.end(), [](const CriticalPart& a, const CriticalPart& b) {
    return a.seconds > b.seconds;
  });
  std::string words;
  for (const CriticalPart& part : parts) {
    if (part.seconds <= 0) continue;
    words +=
        (words.empty() ? "" : ", ") + unbroken(printable(part.name) + " " + duration(part.seconds) +
                                               " (" + percent(part.seconds / total) + ")");
  }
  return text::paragraph(
      fmt::format("Along the critical path of {}: {}.", unbroken(duration(total)), words), options);
}

}  // namespace

std::string timeline_text(const TimelineReport& timeline, const TextOptions& options) {
  const TimelineSummary summary = summarize(timeline);
  const std::vector<std::size_t> stages = shown_stages(static_cast<std::size_t>(timeline.stages));
  const std::size_t margin = 3 + std::max<std::size_t>(std::to_string(timeline.stages).size(), 1);
  const TimeAxis axis =
      drawing::make_axis(summary, static_cast<std::size_t>(options.width) - margin);
  if (axis.windows.empty()) return {};
  std::string text = title(timeline, stages.size(), options);
  text += rows_text(timeline, axis, stages, margin, options);
  text += time_labels(axis, margin);
  text += legend(timeline, axis, summary, options);
  text += remarks(timeline, axis, options);
  text += "\n" + stage_table(timeline, summary, options);
  text += formula_text(timeline, summary, options);
  text += critical_text(timeline, options);
  return text + memory_curve_text(timeline, summary, axis, options);
}

}  // namespace lockstep
