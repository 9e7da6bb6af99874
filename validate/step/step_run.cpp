#include "validate/step/step_run.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <barrier>
#include <cmath>
#include <exception>
#include <map>
#include <memory>
#include <numeric>
#include <set>
#include <stdexcept>
#include <thread>
#include <tuple>

#include "sim/compute/op_cost.hpp"
#include "validate/gpu/gpu_work.hpp"
#include "validate/measure/failures.hpp"

namespace lockstep {
namespace {

constexpr auto streams = static_cast<std::size_t>(TaskStream::count);
constexpr auto parts = static_cast<std::size_t>(StepPart::count);
constexpr int instrumented_runs = 5;
constexpr double most_bytes = 1e9;  // of the buffers of one kernel that can be sliced

enum class Mode { whole, instrumented, without_collectives };

using PartSeconds = std::array<double, parts>;

// What one instrumented run shows of one GPU.
struct RunParts {
  PartSeconds ops{};
  PartSeconds waits{};
};

const char* memory_op_name(MemoryKernel kernel) {
  constexpr const char* names[] = {"copy",        "norm", "rope",     "activation", "softmax", "cast",
                                   "permutation", "loss", "optimizer"};
  return names[static_cast<std::size_t>(kernel)];
}

// Elements of a row that the kernel works on as one.
std::int64_t row_of(const SmallStep& step, MemoryKernel kernel) {
  if (kernel == MemoryKernel::softmax) return step.training.sequence_length;
  return kernel == MemoryKernel::loss ? step.model.vocabulary : step.model.hidden;
}

// Work that is done in equal slices, one after the other, on the same buffers: what a step moves or
// multiplies at once may be larger than what the GPU has beside it.
class SlicedWork final : public GpuWork {
 public:
  SlicedWork(std::unique_ptr<GpuWork> slice, std::int64_t slices)
      : slice_(std::move(slice)), slices_(slices) {}
  void enqueue(cudaStream_t stream) override {
    for (std::int64_t i = 0; i < slices_; ++i) slice_->enqueue(stream);
  }
  [[nodiscard]] double flops() const override {
    return static_cast<double>(slices_) * slice_->flops();
  }
  [[nodiscard]] double bytes() const override {
    return static_cast<double>(slices_) * slice_->bytes();
  }

 private:
  std::unique_ptr<GpuWork> slice_;
  std::int64_t slices_;
};

// The least number of slices that divides `whole` and keeps each within most_bytes.
std::int64_t slices_of(std::int64_t whole, double bytes) {
  std::int64_t slices = std::min(whole, static_cast<std::int64_t>(std::ceil(bytes / most_bytes)));
  while (slices < whole && whole % slices != 0) ++slices;
  return std::max<std::int64_t>(1, slices);
}

// One GPU: its streams, its kernels by shape, an event for every task.
class StepGpu {
 public:
  StepGpu(const CudaRuntime& cuda, int device, const SmallStep& step,
          const std::vector<StepTask>& tasks, StepCollectives* collectives,
          const std::string& folder)
      : cuda_(cuda),
        device_(device),
        step_(step),
        tasks_(tasks),
        collectives_(collectives),
        kernels_(cuda, device, folder),
        started_(cuda, device),
        ended_(cuda, device) {
    for (GpuStream& stream : streams_) stream = GpuStream(cuda, device);
    for (const StepTask& task : tasks) {
      work_.push_back(task.op == nullptr ? nullptr : work_of(task));
      waited_.emplace_back(cuda, device);
      done_.emplace_back(cuda, device);
    }
    for (const StepTask& task : tasks) {
      for (const std::size_t at : task.waits_for) needed_.insert(at);
    }
  }

  // Queues the step `iterations` times.
  void enqueue(Mode mode, std::int64_t iterations) {
    select_device();
    started_.record(compute());
    for (std::int64_t i = 0; i < iterations; ++i) enqueue_once(mode);
    ended_.record(compute());
  }

  // Seconds of one step of the last enqueue(); waits for it.
  [[nodiscard]] double seconds(std::int64_t iterations) const {
    return ended_.seconds_since(started_) / static_cast<double>(iterations);
  }

  // Of the last enqueue() of one step in a mode with events.
  [[nodiscard]] RunParts read() const {
    RunParts result;
    const GpuEvent* before = &started_;
    for (std::size_t i = 0; i < tasks_.size(); ++i) {
      const StepTask& task = tasks_[i];
      if (task.op == nullptr) continue;
      if (const StepTask* call = waited_call(task); call != nullptr) {
        result.waits[index(call->part)] += waited_[i].seconds_since(*before);
        before = &waited_[i];
      }
      result.ops[index(task.part)] += done_[i].seconds_since(*before);
      before = &done_[i];
    }
    return result;
  }

