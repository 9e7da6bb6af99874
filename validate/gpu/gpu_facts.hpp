// What a measurement says of a GPU and of the driver.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "validate/gpu/cuda_runtime.hpp"
#include "validate/measure/measurement.hpp"

namespace lockstep {

// The GPU with CUDA's number `device` on this machine, called `host`. Throws MeasurementError.
MeasuredGpu measured_gpu(const CudaRuntime& cuda, const std::string& host, std::int64_t device);

// Fills in the power limits that NVML enforces, by the GPUs' bus ids; leaves them at 0 where there is
// no NVML. `library_folder` is searched first.
void add_power_limits(std::vector<MeasuredGpu>& gpus, const std::string& library_folder);

}  // namespace lockstep
