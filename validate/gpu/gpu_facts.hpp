// What a measurement says of a GPU and of the driver.
#pragma once

#include <cstdint>
#include <string>

#include "validate/gpu/cuda_runtime.hpp"
#include "validate/measure/measurement.hpp"

namespace lockstep {

// The GPU with CUDA's number `device` on this machine, called `host`. Throws MeasurementError.
MeasuredGpu measured_gpu(const CudaRuntime& cuda, const std::string& host, std::int64_t device);

}  // namespace lockstep
