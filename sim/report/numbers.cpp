#include "sim/report/numbers.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>

namespace lockstep {

namespace {

constexpr double hour = 3600;
constexpr double day = 24 * hour;
constexpr double year = 365.25 * day;

// Groups the digits before the point by threes where there are more than three.
std::string grouped(const std::string& number) {
  const std::size_t start = !number.empty() && number.front() == '-' ? 1 : 0;
  const std::size_t point = std::min(number.find('.'), number.size());
  std::string text = number.substr(0, start);
  for (std::size_t i = start; i < point; ++i) {
    if (i > start && (point - i) % 3 == 0) text += ' ';
    text += number[i];
  }
  return text + number.substr(point);
}

// `value` in steps of 10^-decimals; a negative count of decimals rounds to tens, hundreds …
std::string fixed(double value, int decimals) {
  if (!std::isfinite(value)) return "—";
  const double step = std::pow(10.0, -decimals);
  double rounded = decimals < 0 ? std::round(value / step) * step : value;
  if (std::abs(rounded) < step / 2) rounded = 0;  // no "-0.0"
  return grouped(fmt::format("{:.{}f}", rounded, std::max(decimals, 0)));
}

}  // namespace

DisplayUnit time_unit(double seconds) {
  const double size = std::abs(seconds);
  if (size >= 2 * year) return {year, "years"};
  if (size >= 2 * day) return {day, "days"};
  if (size >= 2 * hour) return {hour, "h"};
  if (size >= 0.9995 || size == 0) return {1, "s"};
  if (size >= 0.9995e-3) return {1e-3, "ms"};
  return {1e-6, "µs"};
}

DisplayUnit memory_unit(double bytes) {
  const double size = std::abs(bytes);
  if (size >= 1e4 * 0x1p30) return {0x1p40, "TiB"};
  if (size >= 0.9995 * 0x1p30 || size == 0) return {0x1p30, "GiB"};
  if (size >= 0.9995 * 0x1p20) return {0x1p20, "MiB"};
  return {0x1p10, "KiB"};
}

int decimals_of(double value) {
  const double size = std::abs(value);
  if (!std::isfinite(size) || size == 0) return 0;
  int decimals = 2 - static_cast<int>(std::floor(std::log10(size)));
  // 9.996 rounds up to 10.0, which has one decimal less.
  if (std::round(size * std::pow(10.0, decimals)) >= 1000) --decimals;
  return std::clamp(decimals, -12, 12);
}

std::string three_digits(double value) {
  if (!std::isfinite(value)) return "—";
  if (value == 0) return "0";
  if (std::abs(value) < 1e-6) return fmt::format("{:.2e}", value);
  std::string text = fixed(value, decimals_of(value));
  if (text.find('.') != std::string::npos && std::abs(value - std::round(value)) < 1e-9 * std::abs(value)) {
    text.erase(text.find('.'));
  }
  return text;
}

std::string scaled(double value) {
  struct Step {
    double factor;
    const char* suffix;
  };
  for (const Step step : {Step{1e15, " P"}, Step{1e12, " T"}, Step{1e9, " G"}, Step{1e6, " M"}, Step{1e3, " k"}}) {
    if (std::abs(value) >= step.factor * 0.9995) return three_digits(value / step.factor) + step.suffix;
  }
  return three_digits(value);
}

std::string duration(double seconds) {
  if (!std::isfinite(seconds)) return "—";
  const DisplayUnit unit = time_unit(seconds);
  return fixed(seconds / unit.scale, decimals_of(seconds / unit.scale)) + " " + unit.name;
}

std::string memory(double bytes) {
  const DisplayUnit unit = memory_unit(bytes);
  return fixed(bytes / unit.scale, decimals_of(bytes / unit.scale)) + " " + unit.name;
}

std::string percent(double share) {
  const double value = 100 * share;
  if (!std::isfinite(value)) return "—";
  if (value == 0) return "0 %";
  const double size = std::abs(value);
  if (size < 0.05) return "<0.1 %";
  return fixed(value, size < 9.95 ? 1 : 0) + " %";
}

std::string probability(double p) {
  if (!(p >= 0 && p <= 1)) return "P = —";
  if (p > 0.99) return "P > 0.99";
  if (p < 0.01) return "P < 0.01";
  return "P = " + fixed(p, 2);
}

std::string interval(const Predicted& predicted, DisplayUnit unit) {
  const double low = predicted.low / unit.scale;
  const double high = predicted.high / unit.scale;
  const double width = high - low;
  if (!std::isfinite(width)) return "[—]";
  // Two digits of the width: steps of a tenth of its leading digit; never finer than three digits of the bound.
  int decimals = decimals_of(high);
  if (width > 0) decimals = std::min(decimals, 1 - static_cast<int>(std::floor(std::log10(width))));
  return "[" + fixed(low, decimals) + " … " + fixed(high, decimals) + "]";
}

int decimals_of_parts(const std::vector<double>& parts, double total) {
  const bool small = std::all_of(parts.begin(), parts.end(), [](double p) { return p < 99.95; });
  return small ? std::max(decimals_of(total), 1) : decimals_of(total);
}

std::vector<double> round_to_sum(const std::vector<double>& parts, double total, int decimals) {
  const double scale = std::pow(10.0, decimals);
  std::vector<double> steps(parts.size());
  double missing = std::round(total * scale);
  for (std::size_t i = 0; i < parts.size(); ++i) {
    steps[i] = std::floor(parts[i] * scale);
    missing -= steps[i];
  }
  std::vector<std::size_t> order(parts.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return parts[a] * scale - steps[a] > parts[b] * scale - steps[b];
  });
  for (const std::size_t i : order) {
    if (missing < 0.5) break;
    steps[i] += 1;
    missing -= 1;
  }
  for (double& step : steps) step /= scale;
  return steps;
}

std::string part(double rounded, double exact, int decimals) {
  if (rounded == 0 && exact > 0) return "<" + fixed(std::pow(10.0, -decimals), decimals);
  if (rounded == 0) return "0";
  return fixed(rounded, decimals);
}

}  // namespace lockstep
