#include "sim/report/scatter.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <utility>

#include "scenarios/utf8.hpp"
#include "sim/report/display.hpp"

namespace lockstep {

namespace {

constexpr std::size_t indent = 2;
constexpr std::size_t least_columns = 20;

// From the least to the most of some values, over so many cells.
struct Scale {
  double least = 0;
  double most = 0;
  std::size_t cells = 1;

  void take(double value, bool first) {
    least = first ? value : std::min(least, value);
    most = first ? value : std::max(most, value);
  }
  [[nodiscard]] std::size_t cell(double value) const {
    if (most <= least) return 0;
    const double share = (value - least) / (most - least);
    return static_cast<std::size_t>(std::lround(share * static_cast<double>(cells - 1)));
  }
};

using Row = std::u32string;

std::string encoded(const Row& row) {
  const std::size_t end = row.find_last_not_of(U' ');
  std::string text;
  for (std::size_t i = 0; i < row.size() && end != Row::npos && i <= end; ++i) {
    append_utf8(text, row[i]);
  }
  return text;
}

// Writes the label to the right of its point, or to the left, where every cell is free with one
// beside it; else not at all. Labels whose characters take other than one cell are left out.
void write_label(Row& row, std::size_t at, const std::string& label) {
  const std::vector<char32_t> characters = decode_utf8(label);
  const std::size_t length = characters.size();
  if (length == 0 || display_width(label) != length) return;
  const auto is_free = [&](std::size_t begin, std::size_t end) {
    return end <= row.size() && std::all_of(row.begin() + static_cast<std::ptrdiff_t>(begin),
                                            row.begin() + static_cast<std::ptrdiff_t>(end),
                                            [](char32_t c) { return c == U' '; });
  };
  std::size_t begin = 0;
  if (is_free(at + 1, std::min(at + 3 + length, std::max(row.size(), at + 2 + length)))) {
    begin = at + 2;
  } else if (at >= length + 2 && is_free(at - length - 2, at)) {
    begin = at - length - 1;
  } else {
    return;
  }
  std::copy(characters.begin(), characters.end(), row.begin() + static_cast<std::ptrdiff_t>(begin));
}

std::vector<ScatterPoint> finite(const std::vector<ScatterPoint>& points) {
  std::vector<ScatterPoint> kept;
  for (const ScatterPoint& point : points) {
    if (std::isfinite(point.x) && std::isfinite(point.y)) kept.push_back(point);
  }
  return kept;
}

// The rows from the top: the most of y first.
std::vector<Row> drawn(const std::vector<ScatterPoint>& points, const Scale& x, const Scale& y) {
  std::vector<Row> rows(y.cells, Row(x.cells, U' '));
  const auto row_of = [&](const ScatterPoint& point) { return y.cells - 1 - y.cell(point.y); };
  for (const bool strong : {false, true}) {
    for (const ScatterPoint& point : points) {
      if (point.strong == strong) rows[row_of(point)][x.cell(point.x)] = strong ? U'●' : U'○';
    }
  }
  for (const ScatterPoint& point : points) {
    write_label(rows[row_of(point)], x.cell(point.x), printable(point.label));
  }
  return rows;
}

}  // namespace

std::string scatter(const std::vector<ScatterPoint>& all, const ScatterAxis& x,
                    const ScatterAxis& y, std::size_t rows, const TextOptions& options) {
  const std::vector<ScatterPoint> points = finite(all);
  if (points.empty()) return {};
  Scale across;
  Scale up;
  for (std::size_t i = 0; i < points.size(); ++i) {
    across.take(points[i].x, i == 0);
    up.take(points[i].y, i == 0);
  }
  up.cells = std::max<std::size_t>(rows, 1);
  const std::string top = y.text(up.most);
  const std::string bottom = up.cells > 1 && up.most > up.least ? y.text(up.least) : std::string{};
  const std::size_t labels = std::max(display_width(top), display_width(bottom));
  const std::size_t taken = indent + labels + 2;
  const auto width = static_cast<std::size_t>(std::max(options.width, 0));
  across.cells = width > taken + least_columns ? width - taken : least_columns;

  const std::string margin(indent, ' ');
  std::string text =
      margin + painted(y.name + " over " + x.name, Tone::quiet, options.color) + '\n';
  const std::vector<Row> drawing = drawn(points, across, up);
  for (std::size_t row = 0; row < drawing.size(); ++row) {
    const std::string label = row == 0 ? top : row + 1 == drawing.size() ? bottom : std::string{};
    const std::string content = encoded(drawing[row]);
    text += margin + pad_left(label, labels) + " │" + content + '\n';
  }
  text += margin + std::string(labels, ' ') + " └";
  for (std::size_t i = 0; i < across.cells; ++i) text += "─";
  text += '\n';
  const std::string least = x.text(across.least);
  const std::string most = across.most > across.least ? x.text(across.most) : std::string{};
  const std::size_t room = across.cells - std::min(across.cells, display_width(least));
  const std::string ends = least + (most.empty() ? std::string{} : pad_left(most, room));
  return text + margin + std::string(labels + 2, ' ') + ends + '\n';
}

}  // namespace lockstep
