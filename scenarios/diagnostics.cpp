#include "scenarios/diagnostics.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <utility>

#include "scenarios/utf8.hpp"

namespace lockstep {
namespace {

constexpr std::size_t tab_width = 4;
constexpr std::size_t widest_line = 92;   // with the gutter: 100 columns
constexpr std::size_t lead_in = 30;       // characters shown before the mark of a clipped line

// One character of a source line as it is shown.
struct Cell {
  std::string text;
  std::size_t width = 1;
};

// The characters of a source line: tabs as spaces up to the next stop, nothing unprintable.
std::vector<Cell> cells_of(const std::string& line) {
  std::vector<Cell> cells;
  std::size_t column = 0;
  for (const char32_t character : decode_utf8(line)) {
    Cell cell;
    if (character == U'\t') {
      cell.width = tab_width - column % tab_width;
      cell.text.assign(cell.width, ' ');
    } else if (is_unprintable(character)) {
      append_utf8(cell.text, 0xFFFD);
    } else {
      append_utf8(cell.text, character);
      cell.width = static_cast<std::size_t>(display_width(character));
    }
    column += cell.width;
    cells.push_back(std::move(cell));
  }
  return cells;
}

std::size_t width_of(const std::vector<Cell>& cells, std::size_t from, std::size_t to) {
  std::size_t width = 0;
  for (std::size_t i = from; i < std::min(to, cells.size()); ++i) width += cells[i].width;
  return width;
}

// Appends the source line and the line with the caret below it.
void append_excerpt(std::string& text, const Diagnostic& diagnostic) {
  const std::vector<Cell> cells = cells_of(diagnostic.source_line);
  const std::size_t mark = diagnostic.column > 0 ? static_cast<std::size_t>(diagnostic.column) - 1 : 0;
  const std::size_t length = static_cast<std::size_t>(std::max(1, diagnostic.length));

  std::size_t begin = 0;
  std::size_t end = cells.size();
  if (width_of(cells, 0, end) > widest_line) {
    begin = mark > widest_line - lead_in ? mark - lead_in : 0;
    end = begin;
    std::size_t width = begin > 0 ? 1 : 0;
    while (end < cells.size() && width + cells[end].width <= widest_line - 1) {
      width += cells[end].width;
      ++end;
    }
  }

  const std::string number = diagnostic.line > 0 ? std::to_string(diagnostic.line) : std::string{};
  text += fmt::format("{:>5} | ", number);
  if (begin > 0) text += "…";
  for (std::size_t i = begin; i < end; ++i) text += cells[i].text;
  if (end < cells.size()) text += "…";
  text += '\n';

  if (diagnostic.column > 0) {
    text += "      | ";
    const std::size_t beyond = mark > cells.size() ? mark - cells.size() : 0;
    text.append(width_of(cells, begin, mark) + beyond + (begin > 0 ? 1 : 0), ' ');
    const std::size_t marked = width_of(cells, mark, std::min(mark + length, end));
    text += '^';
    text.append(marked > 1 ? marked - 1 : 0, '~');
    if (!diagnostic.label.empty()) text += ' ' + printable(diagnostic.label);
    text += '\n';
  }
}

// Words broken over lines of 100 columns, those after the first indented like the text behind `lead`.
std::string wrapped(const std::string& lead, const std::string& words) {
  constexpr std::size_t widest = 100;
  std::string text = lead;
  std::size_t column = lead.size();
  bool first = true;
  for (std::size_t begin = 0; begin < words.size();) {
    const std::size_t end = std::min(words.find(' ', begin), words.size());
    const std::string word = words.substr(begin, end - begin);
    std::size_t width = 0;
    for (const char32_t character : decode_utf8(word)) width += static_cast<std::size_t>(display_width(character));
    if (!first && column + 1 + width > widest) {
      text += '\n' + std::string(lead.size(), ' ');
      column = lead.size();
      first = true;
    }
    if (!first) text += ' ';
    text += word;
    column += width + (first ? 0 : 1);
    first = false;
    begin = end + 1;
  }
  return text + '\n';
}

// Lower case, with '_' for '-': spellings that differ in these alone are one name to a reader.
std::string folded(const std::string& name) {
  std::string result = name;
  for (char& character : result) {
    if (character >= 'A' && character <= 'Z') character = static_cast<char>(character - 'A' + 'a');
    if (character == '-') character = '_';
  }
  return result;
}

// Insertions, deletions, substitutions and swaps of neighbours that turn one text into the other.
std::size_t edit_distance(const std::string& a, const std::string& b) {
  std::vector<std::size_t> before(b.size() + 1), last(b.size() + 1), row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t change = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({change, last[j] + 1, row[j - 1] + 1});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        row[j] = std::min(row[j], before[j - 2] + 1);
      }
    }
    std::swap(before, last);
    std::swap(last, row);
  }
  return last[b.size()];
}

}  // namespace

