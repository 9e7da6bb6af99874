// Memory of a GPU for measurements: whether it is there, and random data in it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

#include "validate/gpu/cuda_runtime.hpp"
#include "validate/measure/failures.hpp"

namespace lockstep {

// The GPU has not the memory that a measurement needs; others can still run.
class OutOfDeviceMemory : public MeasurementError {
 public:
  using MeasurementError::MeasurementError;
};

// A library has no kernel for what was asked of it; others can still run.
class NoKernel : public MeasurementError {
 public:
  using MeasurementError::MeasurementError;
};

// Throws OutOfDeviceMemory: "GPU 0: 91.3 GB of memory are needed, 79.6 GB are free".
DeviceBuffer device_memory(const CudaRuntime& cuda, int device, std::size_t bytes);

enum class Values { bf16, fp16, fp32, positive_fp32, fp8 };

// Fills buffers with normally distributed values: the power that a product draws, and with it the
// clock, depends on the data, and zeros draw little. A block of values is made on the host and
// repeated over the buffer.
class RandomValues {
 public:
  RandomValues(const CudaRuntime& cuda, int device);
  // Waits until it is done.
  void fill(void* data, std::size_t bytes, Values values);
  // As it is; waits until it is done.
  void upload(void* data, const void* host, std::size_t bytes);

 private:
  const CudaRuntime* cuda_;
  int device_;
  GpuStream stream_;
  std::map<Values, std::vector<std::uint8_t>> blocks_;
};

// Several sets of the same buffers that take turns, so many that no set is still in the L2 cache
// when its turn comes again.
class BufferSets {
 public:
  BufferSets() = default;
  // `parts`: bytes of each buffer of a set.
  BufferSets(const CudaRuntime& cuda, int device, const std::vector<std::size_t>& parts,
             std::size_t l2_bytes);
  [[nodiscard]] std::size_t sets() const { return sets_; }
  [[nodiscard]] void* at(std::size_t set, std::size_t part) const;
  std::size_t next() { return turn_ = (turn_ + 1) % sets_; }  // the set whose turn it is

 private:
  DeviceBuffer memory_;
  std::vector<std::size_t> offsets_;
  std::size_t set_bytes_ = 0;
  std::size_t sets_ = 1;
  std::size_t turn_ = 0;
};

}  // namespace lockstep
