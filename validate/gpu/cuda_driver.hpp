// The CUDA driver's module functions, loaded when they are first needed.
#pragma once

#include <cuda.h>

#include <string>

#include "validate/measure/shared_library.hpp"

namespace lockstep {

// clang-format off
#define LOCKSTEP_DRIVER_FUNCTIONS(X)                                              \
  X(cuInit) X(cuModuleLoadData) X(cuModuleUnload) X(cuModuleGetFunction)          \
  X(cuLaunchKernel) X(cuGetErrorName) X(cuGetErrorString)
// clang-format on

struct CudaDriver {
  // `folder`: searched first. Throws Unavailable where there is no driver.
  explicit CudaDriver(const std::string& folder);

  SharedLibrary library;
#define X(name) decltype(&::name) name = nullptr;
  LOCKSTEP_DRIVER_FUNCTIONS(X)
#undef X

  // Throws MeasurementError: "GPU 0: cuLaunchKernel: invalid argument (CUDA_ERROR_INVALID_VALUE)".
  void check(CUresult result, const std::string& call, int device) const;
};

}  // namespace lockstep
