#include "scenarios/number_text.hpp"

#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <string_view>

#include "scenarios/utf8.hpp"

namespace lockstep {
namespace {

constexpr double no_upper_limit = 1e300;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

CountText bad_count(const char* code, std::string message, std::string hint) {
  return {std::nullopt, code, std::move(message), std::move(hint)};
}

std::string range_text(std::int64_t low, std::int64_t high) {
  return low == high ? fmt::format("must be {}", low) : fmt::format("must be from {} to {}", low, high);
}

// What is wrong with a text that is not digits alone.
CountText explain_no_count(std::string_view text, std::int64_t low) {
  const std::string message = fmt::format("must be a whole number, not '{}'", shortened(text));
  const ParsedQuantity number = parse_quantity(text, Dimension::none);
  if (number && text.back() != '%') {
    const double value = *number.value;
    if (value < static_cast<double>(low)) {
      return bad_count("E205", fmt::format("must be at least {}, not {}", low, shortened(text)), "write a whole number");
    }
    if (value == std::floor(value) && value < 1e15) {
      return bad_count("E206", message, fmt::format("write {:.0f}", value));
    }
  }
  return bad_count("E206", message, "write digits only, such as 64");
}

std::string range_text(Range range, Dimension dimension) {
  const std::string low = quantity_for_message(range.low, dimension);
  const std::string bound = fmt::format("{} {}", range.low_exclusive ? "above" : "at least", low);
  if (range.high >= no_upper_limit) return bound;
  return fmt::format("{} and at most {}", bound, quantity_for_message(range.high, dimension));
}

// Numbers of this range count something large (tokens): no share of anything, and often written with a suffix.
constexpr double large_range = 1e6;

bool ends_in_percent(std::string_view text) { return text.find('%') != std::string_view::npos; }

// 2e12 -> "2e12", 1.5e10 -> "1.5e10".
std::string plain_power(double value) {
  std::string text = fmt::format("{:g}", value);
  const std::size_t e = text.find("e+");
  if (e == std::string::npos) return text;
  text.erase(e + 1, 1);
  if (text[e + 1] == '0') text.erase(e + 1, 1);
  return text;
}

// "2T" -> "2e12"; an example where the suffix is none that people use.
std::string large_number_hint(std::string_view text) {
  struct Suffix {
    std::string_view name;
    double factor;
  };
  constexpr Suffix suffixes[] = {{"k", 1e3}, {"K", 1e3}, {"M", 1e6}, {"G", 1e9}, {"B", 1e9}, {"T", 1e12},
                                 {"million", 1e6}, {"billion", 1e9}, {"trillion", 1e12}};
  for (const Suffix& suffix : suffixes) {
    if (!text.ends_with(suffix.name)) continue;
    const ParsedQuantity number = parse_quantity(text.substr(0, text.size() - suffix.name.size()), Dimension::none);
    if (number && !ends_in_percent(text)) return fmt::format("write {}", plain_power(*number.value * suffix.factor));
  }
  return "write it like 2e12";
}

}  // namespace

CountText parse_count(const Node& scalar, std::int64_t low, std::int64_t high) {
  const std::string& text = scalar.text;
  if (scalar.quoted) {
    return bad_count("E204", "must be a whole number, not a text", "write it without quotes");
  }
  if (low == -1 && text == "-1") return {-1, {}, {}, {}};
  bool digits = !text.empty();
  for (const char c : text) digits = digits && is_digit(c);
  if (!digits) return text.empty() ? bad_count("E206", "is empty", "write digits, such as 64") : explain_no_count(text, low);
  if (text.size() > 1 && text.front() == '0') {
    const std::size_t first = std::min(text.find_first_not_of('0'), text.size() - 1);
    return bad_count("E206", fmt::format("has a leading zero: '{}'", shortened(text)),
                     fmt::format("write {}; some programs read a leading zero as octal", text.substr(first, 20)));
  }
  std::int64_t value = 0;
  for (const char c : text) {
    if (value > (std::numeric_limits<std::int64_t>::max() - 9) / 10) {
      value = std::numeric_limits<std::int64_t>::max();
      break;
    }
    value = 10 * value + (c - '0');
  }
  if (value < low || value > high) {
    const std::string shown = text.size() > 20 ? text.substr(0, 20) + "…" : text;
    return bad_count("E205", fmt::format("{}, not {}", range_text(low, high), shown), "");
  }
  return {value, {}, {}, {}};
}

NumberText parse_number(const Node& scalar, Dimension dimension, Range range) {
  ParsedQuantity parsed = parse_quantity(scalar.text, dimension);
  const bool large = dimension == Dimension::none && range.high > large_range && range.high < no_upper_limit;
  if (large && parsed && ends_in_percent(scalar.text)) {
    return {std::nullopt, "E206", fmt::format("must be a plain number, not the share '{}'", shortened(scalar.text)),
            "write it like 2e12"};
  }
  if (!parsed && large) return {std::nullopt, "E206", parsed.message, large_number_hint(scalar.text)};
  if (!parsed) return {std::nullopt, dimension == Dimension::none ? "E206" : "E203", parsed.message, parsed.hint};
  const double value = *parsed.value;
  const bool low_enough = value <= range.high;
  const bool high_enough = range.low_exclusive ? value > range.low : value >= range.low;
  if (low_enough && high_enough) return {value, {}, {}, {}};
  std::string hint;
  const bool share = dimension == Dimension::none && range.high <= 1.0;
  if (share && value > 1.0 && value <= 100.0 && !ends_in_percent(scalar.text)) hint = fmt::format("\"{} %\"?", shortened(scalar.text));
  return {std::nullopt, "E205", fmt::format("must be {}, not {}", range_text(range, dimension), shortened(scalar.text)),
          std::move(hint)};
}

std::string quantity_for_message(double value, Dimension dimension) {
  if (dimension == Dimension::none || value == 0.0) return fmt::format("{:.6g}", value);
  switch (dimension) {
    case Dimension::bytes: return fmt::format("{:.6g} GB", value / 1e9);
    case Dimension::seconds: return fmt::format("{:.6g} s", value);
    case Dimension::bytes_per_second: return fmt::format("{:.6g} GB/s", value / 1e9);
    case Dimension::flops: return fmt::format("{:.6g} TFLOP", value / 1e12);
    case Dimension::flops_per_second: return fmt::format("{:.6g} TFLOP/s", value / 1e12);
    case Dimension::watts: return fmt::format("{:.6g} W", value);
    case Dimension::none: break;
  }
  return {};
}

}  // namespace lockstep
