// Which combinations of axes are no plans of their own, found as early as the axes allow.
#pragma once

#include <cstdint>

#include "sim/search/axis_values.hpp"

namespace lockstep {

// The refusal of all plans but one that do the same.
inline constexpr char same_as_another[] = "the same plan as another combination";

// The refusal of degrees whose product is no part of the GPUs.
inline constexpr char degrees_do_not_divide[] = "degrees that do not multiply to the GPUs";

// Whether the axis can make a difference beside the axes before it: a schedule without a pipeline
// can't. Where it can't, its first value stands for all of them, and plans keep what a new plan has.
bool changes_something(Axis axis, const Plan& plan);

// See PlanSpace::refusal.
const char* refusal_of(const Model& model, const Training& training, const AxisValues& values,
                       Axis axis, std::size_t index, const Plan& plan, std::int64_t gpus);

}  // namespace lockstep
