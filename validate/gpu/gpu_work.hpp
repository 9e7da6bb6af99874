// Kernels as a training step runs them, to be queued on a stream again and again.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "validate/gpu/cuda_runtime.hpp"
#include "validate/measure/gemm_shape.hpp"

namespace lockstep {

// Work whose buffers are there and filled with random data; queueing it costs one launch or a few.
// Buffers that would stay in the L2 cache are there several times and take turns. Every method
// throws MeasurementError.
class GpuWork {
 public:
  virtual ~GpuWork() = default;
  virtual void enqueue(cudaStream_t stream) = 0;   // makes its GPU the current one
  [[nodiscard]] virtual double flops() const = 0;  // 0: memory-bound
  [[nodiscard]] virtual double bytes() const = 0;  // read and written by the definition of the op
  // Which of the library's kernels runs: "algorithm 66, tile 20, stages 36"; may be empty.
  [[nodiscard]] virtual std::string detail() const { return {}; }
};

// What the kernels of one GPU need: cuBLASLt, the driver's module of our own kernels, scratch
// memory. Throws Unavailable where a library is missing.
class GpuKernels {
 public:
  GpuKernels(const CudaRuntime& cuda, int device, const std::string& library_folder);
  ~GpuKernels();
  GpuKernels(const GpuKernels&) = delete;
  GpuKernels& operator=(const GpuKernels&) = delete;

  // The product as frameworks call it, accumulated in fp32; bf16, fp16, tf32, fp32, or fp8 (e4m3 to
  // bf16) where the GPU has it. The first of cuBLASLt's candidates, as frameworks take it; with
  // `candidates` above 1 the fastest of so many, each timed here. Throws OutOfDeviceMemory
  // where the buffers do not fit, NoKernel where the GPU or the library has none for it
  // (validate/gpu/device_memory.hpp).
  std::unique_ptr<GpuWork> gemm(const GemmShape& shape, int candidates = 1);
  // C[m,n] = A[m,k] B[k,n] of a forward pass.
  std::unique_ptr<GpuWork> gemm(std::int64_t m, std::int64_t n, std::int64_t k, Dtype dtype) {
    return gemm(GemmShape{m, n, k, dtype, GemmPass::forward, 1});
  }
  // `batch` products of m x n x k in one call (strided), as unfused attention and its likes run.
  std::unique_ptr<GpuWork> batched_gemm(std::int64_t batch, std::int64_t m, std::int64_t n,
                                        std::int64_t k, Dtype dtype) {
    return gemm(GemmShape{m, n, k, dtype, GemmPass::forward, batch});
  }
  // "copy", "norm", "rope", "activation", "softmax", "cast", "permutation", "loss", "optimizer":
  // one kernel that reads and writes `bytes` in all (as whole rows: the work says what it became),
  // with the op's own access pattern (rows of `row` elements, rounded up to what its vectors need).
  // Throws std::invalid_argument for other names, Unavailable where this build has no kernels.
  std::unique_ptr<GpuWork> memory_op(const std::string& op, double bytes, std::int64_t row);
  // A kernel that does nothing, for launch overhead.
  std::unique_ptr<GpuWork> empty();

  [[nodiscard]] bool has_fp8() const;
  [[nodiscard]] std::string cublas_version() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace lockstep
