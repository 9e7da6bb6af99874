#include "validate/gpu/device_memory.hpp"

#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_fp8.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <random>

namespace lockstep {
namespace {

constexpr std::size_t spare_bytes = std::size_t{256} << 20;  // for what the libraries allocate
constexpr std::size_t alignment = 512;                       // bytes: what cudaMalloc gives
// Not a power of two, so that the rows of a matrix do not repeat with it.
constexpr std::size_t block_bytes = (std::size_t{1} << 20) + 16;
constexpr std::size_t most_sets = 64;
// Times the L2 cache that the sets fill together: its replacement is not strictly by age.
constexpr std::size_t caches = 3;

std::size_t rounded_up(std::size_t bytes) {
  return (bytes + alignment - 1) / alignment * alignment;
}

template <class T>
void put(std::vector<std::uint8_t>& bytes, std::size_t at, T value) {
  std::memcpy(bytes.data() + at, &value, sizeof value);
}

std::size_t put_value(std::vector<std::uint8_t>& bytes, std::size_t at, float value,
                      Values values) {
  switch (values) {
    case Values::bf16:
      put(bytes, at, __nv_bfloat16_raw(__float2bfloat16(value)));
      return sizeof(__nv_bfloat16_raw);
    case Values::fp16:
      put(bytes, at, __half_raw(__float2half(value)));
      return sizeof(__half_raw);
    case Values::fp8:
      put(bytes, at, __nv_cvt_float_to_fp8(value, __NV_SATFINITE, __NV_E4M3));
      return sizeof(__nv_fp8_storage_t);
    case Values::positive_fp32:
      put(bytes, at, std::fabs(value));
      return sizeof(float);
    case Values::fp32:
      break;
  }
  put(bytes, at, value);
  return sizeof(float);
}

std::vector<std::uint8_t> random_block(Values values) {
  std::vector<std::uint8_t> bytes(block_bytes);
  std::minstd_rand generator(20261123u + static_cast<unsigned>(values));
  std::normal_distribution<float> normal;
  for (std::size_t at = 0; at < block_bytes;) at += put_value(bytes, at, normal(generator), values);
  return bytes;
}

}  // namespace

DeviceBuffer device_memory(const CudaRuntime& cuda, int device, std::size_t bytes) {
  constexpr double giga = 1e9;
  cuda.check(cuda.cudaSetDevice(device), "cudaSetDevice", device);
  std::size_t free_bytes = 0;
  std::size_t all = 0;
  cuda.check(cuda.cudaMemGetInfo(&free_bytes, &all), "cudaMemGetInfo", device);
  if (bytes + spare_bytes > free_bytes)
    throw OutOfDeviceMemory(
        fmt::format("GPU {}: {:.1f} GB of memory are needed, {:.1f} GB are free", device,
                    static_cast<double>(bytes) / giga, static_cast<double>(free_bytes) / giga),
        "nvidia-smi shows what else uses the GPU");
  return {cuda, device, bytes};
}

RandomValues::RandomValues(const CudaRuntime& cuda, int device)
    : cuda_(&cuda), device_(device), stream_(cuda, device) {}

void RandomValues::upload(void* data, const void* host, std::size_t bytes) {
  cuda_->check(cuda_->cudaMemcpyAsync(data, host, bytes, cudaMemcpyHostToDevice, stream_.get()),
               "cudaMemcpyAsync", device_);
  stream_.synchronize();
}

void RandomValues::fill(void* data, std::size_t bytes, Values values) {
  std::vector<std::uint8_t>& block = blocks_[values];
  if (block.empty()) block = random_block(values);
  upload(data, block.data(), std::min(bytes, block.size()));
  auto* const start = static_cast<std::uint8_t*>(data);
  for (std::size_t done = block.size(); done < bytes;) {
    const std::size_t more = std::min(done, bytes - done);
    cuda_->check(
        cuda_->cudaMemcpyAsync(start + done, start, more, cudaMemcpyDeviceToDevice, stream_.get()),
        "cudaMemcpyAsync", device_);
    done += more;
  }
  stream_.synchronize();
}

BufferSets::BufferSets(const CudaRuntime& cuda, int device, const std::vector<std::size_t>& parts,
                       std::size_t l2_bytes) {
  for (const std::size_t part : parts) {
    offsets_.push_back(set_bytes_);
    set_bytes_ += rounded_up(std::max<std::size_t>(part, 1));
  }
  sets_ = std::clamp<std::size_t>((caches * l2_bytes + set_bytes_ - 1) / set_bytes_, 1, most_sets);
  memory_ = device_memory(cuda, device, sets_ * set_bytes_);
}

void* BufferSets::at(std::size_t set, std::size_t part) const {
  return static_cast<std::uint8_t*>(memory_.data()) + set * set_bytes_ + offsets_[part];
}

}  // namespace lockstep
