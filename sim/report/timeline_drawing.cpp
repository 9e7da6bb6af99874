#include "sim/report/timeline_drawing.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "scenarios/utf8.hpp"

namespace lockstep::drawing {

namespace {

// Passes may be drawn one column wide where the longer kinds are at least so much longer, so that
// they have room for what tells them from the shortest.
constexpr double tellable_ratio = 1.5;
// Wider cells say no more.
constexpr double widest_cell = 4;
// A beginning that shows this share of the filling pipeline is still drawn in cells.
constexpr double enough_of_filling = 0.7;
// With fewer passes to a column shades are noise.
constexpr double passes_per_shade = 3;
// In shades: the filling pipeline and a little of the steady state.
constexpr double filling_margin = 1.2;
// Two windows that would show this share of the step show all of it instead.
constexpr double worth_a_cut = 0.8;
// A shade is that of one kind of passes where no more than the rest is of another.
constexpr double one_kind = 0.95;
constexpr std::size_t least_tail = 3, most_tail = 10;

struct PassTimes {
  double shortest = 0;
  double least_columns = 1;  // of the shortest pass
};

PassTimes pass_times(const TimelineSummary& summary) {
  PassTimes times;
  for (const double t : {summary.forward_s, summary.backward_s, summary.weight_gradient_s}) {
    if (t > 0 && (times.shortest == 0 || t < times.shortest)) times.shortest = t;
  }
  int close = 0;
  for (const double t : {summary.forward_s, summary.backward_s, summary.weight_gradient_s}) {
    if (t > 0 && t < tellable_ratio * times.shortest) ++close;
  }
  if (close > 1) times.least_columns = 2;
  return times;
}

double as_double(std::size_t value) {
  return static_cast<double>(value);
}

// One window over [0, end) at so many columns a second, or as wide as there is room.
void add_whole(TimeAxis& axis, double end, double scale, std::size_t room) {
  const auto columns = std::min(room, static_cast<std::size_t>(std::ceil(end * scale - 1e-6)));
  axis.windows.push_back({0, as_double(columns) / scale, 0, columns});
  axis.columns = columns;
}

void add_ends(TimeAxis& axis, double end, double scale, std::size_t room) {
  const std::size_t each = (room - 1) / 2;
  const double shown = as_double(each) / scale;
  axis.windows.push_back({0, shown, 0, each});
  axis.windows.push_back({end - shown, end, each + 1, each});
  axis.cut = each;
  axis.columns = 2 * each + 1;
}

void add_passes(TimeAxis& axis, const TimelineSummary& summary, std::size_t room) {
  const double end = summary.last_pass_s;
  const PassTimes times = pass_times(summary);
  // Whole columns a pass, as long as cells are narrow: all cells are then equally wide.
  const double whole = as_double(room) * times.shortest / end;
  if (whole >= times.least_columns) {
    const double columns = whole < widest_cell ? std::floor(whole) : whole;
    add_whole(axis, end, columns / times.shortest, room);
    return;
  }
  const double filling = std::max(summary.first_backward_end_s, end - summary.last_forward_start_s);
  const double each = as_double((room - 1) / 2);
  double columns = std::min(widest_cell, std::floor(each * times.shortest / filling));
  const bool whole_in_shades = 2 * filling_margin * filling >= worth_a_cut * end;
  const double shade = whole_in_shades ? end / as_double(room) : filling_margin * filling / each;
  if (columns < times.least_columns &&
      (each * times.shortest / filling >= enough_of_filling * times.least_columns ||
       shade < passes_per_shade * times.shortest)) {
    columns = times.least_columns;
  }
  if (columns >= times.least_columns && 2 * each * times.shortest / columns < end) {
    add_ends(axis, end, columns / times.shortest, room);
    return;
  }
  axis.cells = columns >= times.least_columns;
  if (whole_in_shades) {
    add_whole(axis, end, as_double(room) / end, room);
  } else {
    add_ends(axis, end, each / (filling_margin * filling), room);
  }
}

constexpr std::array<char32_t, 10> raised{U'⁰', U'¹', U'²', U'³', U'⁴',
                                          U'⁵', U'⁶', U'⁷', U'⁸', U'⁹'};
constexpr char32_t lowered_zero = U'₀';

Ink ink_of(SliceKind kind) {
  switch (kind) {
    case SliceKind::forward:
      return Ink::forward;
    case SliceKind::backward:
      return Ink::backward;
    case SliceKind::weight_gradient:
      return Ink::weight_gradient;
    case SliceKind::parameter_gather:
      return Ink::gather;
    case SliceKind::gradient_reduce:
      return Ink::reduce;
    case SliceKind::optimizer:
      return Ink::optimizer;
    case SliceKind::host:
      return Ink::host;
    case SliceKind::transfer:
    case SliceKind::count:
      break;
  }
  return Ink::none;
}

char32_t filling_of(Ink ink) {
  switch (ink) {
    case Ink::forward:
      return U'─';
    case Ink::backward:
      return U'━';
    case Ink::weight_gradient:
      return U'╌';
    case Ink::gather:
      return U'G';
    case Ink::reduce:
      return U'R';
    case Ink::optimizer:
      return U'O';
    case Ink::host:
      return U'H';
    case Ink::mixed:
    case Ink::mark:
    case Ink::none:
      break;
  }
  return U' ';
}

bool is_pass(Ink ink) {
  return ink == Ink::forward || ink == Ink::backward || ink == Ink::weight_gradient;
}

class Painter final : public SliceSink {
 public:
  Painter(const TimeAxis& axis, const std::vector<std::size_t>& stages, bool color)
      : axis_(axis), stages_(stages), color_(color) {
    rows_.assign(stages.size(), Row(axis.columns));
    tail_next_.assign(stages.size(), 0);
    if (!axis.cells) shades_.assign(stages.size(), std::vector<Shade>(axis.columns));
  }

