// Everything that `lockstep validate kernels` measures on one GPU.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "validate/gpu/overlap.hpp"
#include "validate/measure/kernel_list.hpp"

namespace lockstep {

struct KernelsOptions {
  double seconds_per_shape = 0.5;
  std::size_t copy_bytes = 0;
  bool fp8_asked_for = false;  // then a GPU without it is an error, else it is left out
  int candidates = 1;          // of cuBLASLt, see GpuKernels::gemm()
  bool copies = true;
  bool launches = true;
  bool overlap = true;
  std::string libraries;             // folder that is searched first
  const Gpu* catalog_gpu = nullptr;  // null: no shares, no predictions
  // Makes the NCCL collective that runs beside a product; empty: none.
  std::function<std::unique_ptr<BackgroundWork>(const CudaRuntime&, int device)> collective;
  std::function<void(std::size_t done, std::size_t of)> progress;  // may be empty
};

// Adds to the measurement; shapes that do not fit into the GPU's memory, or that it has no kernel
// for, go to `left_out` with the reason. Throws MeasurementError, Unavailable.
void measure_kernels(const CudaRuntime& cuda, int device, const KernelList& list,
                     const KernelsOptions& options, Measurement& measurement,
                     std::vector<std::string>& left_out);

}  // namespace lockstep
