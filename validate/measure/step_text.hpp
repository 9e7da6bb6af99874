// A step that was measured, or is to be, beside its prediction: text within 100 columns.
#pragma once

#include <string>

#include "validate/measure/measurement.hpp"
#include "validate/measure/small_step.hpp"

namespace lockstep {

// What runs and what does not: the head of either text.
std::string small_step_text(const SmallStep& step, const std::string& scenario);

// The prediction alone.
std::string predicted_step_text(const SmallStep& step, const std::string& scenario);

// Term by term; the terms sum to the two times.
std::string measured_step_text(const MeasuredStep& measured, const SmallStep& step);

}  // namespace lockstep
