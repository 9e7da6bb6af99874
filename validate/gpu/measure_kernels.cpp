#include "validate/gpu/measure_kernels.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <array>

#include "sim/compute/op_cost.hpp"
#include "validate/gpu/copies.hpp"
#include "validate/gpu/device_memory.hpp"
#include "validate/gpu/launches.hpp"
#include "validate/measure/kernel_prediction.hpp"

namespace lockstep {
namespace {

// Shares of the seconds of a shape.
constexpr double warm_up_share = 0.3;
constexpr double repeats_share = 0.5;
constexpr double second_path_share = 0.04;  // of each of five repeats
constexpr double least_repeat_seconds = 0.002;
constexpr double share_of_one_repeat = 0.1;
constexpr double interval = 0.01;
constexpr double memory_op_share = 0.3;  // of a product's seconds: no power limit to settle to
constexpr double overlap_op_bytes = 256e6;
constexpr std::size_t overlap_copy_bytes = std::size_t{16} << 20;

TimingOptions timing(double seconds) {
  TimingOptions options;
  options.warm_up_seconds = warm_up_share * seconds;
  options.repeats.interval = interval;
  options.repeats.repeat_seconds =
      std::max(least_repeat_seconds, share_of_one_repeat * repeats_share * seconds);
  options.repeats.most_seconds = repeats_share * seconds;
  options.second_path_seconds = second_path_share * seconds;
  return options;
}

class KernelsRun {
 public:
  KernelsRun(const CudaRuntime& cuda, int device, const KernelsOptions& options,
             Measurement& measurement, std::vector<std::string>& left_out)
      : cuda_(cuda),
        device_(device),
        options_(options),
        measurement_(measurement),
        left_out_(left_out),
        kernels_(cuda, device, options.libraries),
        timer_(cuda, device) {
    measurement.machine.cublas = kernels_.cublas_version();
  }

  void run(const KernelList& all) {
    const KernelList list = possible(all);
    steps_ = list.gemms.size() + list.memory_ops.size() + (options_.copies ? 1 : 0) +
             (options_.launches ? 1 : 0) + (options_.overlap ? 1 : 0);
    for (const ListedGemm& gemm : list.gemms) attempt(named(gemm), [&] { measure(gemm); });
    for (const ListedMemoryOp& op : list.memory_ops) attempt(op.op, [&] { measure(op); });
    if (options_.copies) attempt("copies", [&] { copies(); });
    if (options_.launches) attempt("launches", [&] { launches(); });
    if (options_.overlap) attempt("overlap", [&] { overlaps(list); });
  }

 private:
  static std::string named(const ListedGemm& gemm) {
    return fmt::format("{}, {} x {} x {} in {}", gemm.op, gemm.shape.m, gemm.shape.n, gemm.shape.k,
                       to_string(gemm.shape.dtype));
  }

  // Without fp8 where the GPU has none.
  KernelList possible(KernelList list) {
    const auto narrow = [](const ListedGemm& gemm) { return gemm.shape.dtype == Dtype::fp8; };
    if (kernels_.has_fp8() || std::none_of(list.gemms.begin(), list.gemms.end(), narrow))
      return list;
    if (options_.fp8_asked_for)
      throw MeasurementError(fmt::format("GPU {} has no fp8", device_),
                             "fp8 needs compute capability 8.9 (Ada) or later: leave it out of "
                             "--dtype");
    std::erase_if(list.gemms, narrow);
    left_out_.push_back(fmt::format("products in fp8: GPU {} has none", device_));
    return list;
  }

  template <class Part>
  void attempt(const std::string& what, const Part& part) {
    try {
      part();
    } catch (const OutOfDeviceMemory& error) {
      left_out_.push_back(fmt::format("{}: {}", what, error.what()));
    } catch (const NoKernel& error) {
      left_out_.push_back(fmt::format("{}: {}", what, error.what()));
    } catch (const Unavailable& error) {
      left_out_.push_back(fmt::format("{}: {}", what, error.what()));
    }
    ++done_;
    if (options_.progress) options_.progress(done_, steps_);
  }

