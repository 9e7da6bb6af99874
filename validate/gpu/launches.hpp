// What a launch costs: the host's part, and the GPU's where kernels do nothing.
#pragma once

#include <vector>

#include "validate/gpu/timing.hpp"

namespace lockstep {

// "kernel": the host's time to queue one. "memset": the same. "kernel in a graph": time from one
// kernel of a graph to the next. "empty kernel on the GPU": from one queued kernel to the next
// where the host is ahead. `empty` does nothing.
std::vector<MeasuredLaunch> measure_launches(GpuTimer& timer, GpuWork& empty,
                                             const SweepOptions& repeats);

}  // namespace lockstep
