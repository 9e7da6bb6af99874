// Text measured in terminal columns, not in bytes: widths, padding, cutting, wrapping, colour.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace lockstep {

// Columns that UTF-8 text takes on a terminal: 0 for combining marks, 2 for wide East Asian characters and
// emoji, 1 for the rest. Escape sequences would count: colour is added after the layout, and what comes from
// files goes through printable() of scenarios/utf8.hpp first.
std::size_t display_width(std::string_view text);

// Cut to at most `columns`, ending in "…" where something was cut.
std::string cut(std::string_view text, std::size_t columns);

std::string pad_right(std::string_view text, std::size_t columns);  // text at the left
std::string pad_left(std::string_view text, std::size_t columns);   // text at the right

// Words broken over lines of at most `width` columns; every line starts with `indent`, lines after the first
// with `hanging`. A word that is longer than a line is cut into pieces.
// Spaces of unbroken() text do not end a word.
std::string wrap(std::string_view text, std::size_t width, std::string_view indent, std::string_view hanging);

// The text with no-break spaces, which wrap() turns into spaces again: keeps a number beside its unit.
std::string unbroken(std::string_view text);

// What a piece of text is, for its colour.
enum class Tone { plain, strong, good, bad, warning, quiet };

// The text in the tone's colour, or as it is where `color` is false.
std::string painted(std::string_view text, Tone tone, bool color);

enum class Align { left, right };

struct Column {
  std::string header;
  Align align = Align::left;
  std::size_t least = 0;   // > 0: may be cut down to this width where the table is too wide
  std::size_t gap = 2;     // spaces before it
};

struct Cell {
  std::string text;
  Tone tone = Tone::plain;
};

// Rows under headers, as wide as their content and never wider than `width`: columns that may be cut are cut,
// the last of them first. A table without any header prints none.
class Table {
 public:
  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}
  void add(std::vector<Cell> row) { rows_.push_back(std::move(row)); }
  // Columns that it takes where nothing is cut, without an indent.
  [[nodiscard]] std::size_t natural_width() const;
  [[nodiscard]] std::string render(std::size_t width, std::string_view indent, bool color) const;

 private:
  [[nodiscard]] std::vector<std::size_t> natural_widths() const;
  [[nodiscard]] std::vector<std::size_t> widths(std::size_t available) const;
  [[nodiscard]] std::string line(const std::vector<Cell>& cells, const std::vector<std::size_t>& widths,
                                 std::string_view indent, bool color) const;

  std::vector<Column> columns_;
  std::vector<std::vector<Cell>> rows_;
};

}  // namespace lockstep
