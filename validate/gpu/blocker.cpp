#include "validate/gpu/blocker.hpp"

#include <cmath>

#include "validate/gpu/device_memory.hpp"

namespace lockstep {
namespace {

constexpr std::size_t bytes = std::size_t{256} << 20;
constexpr double most_calls = 500;  // the queue of a stream holds about a thousand

}  // namespace

Blocker::Blocker(const CudaRuntime& cuda, int device)
    : cuda_(cuda), device_(device), memory_(device_memory(cuda, device, bytes)) {
  const GpuStream stream(cuda, device);
  const GpuEvent before(cuda, device);
  const GpuEvent after(cuda, device);
  const auto set = [&] {
    cuda.check(cuda.cudaMemsetAsync(memory_.data(), 0, bytes, stream.get()), "cudaMemsetAsync",
               device);
  };
  set();
  before.record(stream);
  set();
  after.record(stream);
  seconds_of_one_ = after.seconds_since(before);
}

void Blocker::enqueue(const GpuStream& stream, double seconds) const {
  const double wanted = seconds_of_one_ > 0 ? std::ceil(seconds / seconds_of_one_) : 1.0;
  const int calls = static_cast<int>(std::fmin(wanted, most_calls));
  for (int i = 0; i < calls; ++i) {
    cuda_.check(cuda_.cudaMemsetAsync(memory_.data(), 0, bytes, stream.get()), "cudaMemsetAsync",
                device_);
  }
}

}  // namespace lockstep
