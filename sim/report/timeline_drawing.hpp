// The rows of a schedule's drawing: which time each column stands for, and what is in it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "sim/report/timeline_report.hpp"

namespace lockstep::drawing {

// Columns [column, column + columns) show the time [from, to).
struct Window {
  double from = 0;
  double to = 0;
  std::size_t column = 0;
  std::size_t columns = 0;
};

struct TimeAxis {
  std::vector<Window> windows;      // left to right: one or two of passes, then what follows them
  std::size_t columns = 0;          // of all
  bool cells = true;                // every pass is a cell of its own; false: a column is a shade
  bool full_numbers = true;         // of micro-batches; false: their last digit
  std::optional<std::size_t> cut;   // the column where the steady state is left out
  std::optional<std::size_t> tail;  // the column after which time has its own scale

  // What ends the tail; each has a column of its own at least.
  bool optimizer = false;
  bool host = false;

  // The time that a column shows, as [first, second); nothing in a column between windows.
  [[nodiscard]] std::optional<std::pair<double, double>> time_of(std::size_t column) const;
};

// All of the step where every pass has a column or two; else its beginning and its end, where the
// steady state between them can be left out; else shades.
TimeAxis make_axis(const TimelineSummary& summary, std::size_t columns);

enum class Ink {
  none,
  forward,
  backward,
  weight_gradient,
  mixed,
  gather,
  reduce,
  optimizer,
  host,
  mark
};

struct Glyph {
  char32_t character = U' ';
  Ink ink = Ink::none;
  bool bright = false;  // of every second model chunk
};

using Row = std::vector<Glyph>;

// One row for each of the stages, in their order. Plays the timeline once. With `color` what fills
// a cell is left to its background.
std::vector<Row> draw(const TimelineReport& timeline, const TimeAxis& axis,
                      const std::vector<std::size_t>& stages, bool color);

// The row as text, without blanks at its end.
std::string text_of(const Row& row, bool color);

// A sample for the legend.
Row sample(const std::string& text, Ink ink, bool color, bool bright = false);

// The digit of a number for model chunk `chunk`: plain, raised, lowered, and again.
char32_t digit(std::int64_t value, std::int64_t chunk);

}  // namespace lockstep::drawing
