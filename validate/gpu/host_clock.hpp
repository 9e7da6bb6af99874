// The host's clock, beside the GPU's events.
#pragma once

#include <functional>

#include "validate/gpu/cuda_runtime.hpp"

namespace lockstep {

// Seconds since some instant, never falling. Where the CUDA runtime keeps a time of its own, as
// that of the tests does (`double lockstep_virtual_host_seconds()`), it is asked.
using HostClock = std::function<double()>;
HostClock host_clock(const CudaRuntime& cuda);

}  // namespace lockstep
