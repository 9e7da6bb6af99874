// The generated part of ACCURACY.md: what a reader needs to decide how far to trust a prediction,
// the summary first.
#pragma once

#include <string>

#include "validate/targets.hpp"

namespace lockstep {

// Pure.
std::string accuracy_markdown(const AccuracyData& data);

}  // namespace lockstep
