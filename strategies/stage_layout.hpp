// Which layers every stage of a pipeline holds, chunk by chunk, and which stages are alike.
#pragma once

#include <cstdint>
#include <vector>

#include "strategies/workload.hpp"

namespace lockstep {

struct StageLayout {
  // One stage of each kind: index of the first of them, chunks, layers, recomputed_layers and ends
  // are set. Stages of a kind have the same chunks, recomputed layers included.
  std::vector<Stage> kinds;
  std::vector<std::uint16_t> kind_of;  // of each stage
};

// Of a legal plan. Depends on the model, the software's partition, the schedule's chunk layout, the
// stages, the interleave, and how many layers recompute; on nothing else.
StageLayout stage_layout(const Model& model, const Plan& plan);

}  // namespace lockstep