  void add(const Slice& slice) override {
    const Ink ink = ink_of(slice.kind);
    const auto found =
        std::lower_bound(stages_.begin(), stages_.end(), static_cast<std::size_t>(slice.stage));
    if (ink == Ink::none || found == stages_.end() ||
        *found != static_cast<std::size_t>(slice.stage)) {
      return;
    }
    const auto row = static_cast<std::size_t>(found - stages_.begin());
    for (const Window& window : axis_.windows) {
      if (slice.start >= window.to || slice.end <= window.from) continue;
      const bool tail = axis_.tail && window.column > *axis_.tail;
      if (!axis_.cells && !tail) {
        shade(row, window, slice, ink);
      } else {
        cell(row, window, slice, ink, tail);
      }
    }
  }

  std::vector<Row> take() {
    for (std::size_t row = 0; row < rows_.size(); ++row) {
      if (!axis_.cells) finish_shades(row);
      if (axis_.cut) rows_[row][*axis_.cut] = {U'⋯', Ink::mark};
      if (axis_.tail) rows_[row][*axis_.tail] = {U'┊', Ink::mark};
    }
    return std::move(rows_);
  }

 private:
  struct Shade {
    double forward = 0, backward = 0, data = 0;
    Ink data_ink = Ink::none;
  };

  static double position(const Window& window, double time) {
    const double share = (time - window.from) / (window.to - window.from);
    return std::clamp(share, 0.0, 1.0) * as_double(window.columns);
  }

  // Columns of the tail that what comes after this needs at least.
  [[nodiscard]] std::size_t columns_behind(Ink ink) const {
    const bool host = axis_.host && ink != Ink::host;
    const bool optimizer = axis_.optimizer && ink != Ink::optimizer && ink != Ink::host;
    return static_cast<std::size_t>(host) + static_cast<std::size_t>(optimizer);
  }

  void cell(std::size_t row, const Window& window, const Slice& slice, Ink ink, bool tail) {
    auto from = static_cast<std::size_t>(std::lround(position(window, slice.start)));
    auto to = static_cast<std::size_t>(std::lround(position(window, slice.end)));
    if (tail) {  // what follows the passes may be short, but it is there
      const std::size_t kept = columns_behind(ink);
      const std::size_t end = std::max<std::size_t>(window.columns - kept, 1);
      from = std::min(std::max(from, tail_next_[row]), end - 1);
      to = std::min(std::max(to, from + 1), end);
      if (slice.stream == Stream::compute) tail_next_[row] = to;
    }
    from += window.column;
    to += window.column;
    const bool bright = slice.chunk % 2 == 1;
    const char32_t filling = color_ && is_pass(ink) ? U' ' : filling_of(ink);
    for (std::size_t i = from; i < to; ++i) {
      Glyph& glyph = rows_[row][i];
      // Beside a pass communication is not seen.
      if (slice.stream != Stream::compute && glyph.ink != Ink::none) continue;
      glyph = {filling, ink, bright};
    }
    if (is_pass(ink) && to > from) number(row, from, to - from, slice);
  }

  // The micro-batch in full where all cells leave a column for what fills them, else its last
  // digit.
  void number(std::size_t row, std::size_t from, std::size_t width, const Slice& slice) {
    const std::string digits = std::to_string(slice.micro_batch + 1);
    const std::string shown = axis_.full_numbers ? digits : digits.substr(digits.size() - 1);
    for (std::size_t i = 0; i < std::min(shown.size(), width); ++i) {
      rows_[row][from + i].character = digit(shown[i] - '0', slice.chunk);
    }
  }

  void shade(std::size_t row, const Window& window, const Slice& slice, Ink ink) {
    const double from = position(window, slice.start);
    const double to = position(window, slice.end);
    for (auto i = static_cast<std::size_t>(from); as_double(i) < to; ++i) {
      if (i >= window.columns) break;
      const double part = std::min(to, as_double(i + 1)) - std::max(from, as_double(i));
      Shade& column = shades_[row][window.column + i];
      if (ink == Ink::forward) {
        column.forward += part;
      } else if (is_pass(ink)) {
        column.backward += part;
      } else {
        column.data += part;
        column.data_ink = ink;
      }
    }
  }

