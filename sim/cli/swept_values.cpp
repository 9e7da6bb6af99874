#include "sim/cli/swept_values.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "scenarios/utf8.hpp"
#include "sim/cli/options.hpp"
#include "topology/quantity_text.hpp"

namespace lockstep::cli {

namespace {

constexpr std::size_t most_points = 1000;
constexpr std::size_t most_axes = 2;
constexpr const char* example =
    "for example --over cluster.nodes=8,16,32 or --over cluster.nodes=8..64x2";
constexpr const char* range_example =
    "8..64x2 are 8, 16, 32, 64; 8..32+8 are 8, 16, 24, 32; with a unit: 100..400x2 Gb/s";

std::string trimmed(const std::string& text) {
  const std::size_t begin = text.find_first_not_of(' ');
  if (begin == std::string::npos) return {};
  return text.substr(begin, text.find_last_not_of(' ') - begin + 1);
}

// Parts between the commas that lie in no bracket and no quotes.
std::vector<std::string> items_of(const std::string& list) {
  std::vector<std::string> items(1);
  int depth = 0;
  char quote = 0;
  for (const char c : list) {
    if (quote != 0) {
      if (c == quote) quote = 0;
    } else if (c == '"' || c == '\'') {
      quote = c;
    } else if (c == '[' || c == '{') {
      ++depth;
    } else if (c == ']' || c == '}') {
      --depth;
    } else if (c == ',' && depth <= 0) {
      items.emplace_back();
      continue;
    }
    items.back() += c;
  }
  for (std::string& item : items) item = trimmed(item);
  return items;
}

// "100 Gb/s" -> 100 and "Gb/s".
struct Amount {
  double number = 0;
  std::string unit;
};

std::optional<Amount> amount_of(const std::string& text) {
  const std::string whole = trimmed(text);
  const std::size_t end = std::min(whole.find_first_not_of("0123456789."), whole.size());
  const ParsedQuantity number = parse_quantity(whole.substr(0, end), Dimension::none);
  if (!number) return std::nullopt;
  return Amount{*number.value, trimmed(whole.substr(end))};
}

struct Range {
  double low = 0;
  double high = 0;
  double step = 0;
  bool geometric = false;
  std::string unit;
};

// The range without checks of its numbers; nothing for a text that is none.
std::optional<Range> range_of(const std::string& text) {
  const std::size_t dots = text.find("..");
  const std::size_t sign = text.find_last_of("x+");
  if (sign == std::string::npos || sign < dots) return std::nullopt;
  const std::optional<Amount> low = amount_of(text.substr(0, dots));
  const std::optional<Amount> high = amount_of(text.substr(dots + 2, sign - dots - 2));
  const std::optional<Amount> step = amount_of(text.substr(sign + 1));
  if (!low || !high || !step) return std::nullopt;
  std::string unit;
  for (const Amount* amount : {&*low, &*high, &*step}) {
    if (amount->unit.empty() || amount->unit == unit) continue;
    if (!unit.empty()) return std::nullopt;
    unit = amount->unit;
  }
  return Range{low->number, high->number, step->number, text[sign] == 'x', unit};
}

std::string value_text(double value, const std::string& unit) {
  const bool whole = value == std::floor(value) && value < 1e15;
  const std::string number = whole ? fmt::format("{:.0f}", value) : fmt::format("{:.12g}", value);
  return unit.empty() ? number : number + " " + unit;
}

bool is_range(const std::string& item) {
  return !item.empty() && item.front() >= '0' && item.front() <= '9' &&
         item.find("..") != std::string::npos;
}

std::vector<std::string> values_of(const std::string& item) {
  if (!is_range(item)) return {item};
  const std::optional<Range> range = range_of(item);
  if (!range)
    throw UsageError(fmt::format("--over: '{}' is no range", printable(item)), range_example);
  const bool stands = range->geometric ? range->step <= 1 || range->low <= 0 : range->step <= 0;
  if (stands || range->high < range->low) {
    throw UsageError(fmt::format("--over: the range '{}' does not grow", printable(item)),
                     range_example);
  }
  constexpr double rounding = 1e-9;  // of a bound that the steps reach exactly on paper
  std::vector<std::string> values;
  for (std::size_t i = 0; i <= most_points; ++i) {
    const auto steps = static_cast<double>(i);
    const double value = range->geometric ? range->low * std::pow(range->step, steps)
                                          : range->low + range->step * steps;
    if (value > range->high * (1 + rounding)) break;
    values.push_back(value_text(value, range->unit));
  }
  return values;
}

}  // namespace

SweepAxis swept_axis(const std::string& text) {
  const std::size_t equals = text.find('=');
  if (equals == std::string::npos || equals == 0) {
    throw UsageError(fmt::format("--over {} is not of the form path=values", printable(text)),
                     example);
  }
  SweepAxis axis;
  axis.path = text.substr(0, equals);
  for (const std::string& item : items_of(text.substr(equals + 1))) {
    if (item.empty()) {
      throw UsageError(fmt::format("--over {} lacks a value", printable(text)), example);
    }
    for (std::string& value : values_of(item)) {
      if (std::find(axis.values.begin(), axis.values.end(), value) != axis.values.end()) {
        throw UsageError(fmt::format("--over {} has the value {} twice", printable(axis.path),
                                     printable(value)));
      }
      axis.values.push_back(std::move(value));
    }
  }
  return axis;
}

std::vector<SweepAxis> swept_axes(const std::vector<std::string>& texts) {
  if (texts.empty())
    throw UsageError("sweep needs a key and its values: --over PATH=VALUES", example);
  if (texts.size() > most_axes) {
    throw UsageError(
        fmt::format("--over was given {} times: at most two make a grid", texts.size()));
  }
  std::vector<SweepAxis> axes;
  std::size_t points = 1;
  for (const std::string& text : texts) {
    axes.push_back(swept_axis(text));
    points *= axes.back().values.size();
  }
  if (axes.size() == most_axes && axes[0].path == axes[1].path) {
    throw UsageError(fmt::format("--over {} was given twice", printable(axes[0].path)),
                     "one list holds all values of a key");
  }
  if (points > most_points) {
    throw UsageError("the sweep has more than 1000 points", "take fewer values, or larger steps");
  }
  return axes;
}

}  // namespace lockstep::cli
