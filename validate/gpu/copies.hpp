// Copies inside a GPU, between it and the host, and to its peers.
#pragma once

#include <cstdint>
#include <vector>

#include "validate/gpu/timing.hpp"

namespace lockstep {

// Pinned memory of the host.
class PinnedBuffer {
 public:
  PinnedBuffer(const CudaRuntime& cuda, int device, std::size_t bytes);
  ~PinnedBuffer();
  PinnedBuffer(const PinnedBuffer&) = delete;
  PinnedBuffer& operator=(const PinnedBuffer&) = delete;
  [[nodiscard]] void* data() const { return data_; }

 private:
  const CudaRuntime* cuda_;
  void* data_ = nullptr;
};

// Copies of `bytes` inside the GPU, to and from pinned and pageable memory of the host, and to the
// other GPUs that it reaches directly (`peers`: their numbers). MeasuredCopy::bytes are those
// copied: inside the GPU, HBM reads and writes them, twice as much.
std::vector<MeasuredCopy> measure_copies(GpuTimer& timer, std::size_t bytes,
                                         const std::vector<int>& peers,
                                         const TimingOptions& options);

// The other GPUs that this one reaches directly.
std::vector<int> peers_of(const CudaRuntime& cuda, int device);

}  // namespace lockstep
