// The curve of a sweep, a row for each point:
//
//   nodes  0                                         1 200  tokens/s/GPU
//       1  ┊                         ○        ├───●─────┤   1 090
//       2  ┊                  ○            ├───●────┤         980
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string>

#include "scenarios/utf8.hpp"
#include "sim/report/numbers.hpp"
#include "sim/report/sweep_report.hpp"
#include "sim/report/text.hpp"

namespace lockstep::sweeping {

namespace {

constexpr std::size_t longest_label = 28;
constexpr std::size_t indent = 2;
constexpr std::size_t gap = 2;
constexpr std::size_t value_columns = 10;

struct Scale {
  double most = 1;
  std::size_t columns = 1;
  [[nodiscard]] std::size_t column(double value) const {
    const double share = std::clamp(value / most, 0.0, 1.0);
    return static_cast<std::size_t>(std::lround(share * static_cast<double>(columns - 1)));
  }
};

const Predicted& shown(const SweepPlan& plan, bool rate) {
  return rate ? plan.tokens_per_s_per_gpu : plan.step_time_s;
}

// The row of a point: columns as characters.
std::u32string row_of(const SweepPoint& point, const Scale& scale, bool rate) {
  std::u32string row(scale.columns, U' ');
  row[0] = U'┊';
  for (const SweepPlan& plan : point.plans) {
    if (plan.feasible) row[scale.column(shown(plan, rate).value)] = U'○';
  }
  const SweepPlan* best = point.best();
  if (best == nullptr) return row;
  const Predicted& value = shown(*best, rate);
  const std::size_t low = scale.column(value.low);
  const std::size_t high = scale.column(value.high);
  for (std::size_t column = low; column <= high; ++column) {
    if (row[column] != U'○') row[column] = U'─';
  }
  if (low < high) {
    row[low] = U'├';
    row[high] = U'┤';
  }
  row[scale.column(value.value)] = U'●';
  return row;
}

std::string encoded(const std::u32string& row) {
  std::string text;
  std::u32string trimmed = row;
  while (!trimmed.empty() && trimmed.back() == U' ') trimmed.pop_back();
  for (const char32_t character : trimmed) append_utf8(text, character);
  return text;
}

std::string value_text(const SweepPoint& point, bool rate) {
  const SweepPlan* best = point.best();
  if (best == nullptr) return "none fits";
  const double value = shown(*best, rate).value;
  return rate ? three_digits(value) : duration(value);
}

// The end of every interval lies on the scale.
double most_shown(const SweepReport& report, bool rate) {
  double most = 0;
  for (const SweepPoint& point : report.points) {
    for (const SweepPlan& plan : point.plans) {
      if (!plan.feasible) continue;
      const Predicted& value = shown(plan, rate);
      most = std::max(most, &plan == point.best() ? value.high : value.value);
    }
  }
  return most > 0 ? most : 1;
}

}  // namespace

std::string chart(const SweepReport& report, const SweepLine& line, const TextOptions& options) {
  const bool rate = shows_rate(report);
  const std::string name = short_name(report.request.axes[report.along].path);
  std::size_t labels = display_width(name);
  for (std::size_t place = 0; place < line.points.size(); ++place) {
    labels = std::max(labels, display_width(printable(label_of(report, line, place))));
  }
  labels = std::min(labels, longest_label);
  const std::size_t taken = indent + labels + gap + gap + value_columns;
  Scale scale;
  scale.most = most_shown(report, rate);
  scale.columns = static_cast<std::size_t>(std::max(options.width, 60)) - taken;

  const std::string end = rate ? three_digits(scale.most) : duration(scale.most);
  const std::string axis = "0" + pad_left(end, scale.columns - 1);
  const std::string margin(indent, ' ');
  const std::string between(gap, ' ');
  const char* what = rate ? "tokens/s/GPU" : "step time";
  const bool others = std::any_of(report.points.begin(), report.points.end(),
                                  [](const SweepPoint& point) { return point.plans.size() > 1; });
  std::string text =
      margin + fmt::format("{}: ● {}, ├ ┤ its 90 % interval{}\n", what,
                           others || report.request.search ? "the best plan" : "the plan",
                           others ? ", ○ the others" : "");
  text += painted(margin + pad_left(cut(name, labels), labels) + between + axis, Tone::quiet,
                  options.color) +
          '\n';
  for (std::size_t place = 0; place < line.points.size(); ++place) {
    const SweepPoint& point = report.points[line.points[place]];
    const std::string label = cut(printable(label_of(report, line, place)), labels);
    const std::string drawing = encoded(row_of(point, scale, rate));
    text += margin + pad_left(label, labels) + between + pad_right(drawing, scale.columns) +
            between + pad_left(value_text(point, rate), value_columns) + '\n';
  }
  return text;
}

}  // namespace lockstep::sweeping
