// The CUDA runtime's memory, which is the host's. Copies take LOCKSTEP_FAKE_COPY_LATENCY (2 us) and
// their bytes over LOCKSTEP_FAKE_HBM (3e12 B/s, read and write counted), LOCKSTEP_FAKE_PCIE (50e9;
// pageable memory a quarter of it) or LOCKSTEP_FAKE_PEER (400e9). LOCKSTEP_FAKE_MOVE=0: copies and
// memsets take their time and move nothing, for tests that look at times alone.
#include <cuda_runtime_api.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <map>

#include "tests/fake_gpu/clock.hpp"
#include "tests/fake_gpu/handles.hpp"

using namespace lockstep::fake;

namespace {

constexpr double default_memory = 80.0 * 1024 * 1024 * 1024;
constexpr std::size_t alignment = 4096;
constexpr double pageable_share = 0.25;

struct Block {
  std::size_t size = 0;
  int device = 0;  // -1: pinned memory of the host
};

std::map<std::uintptr_t, Block>& blocks() {
  // Never destroyed: what a run that failed leaves on its GPUs is no leak of the host.
  static auto* const all = new std::map<std::uintptr_t, Block>;
  return *all;
}

std::uintptr_t address(const void* pointer) {
  return reinterpret_cast<std::uintptr_t>(pointer);
}

// The block that a pointer lies in; null: the host's pageable memory.
const Block* block_of(const void* pointer) {
  auto next = blocks().upper_bound(address(pointer));
  if (next == blocks().begin()) return nullptr;
  --next;
  return address(pointer) < next->first + next->second.size ? &next->second : nullptr;
}

double used_on(int device) {
  double bytes = 0;
  for (const auto& [at, block] : blocks()) {
    if (block.device == device) bytes += static_cast<double>(block.size);
  }
  return bytes;
}

double memory() {
  return number("LOCKSTEP_FAKE_GPU_MEMORY", default_memory);
}

cudaError_t allocate(void** pointer, std::size_t size, int device) {
  *pointer = nullptr;
  const std::size_t rounded = (size + alignment) / alignment * alignment;
  if (device >= 0 && used_on(device) + static_cast<double>(rounded) > memory())
    return cudaErrorMemoryAllocation;
  *pointer = std::aligned_alloc(alignment, rounded);
  if (*pointer == nullptr) return cudaErrorMemoryAllocation;
  blocks()[address(*pointer)] = {rounded, device};
  return cudaSuccess;
}

cudaError_t release(void* pointer) {
  if (pointer == nullptr) return cudaSuccess;
  if (blocks().erase(address(pointer)) == 0) return cudaErrorInvalidValue;
  std::free(pointer);
  return cudaSuccess;
}

double copy_seconds(const Block* to, const Block* from, double bytes) {
  const double latency = number("LOCKSTEP_FAKE_COPY_LATENCY", 2e-6);
  const bool to_gpu = to != nullptr && to->device >= 0;
  const bool from_gpu = from != nullptr && from->device >= 0;
  if (to_gpu && from_gpu && to->device == from->device)
    return latency + 2 * bytes / number("LOCKSTEP_FAKE_HBM", 3e12);
  if (to_gpu && from_gpu) return latency + bytes / number("LOCKSTEP_FAKE_PEER", 400e9);
  const bool pageable = to == nullptr || from == nullptr;
  return latency + bytes / (number("LOCKSTEP_FAKE_PCIE", 50e9) * (pageable ? pageable_share : 1.0));
}

// What a copy does to memory.
template <class Action>
std::function<void()> moving(Action action) {
  if (number("LOCKSTEP_FAKE_MOVE", 1) == 0) return {};
  return action;
}

}  // namespace

cudaError_t cudaMemGetInfo(std::size_t* available, std::size_t* total) {
  const std::lock_guard lock(guard());
  *total = static_cast<std::size_t>(memory());
  *available = static_cast<std::size_t>(memory() - used_on(current_device()));
  return cudaSuccess;
}

cudaError_t cudaMalloc(void** pointer, std::size_t size) {
  const std::lock_guard lock(guard());
  if (fails(current_device())) return cudaErrorECCUncorrectable;
  return allocate(pointer, size, current_device());
}

cudaError_t cudaFree(void* pointer) {
  const std::lock_guard lock(guard());
  return release(pointer);
}

cudaError_t cudaMallocHost(void** pointer, std::size_t size) {
  const std::lock_guard lock(guard());
  return allocate(pointer, size, -1);
}

cudaError_t cudaFreeHost(void* pointer) {
  const std::lock_guard lock(guard());
  return release(pointer);
}

cudaError_t cudaMemcpyAsync(void* to, const void* from, std::size_t count, cudaMemcpyKind /*kind*/,
                            cudaStream_t stream) {
  const std::lock_guard lock(guard());
  const Block* target = block_of(to);
  const Block* source = block_of(from);
  const double seconds = copy_seconds(target, source, static_cast<double>(count));
  const cudaError_t error =
      submit(stream, {seconds, moving([=] { std::memmove(to, from, count); }), Kind::copy});
  // The host waits where pageable memory is staged.
  if (error == cudaSuccess && (target == nullptr || source == nullptr) && !capturing(stream))
    host_waits_until(stream_time(stream));
  return error;
}

cudaError_t cudaMemcpyPeerAsync(void* to, int /*to_device*/, const void* from, int /*from_device*/,
                                std::size_t count, cudaStream_t stream) {
  return cudaMemcpyAsync(to, from, count, cudaMemcpyDefault, stream);
}

cudaError_t cudaMemsetAsync(void* pointer, int value, std::size_t count, cudaStream_t stream) {
  const double seconds = static_cast<double>(count) / number("LOCKSTEP_FAKE_HBM", 3e12);
  return submit(stream, {seconds, moving([=] { std::memset(pointer, value, count); }), Kind::compute});
}