InputError::InputError(std::vector<Diagnostic> diagnostics)
    : std::runtime_error(render(diagnostics)), diagnostics_(std::move(diagnostics)) {}

std::string render(const Diagnostic& diagnostic) {
  std::string text = diagnostic.file.empty() ? "lockstep" : printable(diagnostic.file);
  if (diagnostic.line > 0) {
    text += fmt::format(":{}", diagnostic.line);
    if (diagnostic.column > 0) text += fmt::format(":{}", diagnostic.column);
  }
  text += fmt::format(": error[{}]: {}\n", diagnostic.code, printable(diagnostic.message));
  if (!diagnostic.source_line.empty()) append_excerpt(text, diagnostic);
  if (!diagnostic.hint.empty()) text += wrapped("      = hint: ", printable(diagnostic.hint));
  return text;
}

std::string render(const std::vector<Diagnostic>& diagnostics) {
  std::string text;
  for (const Diagnostic& diagnostic : diagnostics) text += render(diagnostic);
  return text;
}

std::vector<std::string> nearest_names(const std::string& name, const std::vector<std::string>& valid,
                                       std::size_t count) {
  if (valid.size() <= count) return valid;
  constexpr std::size_t longest = 64;
  const std::string wanted = folded(name.substr(0, longest));
  const auto common = [&](const std::string& candidate) {
    std::size_t length = 0;
    while (length < std::min(wanted.size(), candidate.size()) && wanted[length] == candidate[length]) ++length;
    return length;
  };
  std::vector<std::pair<long, std::string>> ranked;
  for (const std::string& candidate : valid) {
    const std::string text = folded(candidate.substr(0, longest));
    const long distance = static_cast<long>(edit_distance(wanted, text)) - 2 * static_cast<long>(common(text));
    ranked.emplace_back(distance, candidate);
  }
  std::stable_sort(ranked.begin(), ranked.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<std::string> nearest;
  for (std::size_t i = 0; i < count; ++i) nearest.push_back(ranked[i].second);
  return nearest;
}

std::string nearest_name(const std::string& name, const std::vector<std::string>& valid) {
  constexpr std::size_t longest = 64;  // a longer text is no misspelt name, and comparing it costs
  if (name.empty() || name.size() > longest) return {};
  const std::string wanted = folded(name);
  const std::size_t limit = std::max<std::size_t>(1, wanted.size() / 3);
  std::string nearest;
  std::size_t smallest = limit + 1;
  for (const std::string& candidate : valid) {
    if (candidate.size() > longest) continue;
    const std::size_t distance = edit_distance(wanted, folded(candidate));
    if (distance < smallest) {
      smallest = distance;
      nearest = candidate;
    }
  }
  if (!nearest.empty() || wanted.size() < 3) return nearest;
  for (const std::string& candidate : valid) {
    const bool begins_so = folded(candidate).compare(0, wanted.size(), wanted) == 0;
    if (begins_so && (nearest.empty() || candidate.size() < nearest.size())) nearest = candidate;
  }
  return nearest;
}

}  // namespace lockstep
