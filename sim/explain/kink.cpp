#include "sim/explain/kink.hpp"

#include <algorithm>
#include <array>
#include <cmath>

namespace lockstep {

namespace {

constexpr std::size_t intervals = 8;      // of the range on one side
constexpr double least_bend = 0.02;       // of the elasticity
constexpr double least_jump = 1e-3;       // of ln t
constexpr double sharp = 1e-3;            // half the width of ln x in which a kink bends
constexpr double continuous = 1e-7;       // half the width of ln x in which a jump stays

struct Curve {
  const TimeAtFactor& time;
  double direction;  // -1: towards smaller factors
  // ln t at a distance |ln factor|.
  [[nodiscard]] double operator()(double distance) const {
    return std::log(time(std::exp(direction * distance)));
  }
};

// Halves [low, high] towards the half in which the curve leaves its chord most. None where what is
// left of the bend shrinks with the interval, as that of a smooth curve does.
std::optional<double> sharpest(const Curve& curve, double low, double high) {
  double at_low = curve(low);
  double at_high = curve(high);
  while (high - low > sharp) {
    const double middle = 0.5 * (low + high);
    const double at_middle = curve(middle);
    const double left = 0.5 * (low + middle);
    const double right = 0.5 * (middle + high);
    const double at_left = curve(left);
    const double at_right = curve(right);
    const double bend_left = std::abs(at_low - 2 * at_left + at_middle);
    const double bend_middle = std::abs(at_left - 2 * at_middle + at_right);
    const double bend_right = std::abs(at_middle - 2 * at_right + at_high);
    const double bend = std::max({bend_left, bend_middle, bend_right});
    if (bend < 0.1 * least_bend * (high - low)) return std::nullopt;
    if (bend_middle >= bend_left && bend_middle >= bend_right) {
      low = left;
      high = right;
      at_low = at_left;
      at_high = at_right;
    } else if (bend_left >= bend_right) {
      high = middle;
      at_high = at_middle;
    } else {
      low = middle;
      at_low = at_middle;
    }
  }
  return 0.5 * (low + high);
}

// How far ln t jumps within [low, high]; 0 where what is left shrinks with the interval.
double jump_within(const Curve& curve, double low, double high) {
  double at_low = curve(low);
  double at_high = curve(high);
  while (high - low > continuous) {
    const double middle = 0.5 * (low + high);
    const double at_middle = curve(middle);
    if (std::abs(at_middle - at_low) > std::abs(at_high - at_middle)) {
      high = middle;
      at_high = at_middle;
    } else {
      low = middle;
      at_low = at_middle;
    }
  }
  const double jump = at_high - at_low;
  return std::abs(jump) < least_jump ? 0.0 : jump;
}

std::optional<Kink> confirmed(const Curve& curve, double at, double end) {
  const double low = std::max(0.0, at - sharp);
  const double high = std::min(end, at + sharp);
  const double before_low = std::max(0.0, low - 4 * sharp);
  const double after_high = std::min(end, high + 4 * sharp);
  if (low <= before_low || after_high <= high) return std::nullopt;
  const double slope_before = (curve(low) - curve(before_low)) / (low - before_low);
  const double slope_after = (curve(after_high) - curve(high)) / (after_high - high);
  Kink kink;
  kink.factor = std::exp(curve.direction * at);
  kink.elasticity_before = curve.direction * slope_before;
  kink.elasticity_after = curve.direction * slope_after;
  kink.jump = jump_within(curve, low, high);
  // A jump stays; a spike of a single value comes back, and is nothing that anybody could hold on to.
  const double across = (curve(after_high) - slope_after * (after_high - at)) -
                        (curve(before_low) + slope_before * (at - before_low));
  if (std::abs(across) < 0.5 * std::abs(kink.jump)) return std::nullopt;
  if (kink.jump == 0 && std::abs(slope_after - slope_before) < least_bend) return std::nullopt;
  return kink;
}

std::optional<Kink> nearest_on_side(const TimeAtFactor& time, double direction, double reach) {
  if (reach < 16 * sharp) return std::nullopt;
  const Curve curve{time, direction};
  std::array<double, intervals + 1> at{};
  const double width = reach / static_cast<double>(intervals);
  for (std::size_t i = 0; i <= intervals; ++i) at[i] = curve(width * static_cast<double>(i));
  for (std::size_t i = 1; i < intervals; ++i) {
    const double bend = std::abs(at[i - 1] - 2 * at[i] + at[i + 1]) / width;
    if (bend < 0.25 * least_bend) continue;
    const double place = static_cast<double>(i);
    const std::optional<double> found = sharpest(curve, width * (place - 1), width * (place + 1));
    if (!found) continue;
    if (std::optional<Kink> kink = confirmed(curve, *found, reach)) return kink;
  }
  return std::nullopt;
}

}  // namespace

std::optional<Kink> nearest_kink(const TimeAtFactor& time, double least, double most) {
  const std::optional<Kink> below = nearest_on_side(time, -1, -std::log(least));
  const std::optional<Kink> above = nearest_on_side(time, +1, std::log(most));
  if (!below || !above) return below ? below : above;
  return -std::log(below->factor) <= std::log(above->factor) ? below : above;
}

}  // namespace lockstep
