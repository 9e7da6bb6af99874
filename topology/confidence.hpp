// How far a fit to measurements is to be trusted.
#pragma once

namespace lockstep {

enum class Confidence { unstated, low, medium, high };

constexpr const char* to_string(Confidence confidence) {
  constexpr const char* names[] = {"unstated", "low", "medium", "high"};
  return names[static_cast<int>(confidence)];
}

}  // namespace lockstep
