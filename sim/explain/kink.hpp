// Where a curve bends: the places at which another resource begins to decide.
#pragma once

#include <functional>
#include <optional>

namespace lockstep {

// A time as a function of the factor that a scalar is multiplied with; finite and positive.
using TimeAtFactor = std::function<double(double factor)>;

struct Kink {
  double factor = 1;  // of the scalar
  // d ln t / d ln x on the side of factor 1, and beyond.
  double elasticity_before = 0;
  double elasticity_after = 0;
  double jump = 0;  // of ln t at the kink itself; 0 where the curve is continuous
};

// The kink nearest to factor 1, on a logarithmic scale, of a curve over [least, most], least <= 1 <=
// most. A kink is where the elasticity changes by 0.02 or more within 0.2 % of the scalar, or where the time jumps
// by 0.1 % or more. Bends that are spread out (a sum of two times of different origin) are none. Two
// kinks within an eighth of the range on one side may be taken for one.
std::optional<Kink> nearest_kink(const TimeAtFactor& time, double least, double most);

}  // namespace lockstep