 private:
  static std::size_t index(StepPart part) { return static_cast<std::size_t>(part); }
  [[nodiscard]] const GpuStream& compute() const { return streams_[0]; }
  void select_device() const {
    cuda_.check(cuda_.cudaSetDevice(device_), "cudaSetDevice", device_);
  }
  void wait(const GpuStream& stream, const GpuEvent& event) const {
    cuda_.check(cuda_.cudaStreamWaitEvent(stream.get(), event.get(), 0), "cudaStreamWaitEvent",
                device_);
  }

  // The collective that the op waits for in the mode of the last enqueue().
  [[nodiscard]] const StepTask* waited_call(const StepTask& task) const {
    return mode_ == Mode::without_collectives ? nullptr : last_call(tasks_, task);
  }

  void enqueue_once(Mode mode) {
    mode_ = mode;
    for (std::size_t i = 0; i < tasks_.size(); ++i) {
      const StepTask& task = tasks_[i];
      if (mode == Mode::without_collectives && task.call != nullptr) continue;
      const GpuStream& stream = streams_[static_cast<std::size_t>(task.stream)];
      for (const std::size_t at : task.waits_for) {
        const bool left_out = mode == Mode::without_collectives && tasks_[at].call != nullptr;
        if (tasks_[at].stream != task.stream && !left_out) wait(stream, done_[at]);
      }
      const bool shown = mode != Mode::whole && task.op != nullptr;
      if (shown && waited_call(task) != nullptr) waited_[i].record(stream);
      if (task.op != nullptr) {
        work_[i]->enqueue(stream.get());
      } else {
        collectives_->enqueue(device_, task, stream.get());
      }
      if (shown || needed_.count(i) > 0) done_[i].record(stream);
    }
    join_streams();
  }

  // The next step starts, and this one ends, when every stream is through.
  void join_streams() {
    for (std::size_t i = 1; i < streams; ++i) {
      joins_[i] = joins_[i].get() == nullptr ? GpuEvent(cuda_, device_) : std::move(joins_[i]);
      joins_[i].record(streams_[i]);
      wait(compute(), joins_[i]);
    }
    joins_[0] = joins_[0].get() == nullptr ? GpuEvent(cuda_, device_) : std::move(joins_[0]);
    joins_[0].record(compute());
    for (std::size_t i = 1; i < streams; ++i) wait(streams_[i], joins_[0]);
  }

  GpuWork* work_of(const StepTask& task) {
    const Op& op = *task.op;
    const double bytes = moved_bytes(step_.plan.software, op).value();
    const auto key = std::tuple(static_cast<int>(op.kind), op.m, op.n, op.k, op.batch,
                                static_cast<int>(op.dtype), static_cast<int>(op.memory), static_cast<int>(task.pass),
                                op.kind == OpKind::memory_bound ? bytes : 0.0);
    std::unique_ptr<GpuWork>& work = by_shape_[key];
    if (!work) work = make_work(op, task.pass, bytes);
    return work.get();
  }

  // Products of experts lie one after the other, as a batch.
  std::unique_ptr<GpuWork> make_work(const Op& op, GemmPass pass, double bytes) {
    switch (op.kind) {
      case OpKind::gemm:
      case OpKind::grouped_gemm:
      case OpKind::batched_gemm:
        return products(GemmShape{op.m, op.n, op.k, op.dtype, pass, op.batch});
      case OpKind::memory_bound:
        if (!(bytes > 0)) return kernels_.empty();
        return moves(memory_op_name(op.memory), bytes, row_of(step_, op.memory));
      case OpKind::flash_attention:
        break;
    }
    throw std::logic_error("a small step has no fused attention");
  }

  std::unique_ptr<GpuWork> products(GemmShape shape) {
    const std::int64_t slices = slices_of(shape.batch, gemm_bytes(shape));
    shape.batch /= slices;
    std::unique_ptr<GpuWork> slice = kernels_.gemm(shape);
    if (slices == 1) return slice;
    return std::make_unique<SlicedWork>(std::move(slice), slices);
  }

  std::unique_ptr<GpuWork> moves(const char* op, double bytes, std::int64_t row) {
    const auto slices = static_cast<std::int64_t>(std::ceil(bytes / most_bytes));
    std::unique_ptr<GpuWork> slice =
        kernels_.memory_op(op, bytes / static_cast<double>(slices), row);
    if (slices == 1) return slice;
    return std::make_unique<SlicedWork>(std::move(slice), slices);
  }

