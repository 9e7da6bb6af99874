#include "validate/gpu/cuda_runtime.hpp"

#include <fmt/format.h>

#include <utility>

#include "validate/measure/failures.hpp"

#define LOCKSTEP_TEXT_OF(name) #name
#define LOCKSTEP_SYMBOL(name) LOCKSTEP_TEXT_OF(name)  // after macros: some names carry a version

namespace lockstep {
namespace {

constexpr int versions_per_major = 1000;
constexpr int versions_per_minor = 10;
constexpr double seconds_per_millisecond = 1e-3;

std::string version_text(int version) {
  return fmt::format("{}.{}", version / versions_per_major,
                     version % versions_per_major / versions_per_minor);
}

}  // namespace

CudaRuntime::CudaRuntime(const std::string& folder)
    : library("the CUDA runtime",
              {fmt::format("libcudart.so.{}", CUDART_VERSION / versions_per_major)}, folder,
              {LOCKSTEP_CUDA_LIBRARY_DIR}) {
#define X(name) name = reinterpret_cast<decltype(name)>(library.function(LOCKSTEP_SYMBOL(name)));
  LOCKSTEP_CUDA_FUNCTIONS(X)
#undef X
  int devices = 0;
  const cudaError_t error = cudaGetDeviceCount(&devices);
  if (error == cudaErrorInsufficientDriver)
    throw Unavailable(fmt::format(
        "no NVIDIA driver, or one too old for CUDA {}: {}", version_text(CUDART_VERSION),
        cudaGetErrorString(error)));
  if (error != cudaSuccess)
    throw Unavailable(fmt::format("no GPU: {} ({})", cudaGetErrorString(error),
                                  cudaGetErrorName(error)));
  if (devices == 0) throw Unavailable("no GPU: the driver lists none");
}

void CudaRuntime::check(cudaError_t error, const char* call, int device) const {
  if (error == cudaSuccess) return;
  const std::string where = device < 0 ? std::string{} : fmt::format("GPU {}: ", device);
  throw MeasurementError(fmt::format("{}{}: {} ({})", where, call, cudaGetErrorString(error),
                                     cudaGetErrorName(error)),
                         "nvidia-smi -q and the kernel's log (dmesg | grep -i xid) say more");
}

int CudaRuntime::device_count() const {
  int devices = 0;
  check(cudaGetDeviceCount(&devices), "cudaGetDeviceCount");
  return devices;
}

std::string CudaRuntime::version() const {
  int version = 0;
  check(cudaRuntimeGetVersion(&version), "cudaRuntimeGetVersion");
  return version_text(version);
}

DeviceBuffer::DeviceBuffer(const CudaRuntime& cuda, int device, std::size_t bytes)
    : cuda_(&cuda), device_(device), size_(bytes) {
  cuda.check(cuda.cudaSetDevice(device), "cudaSetDevice", device);
  cuda.check(cuda.cudaMalloc(&data_, bytes), fmt::format("cudaMalloc of {} bytes", bytes).c_str(),
             device);
}

DeviceBuffer::~DeviceBuffer() {
  if (data_ == nullptr) return;
  static_cast<void>(cuda_->cudaSetDevice(device_));
  static_cast<void>(cuda_->cudaFree(data_));
}

DeviceBuffer& DeviceBuffer::operator=(DeviceBuffer&& other) noexcept {
  std::swap(cuda_, other.cuda_);
  std::swap(device_, other.device_);
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

GpuStream::GpuStream(const CudaRuntime& cuda, int device) : cuda_(&cuda), device_(device) {
  cuda.check(cuda.cudaSetDevice(device), "cudaSetDevice", device);
  cuda.check(cuda.cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "cudaStreamCreate",
             device);
}

GpuStream::~GpuStream() {
  if (stream_ != nullptr) static_cast<void>(cuda_->cudaStreamDestroy(stream_));
}

GpuStream& GpuStream::operator=(GpuStream&& other) noexcept {
  std::swap(cuda_, other.cuda_);
  std::swap(device_, other.device_);
  std::swap(stream_, other.stream_);
  return *this;
}

void GpuStream::synchronize() const {
  cuda_->check(cuda_->cudaStreamSynchronize(stream_), "cudaStreamSynchronize", device_);
}

GpuEvent::GpuEvent(const CudaRuntime& cuda, int device) : cuda_(&cuda), device_(device) {
  cuda.check(cuda.cudaSetDevice(device), "cudaSetDevice", device);
  cuda.check(cuda.cudaEventCreateWithFlags(&event_, cudaEventDefault), "cudaEventCreate", device);
}

GpuEvent::~GpuEvent() {
  if (event_ != nullptr) static_cast<void>(cuda_->cudaEventDestroy(event_));
}

GpuEvent& GpuEvent::operator=(GpuEvent&& other) noexcept {
  std::swap(cuda_, other.cuda_);
  std::swap(device_, other.device_);
  std::swap(event_, other.event_);
  return *this;
}

void GpuEvent::record(const GpuStream& stream) const {
  cuda_->check(cuda_->cudaEventRecord(event_, stream.get()), "cudaEventRecord", device_);
}

double GpuEvent::seconds_since(const GpuEvent& earlier) const {
  cuda_->check(cuda_->cudaEventSynchronize(event_), "cudaEventSynchronize", device_);
  float milliseconds = 0;
  cuda_->check(cuda_->cudaEventElapsedTime(&milliseconds, earlier.event_, event_),
               "cudaEventElapsedTime", device_);
  return static_cast<double>(milliseconds) * seconds_per_millisecond;
}

}  // namespace lockstep
