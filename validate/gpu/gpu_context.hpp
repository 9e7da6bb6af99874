// What the works of one GPU share.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "validate/gpu/cublas_lt.hpp"
#include "validate/gpu/cuda_driver.hpp"
#include "validate/gpu/device_memory.hpp"
#include "validate/gpu/gpu_work.hpp"

namespace lockstep {

struct GpuContext {
  const CudaRuntime& cuda;
  int device;
  CublasLt blas;
  cublasLtHandle_t blas_handle = nullptr;
  RandomValues random;
  std::size_t l2_bytes = 0;
  int multiprocessors = 0;
  int threads_per_multiprocessor = 0;  // that it holds at once
  int compute_capability = 0;  // 90: 9.0
  // Our own kernels; made when the first of them is asked for.
  std::string library_folder;
  std::optional<CudaDriver> driver;
  CUmodule module = nullptr;

  GpuContext(const CudaRuntime& runtime, int number, const std::string& folder);
  ~GpuContext();
  GpuContext(const GpuContext&) = delete;
  GpuContext& operator=(const GpuContext&) = delete;

  // A kernel of own_kernels.cu. Throws Unavailable where this build has none.
  CUfunction own_kernel(const std::string& name);
  [[nodiscard]] bool has_fp8() const;
};

std::unique_ptr<GpuWork> make_gemm(GpuContext& on, const GemmShape& shape, int candidates);
std::unique_ptr<GpuWork> make_memory_op(GpuContext& on, const std::string& op, double bytes,
                                        std::int64_t row);
std::unique_ptr<GpuWork> make_empty(GpuContext& on);

}  // namespace lockstep