  void measure(const ListedGemm& listed) {
    const std::unique_ptr<GpuWork> work = kernels_.gemm(listed.shape, options_.candidates);
    const KernelTime timed = timer_.measure(*work, timing(options_.seconds_per_shape));
    MeasuredGemm gemm;
    gemm.op = listed.op;
    gemm.dtype = to_string(listed.shape.dtype);
    gemm.m = listed.shape.m;
    gemm.n = listed.shape.n;
    gemm.k = listed.shape.k;
    gemm.batch = listed.shape.batch;
    if (gemm.batch > 1) gemm.op += fmt::format(", {} at once", gemm.batch);
    gemm.device = device_;
    gemm.time = timed.time;
    gemm.flops_per_s = work->flops() / timed.time.median_s;
    gemm.second_path_s = timed.second_path_s;
    if (options_.catalog_gpu != nullptr) {
      const double peak = peak_rate(*options_.catalog_gpu, listed.shape.dtype).value();
      if (peak > 0) gemm.peak_share = gemm.flops_per_s / peak;
      gemm.predicted_s = predicted_time(*options_.catalog_gpu, listed);
    }
    measurement_.gemms.push_back(std::move(gemm));
  }

  void measure(const ListedMemoryOp& listed) {
    const std::unique_ptr<GpuWork> work = kernels_.memory_op(listed.op, listed.bytes, listed.row);
    TimingOptions options = timing(memory_op_share * options_.seconds_per_shape);
    options.second_path_seconds = 0;
    MeasuredMemoryOp op;
    op.op = listed.op;
    op.bytes = work->bytes();
    op.device = device_;
    op.time = timer_.measure(*work, options).time;
    op.bytes_per_s = op.bytes / op.time.median_s;
    if (options_.catalog_gpu != nullptr) {
      op.peak_share = op.bytes_per_s / (*options_.catalog_gpu->memory_bandwidth).value();
      op.predicted_s = predicted_time(*options_.catalog_gpu, listed, op.bytes);
    }
    measurement_.memory_ops.push_back(std::move(op));
  }

  void copies() {
    const std::vector<MeasuredCopy> copies =
        measure_copies(timer_, options_.copy_bytes, peers_of(cuda_, device_),
                       timing(memory_op_share * options_.seconds_per_shape));
    measurement_.copies.insert(measurement_.copies.end(), copies.begin(), copies.end());
  }

  void launches() {
    const std::unique_ptr<GpuWork> empty = kernels_.empty();
    const std::vector<MeasuredLaunch> launches =
        measure_launches(timer_, *empty, timing(options_.seconds_per_shape).repeats);
    measurement_.launches.insert(measurement_.launches.end(), launches.begin(), launches.end());
  }

  // Beside forward products of the first listed type: the smallest, the middle and the largest by
  // FLOPs beside a collective, the middle one beside the rest.
  void overlaps(const KernelList& list) {
    std::vector<GemmShape> shapes;
    for (const ListedGemm& gemm : list.gemms) {
      if (gemm.shape.batch == 1 && gemm.shape.pass == GemmPass::forward &&
          gemm.shape.dtype == list.gemms.front().shape.dtype)
        shapes.push_back(gemm.shape);
    }
    if (shapes.empty()) return;
    std::sort(shapes.begin(), shapes.end(),
              [](const GemmShape& a, const GemmShape& b) { return gemm_flops(a) < gemm_flops(b); });
    const GemmShape middle = shapes[shapes.size() / 2];
    const Blocker blocker(cuda_, device_);
    const auto beside = [&](const GemmShape& shape, BackgroundWork& other) {
      const std::unique_ptr<GpuWork> gemm = kernels_.gemm(shape);
      measurement_.overlaps.push_back(
          measure_overlap(timer_, *gemm, shape, other, blocker, OverlapOptions{}));
    };
    beside(middle, *background_copy(cuda_, device_, overlap_copy_bytes));
    const std::unique_ptr<GpuWork> copy = kernels_.memory_op("copy", overlap_op_bytes, middle.k);
    beside(middle, *background_kernel("copy kernel", *copy));
    if (!options_.collective) return;
    const std::unique_ptr<BackgroundWork> collective = options_.collective(cuda_, device_);
    for (const GemmShape& shape : std::set<GemmShape>{shapes.front(), middle, shapes.back()})
      beside(shape, *collective);
  }

  const CudaRuntime& cuda_;
  int device_;
  const KernelsOptions& options_;
  Measurement& measurement_;
  std::vector<std::string>& left_out_;
  GpuKernels kernels_;
  GpuTimer timer_;
  std::size_t done_ = 0;
  std::size_t steps_ = 0;
};

}  // namespace

void measure_kernels(const CudaRuntime& cuda, int device, const KernelList& list,
                     const KernelsOptions& options, Measurement& measurement,
                     std::vector<std::string>& left_out) {
  KernelsRun(cuda, device, options, measurement, left_out).run(list);
}

}  // namespace lockstep
