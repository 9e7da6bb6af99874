// Work that keeps a GPU busy while the host fills its queues.
#pragma once

#include "validate/gpu/cuda_runtime.hpp"

namespace lockstep {

class Blocker {
 public:
  // Takes up to a quarter GB of memory. Throws OutOfDeviceMemory.
  Blocker(const CudaRuntime& cuda, int device);
  // Keeps the stream busy for about this long: memory is set again and again.
  void enqueue(const GpuStream& stream, double seconds) const;

 private:
  const CudaRuntime& cuda_;
  int device_;
  DeviceBuffer memory_;
  double seconds_of_one_ = 0;
};

}  // namespace lockstep
