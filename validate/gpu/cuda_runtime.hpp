// The CUDA runtime, loaded when it is first needed; functions of the same names as its own.
#pragma once

#include <cuda_runtime_api.h>

#include <string>

#include "validate/measure/shared_library.hpp"

namespace lockstep {

// clang-format off
#define LOCKSTEP_CUDA_FUNCTIONS(X)                                                              \
  X(cudaGetDeviceCount) X(cudaGetDeviceProperties) X(cudaDeviceGetAttribute)                    \
  X(cudaDeviceGetPCIBusId) X(cudaDeviceCanAccessPeer) X(cudaDeviceEnablePeerAccess)             \
  X(cudaSetDevice) X(cudaDeviceSynchronize) X(cudaMemGetInfo)                                   \
  X(cudaMalloc) X(cudaFree) X(cudaMallocHost) X(cudaFreeHost)                                   \
  X(cudaMemcpyAsync) X(cudaMemcpyPeerAsync) X(cudaMemsetAsync)                                  \
  X(cudaStreamCreateWithFlags) X(cudaStreamDestroy) X(cudaStreamSynchronize) X(cudaStreamQuery) \
  X(cudaStreamWaitEvent) X(cudaEventCreateWithFlags) X(cudaEventDestroy) X(cudaEventRecord)     \
  X(cudaEventSynchronize) X(cudaEventQuery) X(cudaEventElapsedTime)                             \
  X(cudaStreamBeginCapture) X(cudaStreamEndCapture) X(cudaGraphInstantiateWithFlags)            \
  X(cudaGraphLaunch) X(cudaGraphExecDestroy) X(cudaGraphDestroy)                                \
  X(cudaGetErrorName) X(cudaGetErrorString) X(cudaGetLastError)                                 \
  X(cudaRuntimeGetVersion) X(cudaDriverGetVersion)
// clang-format on

struct CudaRuntime {
  // Loads the runtime of the major version that this program was built with; `folder`: searched
  // first. Throws Unavailable where there is none, no driver, or no GPU.
  explicit CudaRuntime(const std::string& folder);

  SharedLibrary library;
#define X(name) decltype(&::name) name = nullptr;
  LOCKSTEP_CUDA_FUNCTIONS(X)
#undef X

  // Throws MeasurementError: "GPU 2: cudaMalloc: out of memory (cudaErrorMemoryAllocation)".
  // `device` -1: no particular one.
  void check(cudaError_t error, const char* call, int device = -1) const;

  [[nodiscard]] int device_count() const;
  [[nodiscard]] std::string version() const;  // of the runtime: "13.0"
};

// -- owners of what the runtime gives; each for the device that is current when it is made

class DeviceBuffer {
 public:
  DeviceBuffer() = default;
  DeviceBuffer(const CudaRuntime& cuda, int device, std::size_t bytes);
  ~DeviceBuffer();
  DeviceBuffer(DeviceBuffer&& other) noexcept { *this = std::move(other); }
  DeviceBuffer& operator=(DeviceBuffer&& other) noexcept;
  [[nodiscard]] void* data() const { return data_; }
  [[nodiscard]] std::size_t size() const { return size_; }

 private:
  const CudaRuntime* cuda_ = nullptr;
  int device_ = 0;
  void* data_ = nullptr;
  std::size_t size_ = 0;
};

class GpuStream {
 public:
  GpuStream() = default;
  GpuStream(const CudaRuntime& cuda, int device);  // does not wait for the default stream
  ~GpuStream();
  GpuStream(GpuStream&& other) noexcept { *this = std::move(other); }
  GpuStream& operator=(GpuStream&& other) noexcept;
  [[nodiscard]] cudaStream_t get() const { return stream_; }
  void synchronize() const;

 private:
  const CudaRuntime* cuda_ = nullptr;
  int device_ = 0;
  cudaStream_t stream_ = nullptr;
};

class GpuEvent {
 public:
  GpuEvent() = default;
  GpuEvent(const CudaRuntime& cuda, int device);
  ~GpuEvent();
  GpuEvent(GpuEvent&& other) noexcept { *this = std::move(other); }
  GpuEvent& operator=(GpuEvent&& other) noexcept;
  [[nodiscard]] cudaEvent_t get() const { return event_; }
  void record(const GpuStream& stream) const;
  // Seconds from `earlier` to this one; waits for this one.
  [[nodiscard]] double seconds_since(const GpuEvent& earlier) const;

 private:
  const CudaRuntime* cuda_ = nullptr;
  int device_ = 0;
  cudaEvent_t event_ = nullptr;
};

}  // namespace lockstep