  const CudaRuntime& cuda_;
  int device_;
  const SmallStep& step_;
  const std::vector<StepTask>& tasks_;
  StepCollectives* collectives_;
  Mode mode_ = Mode::whole;
  GpuKernels kernels_;
  std::array<GpuStream, streams> streams_;
  std::array<GpuEvent, streams> joins_;
  GpuEvent started_;
  GpuEvent ended_;
  std::map<std::tuple<int, std::int64_t, std::int64_t, std::int64_t, std::int64_t, int, int, int,
                      double>,
           std::unique_ptr<GpuWork>>
      by_shape_;
  std::vector<GpuWork*> work_;    // of each task; null: a collective
  std::vector<GpuEvent> waited_;  // after the waits of a task, before its op
  std::vector<GpuEvent> done_;
  std::set<std::size_t> needed_;  // tasks that another one waits for
};

// Every GPU on a thread of its own, all starting together. The first failure is thrown.
void on_every_gpu(std::vector<std::unique_ptr<StepGpu>>& gpus, Mode mode,
                  std::int64_t iterations) {
  std::barrier start(static_cast<std::ptrdiff_t>(gpus.size()));
  std::vector<std::exception_ptr> failures(gpus.size());
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < gpus.size(); ++i) {
    threads.emplace_back([&, i] {
      start.arrive_and_wait();
      try {
        gpus[i]->enqueue(mode, iterations);
      } catch (...) {
        failures[i] = std::current_exception();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const std::exception_ptr& failure : failures) {
    if (failure) std::rethrow_exception(failure);
  }
}

double slowest(const std::vector<std::unique_ptr<StepGpu>>& gpus, std::int64_t iterations) {
  double seconds = 0;
  for (const std::unique_ptr<StepGpu>& gpu : gpus)
    seconds = std::max(seconds, gpu->seconds(iterations));
  return seconds;
}

// Means over a few runs, of the first GPU: all ranks do the same.
RunParts instrumented(std::vector<std::unique_ptr<StepGpu>>& gpus, Mode mode) {
  RunParts mean;
  for (int run = 0; run < instrumented_runs; ++run) {
    on_every_gpu(gpus, mode, 1);
    static_cast<void>(slowest(gpus, 1));
    const RunParts one = gpus.front()->read();
    for (std::size_t i = 0; i < parts; ++i) {
      mean.ops[i] += one.ops[i] / instrumented_runs;
      mean.waits[i] += one.waits[i] / instrumented_runs;
    }
  }
  return mean;
}

double sum(const PartSeconds& seconds) {
  return std::accumulate(seconds.begin(), seconds.end(), 0.0);
}

std::vector<MeasuredTerm> terms_of(const SmallStep& step, const RunParts& with,
                                   const RunParts& alone, double whole) {
  std::vector<MeasuredTerm> terms;
  double shown = 0;
  for (const PredictedTerm& predicted : predicted_terms(step)) {
    const auto at = static_cast<std::size_t>(predicted.part);
    double measured = alone.ops[at] + with.waits[at];
    if (predicted.part == StepPart::slowdown) measured += sum(with.ops) - sum(alone.ops);
    shown += measured;
    if (predicted.seconds > 0 || measured != 0)
      terms.push_back({predicted.name, predicted.seconds, measured});
  }
  terms.push_back({"between kernels", 0.0, whole - shown});
  return terms;
}

}  // namespace

StepRunResult run_small_step(const CudaRuntime& cuda, const SmallStep& step,
                             const std::vector<StepTask>& tasks, StepCollectives* collectives,
                             const std::string& library_folder, const SweepOptions& options) {
  const std::int64_t used = step.collectives ? step.ranks : 1;
  std::vector<std::unique_ptr<StepGpu>> gpus;
  for (std::int64_t i = 0; i < used; ++i) {
    gpus.push_back(std::make_unique<StepGpu>(cuda, static_cast<int>(i), step, tasks, collectives,
                                             library_folder));
  }
  StepRunResult result;
  // Warm-up: kernels first, since a library that loads one may wait for a collective that runs.
  for (const Mode mode : {Mode::without_collectives, Mode::whole}) {
    on_every_gpu(gpus, mode, 1);
    static_cast<void>(slowest(gpus, 1));
  }
  result.time = measure_repeats(options, [&](std::int64_t iterations) {
    on_every_gpu(gpus, Mode::whole, iterations);
    return slowest(gpus, iterations);
  });
  const RunParts with = instrumented(gpus, Mode::instrumented);
  const RunParts alone = instrumented(gpus, Mode::without_collectives);
  result.terms = terms_of(step, with, alone, result.time.median_s);
  return result;
}

}  // namespace lockstep
