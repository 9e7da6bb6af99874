// Calls captured into a CUDA graph, so that the host launches all of them at once.
#pragma once

#include <functional>

#include "validate/gpu/cuda_runtime.hpp"

namespace lockstep {

using Enqueue = std::function<void(cudaStream_t)>;

class GpuGraph {
 public:
  // Captures `calls` calls of `enqueue`, which has run before (kernels are loaded at their first
  // launch, which a capture does not allow).
  GpuGraph(const CudaRuntime& cuda, int device, const GpuStream& stream, const Enqueue& enqueue,
           std::int64_t calls);
  ~GpuGraph();
  GpuGraph(const GpuGraph&) = delete;
  GpuGraph& operator=(const GpuGraph&) = delete;
  void launch(const GpuStream& stream) const;
  [[nodiscard]] std::int64_t calls() const { return calls_; }

 private:
  const CudaRuntime* cuda_;
  int device_;
  std::int64_t calls_;
  cudaGraph_t graph_ = nullptr;
  cudaGraphExec_t executable_ = nullptr;
};

}  // namespace lockstep
