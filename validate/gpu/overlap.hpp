// A matrix product while something else runs on the same GPU.
#pragma once

#include <memory>
#include <string>

#include "validate/gpu/blocker.hpp"
#include "validate/gpu/timing.hpp"

namespace lockstep {

// What runs beside it: a copy, a kernel, a collective (of which other GPUs' parts are queued too).
class BackgroundWork {
 public:
  virtual ~BackgroundWork() = default;
  [[nodiscard]] virtual std::string name() const = 0;  // "all_reduce", "host to device copy"
  // Queues one call on a stream of the measured GPU.
  virtual void enqueue(cudaStream_t stream) = 0;
};

// A copy of `bytes` of pinned memory to the GPU.
std::unique_ptr<BackgroundWork> background_copy(const CudaRuntime& cuda, int device,
                                                std::size_t bytes);
// Another kernel; `work` outlives it.
std::unique_ptr<BackgroundWork> background_kernel(const std::string& name, GpuWork& work);

struct OverlapOptions {
  double seconds = 0.02;  // of the products alone, in one repeat
  int repeats = 7;
};

// A queue of products alone, a queue of the other alone, and both at once, begun together; the
// other ends before the products do. Times are those of whole queues, medians of the repeats:
//   slowdown = (products beside - products alone) / other beside
// what the catalog calls overlap_slowdown. Ignores that the first and last product are beside it
// only in part.
MeasuredOverlap measure_overlap(GpuTimer& timer, GpuWork& gemm, const GemmShape& shape,
                                BackgroundWork& other, const Blocker& blocker,
                                const OverlapOptions& options);

}  // namespace lockstep
