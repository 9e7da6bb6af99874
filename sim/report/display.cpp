#include "sim/report/display.hpp"

#include <algorithm>

#include "scenarios/utf8.hpp"

namespace lockstep {

namespace {

// The longest prefix that takes at most `columns`, in code points.
std::size_t prefix_length(const std::vector<char32_t>& text, std::size_t columns) {
  std::size_t used = 0;
  std::size_t length = 0;
  for (; length < text.size(); ++length) {
    used += static_cast<std::size_t>(display_width(text[length]));
    if (used > columns) break;
  }
  return length;
}

std::string encode(const std::vector<char32_t>& text, std::size_t from, std::size_t to) {
  std::string encoded;
  for (std::size_t i = from; i < to; ++i) append_utf8(encoded, text[i]);
  return encoded;
}

constexpr std::string_view no_break_space = "\u00a0";

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size()) {
    text.replace(at, from.size(), to);
  }
  return text;
}

}  // namespace

std::size_t display_width(std::string_view text) {
  std::size_t columns = 0;
  for (const char32_t character : decode_utf8(text)) columns += static_cast<std::size_t>(display_width(character));
  return columns;
}

std::string cut(std::string_view text, std::size_t columns) {
  if (display_width(text) <= columns) return std::string{text};
  if (columns == 0) return {};
  const std::vector<char32_t> characters = decode_utf8(text);
  std::string kept = encode(characters, 0, prefix_length(characters, columns - 1));
  while (!kept.empty() && kept.back() == ' ') kept.pop_back();
  return kept + "…";
}

std::string pad_right(std::string_view text, std::size_t columns) {
  const std::size_t width = display_width(text);
  return std::string{text} + std::string(width < columns ? columns - width : 0, ' ');
}

std::string pad_left(std::string_view text, std::size_t columns) {
  const std::size_t width = display_width(text);
  return std::string(width < columns ? columns - width : 0, ' ') + std::string{text};
}

std::string wrap(std::string_view text, std::size_t width, std::string_view indent, std::string_view hanging) {
  std::string result{indent};
  std::size_t used = display_width(indent);
  bool first_word = true;
  std::string rest;  // of a word that is longer than a line
  const auto new_line = [&] {
    result += '\n';
    result += hanging;
    used = display_width(hanging);
    first_word = true;
  };
  while (!text.empty()) {
    const std::size_t space = text.find(' ');
    std::string_view word = text.substr(0, space);
    text = space == std::string_view::npos ? std::string_view{} : text.substr(space + 1);
    if (word.empty()) continue;
    if (!first_word && used + 1 + display_width(word) > width) new_line();
    while (first_word && used + display_width(word) > width) {
      const std::vector<char32_t> characters = decode_utf8(word);
      const std::size_t room = width > used ? width - used : 1;
      const std::size_t piece = std::max<std::size_t>(prefix_length(characters, room), 1);
      result += encode(characters, 0, piece);
      rest = encode(characters, piece, characters.size());
      word = rest;
      if (word.empty()) break;
      new_line();
    }
    if (word.empty()) continue;
    if (!first_word) result += ' ', ++used;
    result += word;
    used += display_width(word);
    first_word = false;
  }
  return replaced(std::move(result), no_break_space, " ");
}

std::string unbroken(std::string_view text) { return replaced(std::string{text}, " ", no_break_space); }

std::string painted(std::string_view text, Tone tone, bool color) {
  if (!color || tone == Tone::plain || text.empty()) return std::string{text};
  const char* code = "";
  switch (tone) {
    case Tone::plain: break;
    case Tone::strong: code = "1"; break;
    case Tone::good: code = "32"; break;
    case Tone::bad: code = "31"; break;
    case Tone::warning: code = "33"; break;
    case Tone::quiet: code = "2"; break;
  }
  return "\x1b[" + std::string{code} + "m" + std::string{text} + "\x1b[0m";
}

std::vector<std::size_t> Table::natural_widths() const {
  std::vector<std::size_t> widths(columns_.size());
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    widths[i] = display_width(columns_[i].header);
    for (const auto& row : rows_) {
      if (i < row.size()) widths[i] = std::max(widths[i], display_width(row[i].text));
    }
  }
  return widths;
}

std::size_t Table::natural_width() const {
  std::size_t total = 0;
  for (const std::size_t width : natural_widths()) total += width;
  for (std::size_t i = 1; i < columns_.size(); ++i) total += columns_[i].gap;
  return total;
}

std::vector<std::size_t> Table::widths(std::size_t available) const {
  std::vector<std::size_t> widths = natural_widths();
  std::size_t total = natural_width();
  for (std::size_t i = columns_.size(); i-- > 0 && total > available;) {
    if (columns_[i].least == 0 || widths[i] <= columns_[i].least) continue;
    const std::size_t given = std::min(widths[i] - columns_[i].least, total - available);
    widths[i] -= given;
    total -= given;
  }
  return widths;
}

std::string Table::line(const std::vector<Cell>& cells, const std::vector<std::size_t>& widths,
                        std::string_view indent, bool color) const {
  std::string text{indent};
  std::string pending;  // spaces that are only written where something follows
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    if (i > 0) pending += std::string(columns_[i].gap, ' ');
    const Cell cell = i < cells.size() ? cells[i] : Cell{};
    const std::string shown = cut(cell.text, widths[i]);
    const std::string filling(widths[i] - std::min(widths[i], display_width(shown)), ' ');
    if (columns_[i].align == Align::right) pending += filling;
    if (!shown.empty()) {
      text += pending + painted(shown, cell.tone, color);
      pending.clear();
    }
    if (columns_[i].align == Align::left) pending += filling;
  }
  return text + '\n';
}

std::string Table::render(std::size_t width, std::string_view indent, bool color) const {
  const std::size_t margin = display_width(indent);
  const std::vector<std::size_t> columns = widths(width > margin ? width - margin : 0);
  std::string text;
  std::vector<Cell> headers;
  for (const Column& column : columns_) headers.push_back({column.header, Tone::quiet});
  if (std::any_of(columns_.begin(), columns_.end(), [](const Column& c) { return !c.header.empty(); })) {
    text += line(headers, columns, indent, color);
  }
  for (const auto& row : rows_) text += line(row, columns, indent, color);
  return text;
}

}  // namespace lockstep
