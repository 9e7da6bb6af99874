// Quantities into text: three significant digits and a unit that suits the size.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "topology/quantity_text.hpp"

namespace lockstep {
namespace {

constexpr double minute = 60.0, hour = 3600.0, day = 86400.0;

// Digits after the point that leave three significant ones.
int decimals_of(double magnitude) {
  constexpr int significant = 3;
  if (magnitude == 0.0) return 0;
  const auto digits = [](double v) { return static_cast<int>(std::floor(std::log10(v))) + 1; };
  int decimals = std::max(0, significant - digits(magnitude));
  const double step = std::pow(10.0, -decimals);
  const double rounded = std::round(magnitude / step) * step;  // 9.996 becomes 10.0, not 10.00
  if (rounded > 0.0) decimals = std::max(0, significant - digits(rounded * (1.0 + 1e-12)));
  return decimals;
}

// A unit, and how many of it a value must have before it is shown in it.
struct Scale {
  double factor;
  const char* unit;
  double at_least = 1.0;
};

// The value in the largest unit that suits it. Scales go upwards.
template <std::size_t N>
std::string scaled_text(double value, const std::array<Scale, N>& scales) {
  constexpr double rounds_up = 1.0 - 5e-4;  // 999.6 of a unit is 1.00 of the next
  if (!std::isfinite(value)) return std::isnan(value) ? "nan" : value < 0 ? "-inf" : "inf";
  const double magnitude = std::abs(value);
  const Scale* best = &scales.front();
  for (const Scale& scale : scales) {
    if (magnitude >= scale.factor * scale.at_least * rounds_up) best = &scale;
  }
  return fmt::format("{} {}", to_text(value / best->factor), best->unit);
}

}  // namespace

std::string to_text(double number) {
  if (!std::isfinite(number)) return std::isnan(number) ? "nan" : number < 0 ? "-inf" : "inf";
  constexpr double shown_as_zero = 1e-12;
  if (std::abs(number) < shown_as_zero) return "0";
  return fmt::format("{:.{}f}", number, decimals_of(std::abs(number)));
}

std::string to_text(Bytes bytes) {
  if (std::abs(bytes.value()) < 1024.0) return fmt::format("{:.0f} B", bytes.value());
  return scaled_text(bytes.value(),
                     std::array{Scale{0x1p10, "KiB"}, Scale{0x1p20, "MiB"}, Scale{0x1p30, "GiB"},
                                Scale{0x1p40, "TiB"}, Scale{0x1p50, "PiB"}});
}

std::string to_text(Seconds time) {
  if (time.value() == 0.0) return "0 s";
  // Minutes and more only where seconds would need four digits.
  if (std::abs(time.value()) < 999.5) {
    return scaled_text(time.value(), std::array{Scale{1e-9, "ns"}, Scale{1e-6, "\u00b5s"},
                                                Scale{1e-3, "ms"}, Scale{1.0, "s"}});
  }
  return scaled_text(time.value(), std::array{Scale{minute, "min"}, Scale{hour, "h", 2.0},
                                              Scale{day, "days", 2.0}});
}

std::string to_text(BytesPerSecond bandwidth) {
  if (bandwidth.value() == 0.0) return "0 GB/s";
  return scaled_text(bandwidth.value(),
                     std::array{Scale{1e6, "MB/s"}, Scale{1e9, "GB/s"}, Scale{1e12, "TB/s", 10.0}});
}

std::string to_bit_rate_text(BytesPerSecond bandwidth) {
  return fmt::format("{} Gb/s", to_text(bandwidth.value() / (1e9 / 8.0)));
}

std::string to_text(Flops flops) {
  return scaled_text(flops.value(),
                     std::array{Scale{1.0, "FLOP"}, Scale{1e6, "MFLOP"}, Scale{1e9, "GFLOP"},
                                Scale{1e12, "TFLOP"}, Scale{1e15, "PFLOP"}, Scale{1e18, "EFLOP"},
                                Scale{1e21, "ZFLOP"}, Scale{1e24, "YFLOP"}});
}

std::string to_text(FlopsPerSecond rate) {
  return scaled_text(rate.value(),
                     std::array{Scale{1e9, "GFLOP/s"}, Scale{1e12, "TFLOP/s"},
                                Scale{1e15, "PFLOP/s", 10.0}, Scale{1e18, "EFLOP/s"}});
}

std::string to_text(Watts power) {
  return scaled_text(power.value(),
                     std::array{Scale{1.0, "W"}, Scale{1e3, "kW", 10.0}, Scale{1e6, "MW", 10.0}});
}

}  // namespace lockstep