  void finish_shades(std::size_t row) {
    for (std::size_t i = 0; i < axis_.columns; ++i) {
      const Shade& shade = shades_[row][i];
      const double busy = shade.forward + shade.backward;
      Glyph& glyph = rows_[row][i];
      if (busy >= 0.5) {
        glyph = {U'▒', Ink::mixed};
        if (shade.forward > one_kind * busy) glyph = {U'░', Ink::forward};
        if (shade.backward > one_kind * busy) glyph = {U'▓', Ink::backward};
        if (color_) glyph.character = U' ';
      } else if (busy >= 0.1) {
        glyph = {U'·', Ink::mark};
      } else if (shade.data >= 0.5) {
        glyph = {filling_of(shade.data_ink), shade.data_ink};
      }
    }
  }

  const TimeAxis& axis_;
  const std::vector<std::size_t>& stages_;
  bool color_;
  std::vector<Row> rows_;
  std::vector<std::size_t> tail_next_;
  std::vector<std::vector<Shade>> shades_;
};

const char* color_of(const Glyph& glyph) {
  switch (glyph.ink) {
    case Ink::none:
      return "";
    case Ink::forward:
      return glyph.bright ? "30;104" : "97;44";
    case Ink::backward:
      return glyph.bright ? "30;102" : "30;42";
    case Ink::weight_gradient:
      return glyph.bright ? "30;103" : "30;43";
    case Ink::mixed:
      return "30;46";
    case Ink::gather:
      return "97;45";
    case Ink::reduce:
      return "97;45";
    case Ink::optimizer:
      return "97;41";
    case Ink::host:
      return "97;100";
    case Ink::mark:
      return "2";
  }
  return "";
}

}  // namespace

char32_t digit(std::int64_t value, std::int64_t chunk) {
  switch (chunk % 3) {
    case 1:
      return raised.at(static_cast<std::size_t>(value));
    case 2:
      return lowered_zero + static_cast<char32_t>(value);
    default:
      return U'0' + static_cast<char32_t>(value);
  }
}

std::optional<std::pair<double, double>> TimeAxis::time_of(std::size_t column) const {
  for (const Window& window : windows) {
    if (column < window.column || column >= window.column + window.columns) continue;
    const double each = (window.to - window.from) / as_double(window.columns);
    const double from = window.from + each * as_double(column - window.column);
    return std::pair{from, from + each};
  }
  return std::nullopt;
}

TimeAxis make_axis(const TimelineSummary& summary, std::size_t columns) {
  TimeAxis axis;
  const double end = summary.last_pass_s;
  if (end <= 0) return axis;
  const auto digits = std::to_string(summary.micro_batches).size();
  const double after = summary.end_s - end;
  const auto share = static_cast<std::size_t>(after / summary.end_s * as_double(columns) + 0.5);
  const std::size_t reserved = after > 0 ? std::clamp(share, least_tail, most_tail) + 1 : 0;
  add_passes(axis, summary, columns - reserved);
  const Window& any = axis.windows.front();
  axis.full_numbers = axis.cells && pass_times(summary).shortest * as_double(any.columns) >=
                                        as_double(digits + 1) * (any.to - any.from) * (1 - 1e-9);
  if (after <= 0) return axis;
  const Window& last = axis.windows.back();
  const double scale = as_double(last.columns) / (last.to - last.from);
  const auto wanted = static_cast<std::size_t>(std::min(after * scale + 0.5, 1e6));
  const std::size_t width =
      std::clamp(wanted, least_tail, std::min(most_tail, columns - axis.columns - 1));
  axis.optimizer = summary.kinds.at(static_cast<std::size_t>(SliceKind::optimizer));
  axis.host = summary.kinds.at(static_cast<std::size_t>(SliceKind::host));
  axis.tail = axis.columns;
  axis.windows.push_back({end, summary.end_s, axis.columns + 1, width});
  axis.columns += 1 + width;
  return axis;
}

std::vector<Row> draw(const TimelineReport& timeline, const TimeAxis& axis,
                      const std::vector<std::size_t>& stages, bool color) {
  Painter painter(axis, stages, color);
  timeline.play(painter);
  return painter.take();
}

std::string text_of(const Row& row, bool color) {
  std::size_t used = row.size();
  while (used > 0 && row[used - 1].character == U' ' &&
         (!color || row[used - 1].ink == Ink::none)) {
    --used;
  }
  std::string text;
  std::string now;
  for (std::size_t i = 0; i < used; ++i) {
    const std::string wanted = color ? color_of(row[i]) : "";
    if (wanted != now) {
      if (!now.empty()) text += "\x1b[0m";
      if (!wanted.empty()) text += "\x1b[" + wanted + "m";
      now = wanted;
    }
    append_utf8(text, row[i].character);
  }
  return now.empty() ? text : text + "\x1b[0m";
}

Row sample(const std::string& text, Ink ink, bool color, bool bright) {
  Row row;
  for (const char32_t character : decode_utf8(text)) {
    const bool filling = character == filling_of(ink) && is_pass(ink);
    const bool shade = character == U'░' || character == U'▒' || character == U'▓';
    row.push_back({color && (filling || shade) ? U' ' : character, ink, bright});
  }
  return row;
}

}  // namespace lockstep::drawing
