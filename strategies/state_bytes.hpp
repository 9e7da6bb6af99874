// Bytes per parameter of state and on the wire, as the profile and the precision make them.
#pragma once

#include "strategies/plan.hpp"

namespace lockstep {

struct StateBytes {
  double weight = 0;     // resident copy of the weights
  double gradient = 0;   // resident gradient
  double optimizer = 0;  // master weight and moments
  double gather = 0;     // on the wire when weights are gathered
  double reduce = 0;     // on the wire when gradients are reduced
};

// The profile states 16-bit training. In fp32 and tf32 every weight and gradient takes 4 bytes and
// there is no master copy beside them. SGD with momentum has one fp32 moment instead of two.
StateBytes state_bytes(const Plan& plan, const Training& training);

// Traffic of one optimizer step per local parameter. The profile states AdamW's.
double optimizer_traffic(const Plan& plan, const Training& training);

}  // namespace lockstep
