#include "validate/gpu/overlap.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "validate/gpu/copies.hpp"
#include "validate/gpu/device_memory.hpp"
#include "validate/statistics.hpp"

namespace lockstep {
namespace {

constexpr double beside_share = 0.6;  // of the products' time that the other takes, alone
constexpr int most_tries = 3;         // each with half of the calls beside
constexpr double longest_launch = 60e-6;  // a collective of several GPUs takes this of the host
constexpr std::int64_t estimate_calls = 3;
constexpr std::int64_t most_calls = 400;  // that fit into a stream's queue

class BackgroundCopy final : public BackgroundWork {
 public:
  BackgroundCopy(const CudaRuntime& cuda, int device, std::size_t bytes)
      : cuda_(cuda),
        device_(device),
        bytes_(bytes),
        host_(cuda, device, bytes),
        gpu_(device_memory(cuda, device, bytes)) {}
  [[nodiscard]] std::string name() const override { return "host to device copy"; }
  void enqueue(cudaStream_t stream) override {
    cuda_.check(
        cuda_.cudaMemcpyAsync(gpu_.data(), host_.data(), bytes_, cudaMemcpyHostToDevice, stream),
        "cudaMemcpyAsync", device_);
  }

 private:
  const CudaRuntime& cuda_;
  int device_;
  std::size_t bytes_;
  PinnedBuffer host_;
  DeviceBuffer gpu_;
};

class BackgroundKernel final : public BackgroundWork {
 public:
  BackgroundKernel(std::string name, GpuWork& work) : name_(std::move(name)), work_(work) {}
  [[nodiscard]] std::string name() const override { return name_; }
  void enqueue(cudaStream_t stream) override { work_.enqueue(stream); }

 private:
  std::string name_;
  GpuWork& work_;
};

// Two queues of one GPU.
class Both {
 public:
  Both(const GpuTimer& timer, const Blocker& blocker)
      : timer_(timer),
        blocker_(blocker),
        other_stream_(timer.cuda(), timer.device()),
        start_(event()),
        gemm_end_(event()),
        other_end_(event()) {}

  struct Times {
    double gemm = 0, other = 0;
  };

  // Begins both queues at one event, which lies behind the blocker: by then they are full.
  Times run(const Enqueue& gemm, std::int64_t gemms, const Enqueue& other, std::int64_t others) {
    const CudaRuntime& cuda = timer_.cuda();
    blocker_.enqueue(timer_.stream(), longest_launch * static_cast<double>(gemms + others));
    start_.record(timer_.stream());
    cuda.check(cuda.cudaStreamWaitEvent(other_stream_.get(), start_.get(), 0),
               "cudaStreamWaitEvent", timer_.device());
    for (std::int64_t i = 0; i < others; ++i) other(other_stream_.get());
    other_end_.record(other_stream_);
    for (std::int64_t i = 0; i < gemms; ++i) gemm(timer_.stream().get());
    gemm_end_.record(timer_.stream());
    const double gemm_seconds = gemm_end_.seconds_since(start_);
    return {gemm_seconds, other_end_.seconds_since(start_)};
  }

  // The median of each over the repeats.
  Times medians(const Enqueue& gemm, std::int64_t gemms, const Enqueue& other, std::int64_t others,
                int repeats) {
    std::vector<double> of_gemm;
    std::vector<double> of_other;
    for (int i = 0; i < repeats; ++i) {
      const Times times = run(gemm, gemms, other, others);
      of_gemm.push_back(times.gemm);
      of_other.push_back(times.other);
    }
    return {median(of_gemm), median(of_other)};
  }

 private:
  [[nodiscard]] GpuEvent event() const { return {timer_.cuda(), timer_.device()}; }

  const GpuTimer& timer_;
  const Blocker& blocker_;
  GpuStream other_stream_;
  GpuEvent start_, gemm_end_, other_end_;
};

std::int64_t calls_within(double seconds, double call_seconds) {
  const double calls = call_seconds > 0 ? seconds / call_seconds : static_cast<double>(most_calls);
  return std::clamp<std::int64_t>(std::llround(calls), 1, most_calls);
}

}  // namespace

std::unique_ptr<BackgroundWork> background_copy(const CudaRuntime& cuda, int device,
                                                std::size_t bytes) {
  return std::make_unique<BackgroundCopy>(cuda, device, bytes);
}

std::unique_ptr<BackgroundWork> background_kernel(const std::string& name, GpuWork& work) {
  return std::make_unique<BackgroundKernel>(name, work);
}

MeasuredOverlap measure_overlap(GpuTimer& timer, GpuWork& gemm, const GemmShape& shape,
                                BackgroundWork& other, const Blocker& blocker,
                                const OverlapOptions& options) {
  const Enqueue multiply = [&](cudaStream_t stream) { gemm.enqueue(stream); };
  const Enqueue beside = [&](cudaStream_t stream) { other.enqueue(stream); };
  static_cast<void>(timer.queue_seconds(multiply, estimate_calls));  // load and set up
  static_cast<void>(timer.queue_seconds(beside, estimate_calls));
  const double gemm_call = timer.queue_seconds(multiply, estimate_calls) / estimate_calls;
  const double other_call = timer.queue_seconds(beside, estimate_calls) / estimate_calls;
  // One call of the other is beside at least two thirds as many products again.
  const std::int64_t gemms =
      calls_within(std::max(options.seconds, other_call / beside_share), gemm_call);
  std::int64_t others =
      calls_within(beside_share * gemm_call * static_cast<double>(gemms), other_call);

  Both both(timer, blocker);
  MeasuredOverlap measured;
  measured.beside = other.name();
  measured.dtype = to_string(shape.dtype);
  measured.m = shape.m;
  measured.n = shape.n;
  measured.k = shape.k;
  measured.gemm_alone_s = both.medians(multiply, gemms, beside, 0, options.repeats).gemm;
  for (int tries = 0;; ++tries) {
    const Both::Times times = both.medians(multiply, gemms, beside, others, options.repeats);
    measured.gemm_beside_s = times.gemm;
    measured.other_beside_s = times.other;
    if (times.other <= times.gemm || others == 1 || tries == most_tries) break;
    others = std::max<std::int64_t>(1, others / 2);
  }
  measured.other_alone_s = both.medians(multiply, 0, beside, others, options.repeats).other;
  measured.slowdown = (measured.gemm_beside_s - measured.gemm_alone_s) /
                      std::min(measured.other_beside_s, measured.gemm_beside_s);
  return measured;
}

}  // namespace lockstep
