#include "validate/gpu/copies.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "validate/gpu/device_memory.hpp"

namespace lockstep {
namespace {

constexpr std::uint8_t touched = 0x5a;  // pages are given at the first write

MeasuredCopy measured(GpuTimer& timer, const char* direction, bool pinned, std::size_t bytes,
                      const TimingOptions& options, const Enqueue& enqueue) {
  const KernelTime timed = timer.measure(enqueue, options, /*graphs=*/false);
  MeasuredCopy copy;
  copy.direction = direction;
  copy.pinned = pinned;
  copy.bytes = static_cast<double>(bytes);
  copy.device = timer.device();
  copy.time = timed.time;
  copy.bytes_per_s = copy.bytes / timed.time.median_s;
  copy.second_path_s = timed.second_path_s;
  return copy;
}

Enqueue copying(const GpuTimer& timer, void* to, const void* from, std::size_t bytes,
                cudaMemcpyKind kind) {
  return [=, &cuda = timer.cuda(), device = timer.device()](cudaStream_t stream) {
    cuda.check(cuda.cudaMemcpyAsync(to, from, bytes, kind, stream), "cudaMemcpyAsync", device);
  };
}

void add_host_copies(GpuTimer& timer, void* on_gpu, void* on_host, bool pinned, std::size_t bytes,
                     const TimingOptions& options, std::vector<MeasuredCopy>& copies) {
  copies.push_back(measured(timer, "host to device", pinned, bytes, options,
                            copying(timer, on_gpu, on_host, bytes, cudaMemcpyHostToDevice)));
  copies.push_back(measured(timer, "device to host", pinned, bytes, options,
                            copying(timer, on_host, on_gpu, bytes, cudaMemcpyDeviceToHost)));
}

void enable_peer(const CudaRuntime& cuda, int device, int peer) {
  cuda.check(cuda.cudaSetDevice(device), "cudaSetDevice", device);
  const cudaError_t error = cuda.cudaDeviceEnablePeerAccess(peer, 0);
  if (error == cudaErrorPeerAccessAlreadyEnabled) {
    static_cast<void>(cuda.cudaGetLastError());  // it would be reported again
    return;
  }
  cuda.check(error, "cudaDeviceEnablePeerAccess", device);
}

}  // namespace

PinnedBuffer::PinnedBuffer(const CudaRuntime& cuda, int device, std::size_t bytes) : cuda_(&cuda) {
  cuda.check(cuda.cudaSetDevice(device), "cudaSetDevice", device);
  cuda.check(cuda.cudaMallocHost(&data_, bytes),
             fmt::format("cudaMallocHost of {} bytes", bytes).c_str(), device);
}

PinnedBuffer::~PinnedBuffer() {
  if (data_ != nullptr) static_cast<void>(cuda_->cudaFreeHost(data_));
}

std::vector<int> peers_of(const CudaRuntime& cuda, int device) {
  std::vector<int> peers;
  for (int other = 0; other < cuda.device_count(); ++other) {
    if (other == device) continue;
    int can = 0;
    cuda.check(cuda.cudaDeviceCanAccessPeer(&can, device, other), "cudaDeviceCanAccessPeer",
               device);
    if (can != 0) peers.push_back(other);
  }
  return peers;
}

std::vector<MeasuredCopy> measure_copies(GpuTimer& timer, std::size_t bytes,
                                         const std::vector<int>& peers,
                                         const TimingOptions& options) {
  const CudaRuntime& cuda = timer.cuda();
  std::vector<MeasuredCopy> copies;
  const DeviceBuffer from = device_memory(cuda, timer.device(), bytes);
  {
    const DeviceBuffer to = device_memory(cuda, timer.device(), bytes);
    copies.push_back(
        measured(timer, "device to device", true, bytes, options,
                 copying(timer, to.data(), from.data(), bytes, cudaMemcpyDeviceToDevice)));
  }
  {
    const PinnedBuffer host(cuda, timer.device(), bytes);
    std::fill_n(static_cast<std::uint8_t*>(host.data()), bytes, touched);
    add_host_copies(timer, from.data(), host.data(), true, bytes, options, copies);
  }
  std::vector<std::uint8_t> pageable(bytes, touched);
  add_host_copies(timer, from.data(), pageable.data(), false, bytes, options, copies);
  for (const int peer : peers) {
    enable_peer(cuda, timer.device(), peer);
    const DeviceBuffer to = device_memory(cuda, peer, bytes);
    cuda.check(cuda.cudaSetDevice(timer.device()), "cudaSetDevice", timer.device());
    copies.push_back(measured(timer, "peer", true, bytes, options, [&](cudaStream_t stream) {
      cuda.check(
          cuda.cudaMemcpyPeerAsync(to.data(), peer, from.data(), timer.device(), bytes, stream),
          "cudaMemcpyPeerAsync", timer.device());
    }));
  }
  return copies;
}

}  // namespace lockstep
