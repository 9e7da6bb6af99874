#include "validate/nccl/background_all_reduce.hpp"

#include <fmt/format.h>

#include "validate/gpu/device_memory.hpp"

namespace lockstep {
namespace {

constexpr std::size_t bytes_of_bf16 = 2;

struct Part {
  int device = 0;
  ncclComm_t comm = nullptr;
  GpuStream stream;
  DeviceBuffer memory;  // what is sent, then what is received: sums in place would overflow
};

class BackgroundAllReduce final : public BackgroundWork {
 public:
  BackgroundAllReduce(const CudaRuntime& cuda, const NcclLibrary& nccl, int device,
                      std::size_t bytes)
      : cuda_(cuda), nccl_(nccl), device_(device), count_(bytes / bytes_of_bf16) {
    for (int gpu = 0; gpu < cuda.device_count(); ++gpu) {
      Part part;
      part.device = gpu;
      part.stream = GpuStream(cuda, gpu);
      part.memory = device_memory(cuda, gpu, 2 * bytes);
      RandomValues(cuda, gpu).fill(part.memory.data(), bytes, Values::bf16);
      parts_.push_back(std::move(part));
    }
    connect();
  }
  ~BackgroundAllReduce() override {
    for (const Part& part : parts_) {
      if (part.comm != nullptr) static_cast<void>(nccl_.ncclCommAbort(part.comm));
    }
  }
  BackgroundAllReduce(const BackgroundAllReduce&) = delete;
  BackgroundAllReduce& operator=(const BackgroundAllReduce&) = delete;

  [[nodiscard]] std::string name() const override { return "all_reduce"; }

  void enqueue(cudaStream_t stream) override {
    nccl_.check(nccl_.ncclGroupStart(), "ncclGroupStart");
    for (const Part& part : parts_) {
      const bool measured = part.device == device_;
      auto* const send = static_cast<std::uint8_t*>(part.memory.data());
      nccl_.check(nccl_.ncclAllReduce(send, send + count_ * bytes_of_bf16, count_, ncclBfloat16,
                                      ncclSum, part.comm, measured ? stream : part.stream.get()),
                  fmt::format("GPU {}: ncclAllReduce", part.device), part.comm);
    }
    nccl_.check(nccl_.ncclGroupEnd(), "ncclGroupEnd", parts_.front().comm);
    cuda_.check(cuda_.cudaSetDevice(device_), "cudaSetDevice", device_);
  }

 private:
  void connect() {
    ncclUniqueId id;
    nccl_.check(nccl_.ncclGetUniqueId(&id), "ncclGetUniqueId");
    nccl_.check(nccl_.ncclGroupStart(), "ncclGroupStart");
    for (Part& part : parts_) {
      cuda_.check(cuda_.cudaSetDevice(part.device), "cudaSetDevice", part.device);
      nccl_.check(
          nccl_.ncclCommInitRank(&part.comm, static_cast<int>(parts_.size()), id, part.device),
          fmt::format("GPU {}: ncclCommInitRank", part.device));
    }
    nccl_.check(nccl_.ncclGroupEnd(), "ncclGroupEnd of ncclCommInitRank");
    cuda_.check(cuda_.cudaSetDevice(device_), "cudaSetDevice", device_);
  }

  const CudaRuntime& cuda_;
  const NcclLibrary& nccl_;
  int device_;
  std::size_t count_;
  std::vector<Part> parts_;
};

}  // namespace

std::unique_ptr<BackgroundWork> background_all_reduce(const CudaRuntime& cuda,
                                                      const NcclLibrary& nccl, int device,
                                                      std::size_t bytes) {
  return std::make_unique<BackgroundAllReduce>(cuda, nccl, device, bytes);
}

}  // namespace lockstep
