// How fast the step's timeline is placed. Reported, never asserted; the aim is 5 million tasks per
// second and under 100 ms for 64 stages x 512 micro-batches x interleave 2.
#include <benchmark/benchmark.h>

#include "sim/engine/pipeline_time.hpp"
#include "tests/support/step_work.hpp"

namespace {

using namespace lockstep;
using namespace lockstep::testing;

StepWork step(const char* schedule, std::int64_t stages, std::int64_t micro_batches,
              std::int64_t interleave) {
  StepWork work = equal_step(schedule, stages, interleave, micro_batches, passes(1, 2, 0.9));
  set_transfers(work, 0.01, 0.05);
  // The first stage is a little slower, so that no closed form applies.
  for (PassCost& chunk : work.stages.front().chunks) chunk.forward = Seconds{1.1};
  return work;
}

// Takes slices and keeps the last one.
class Counter : public SliceSink {
 public:
  void add(const Slice& slice) override { last = slice; }
  Slice last;
};

void place(benchmark::State& state, const StepWork& work, SliceSink* sink) {
  std::int64_t tasks = 0;
  for (auto _ : state) {
    const StepResult result = run_step(work, sink);
    tasks += result.tasks;
    benchmark::DoNotOptimize(result.total);
  }
  state.counters["tasks/s"] =
      benchmark::Counter(static_cast<double>(tasks), benchmark::Counter::kIsRate);
}

void timeline(benchmark::State& state, const char* schedule, std::int64_t stages,
              std::int64_t micro_batches, std::int64_t interleave) {
  place(state, step(schedule, stages, micro_batches, interleave), nullptr);
}
BENCHMARK_CAPTURE(timeline, 64x512x2, "1f1b", 64, 512, 2)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(timeline, 16x64, "1f1b", 16, 64, 1)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(timeline, gpipe_64x512, "gpipe", 64, 512, 1)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(timeline, zb_h1_64x512, "zb-h1", 64, 512, 1)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(timeline, zb_v_64x512, "zb-v", 64, 512, 2)->Unit(benchmark::kMillisecond);

void timeline_drawn(benchmark::State& state) {
  Counter counter;
  place(state, step("1f1b", 64, 512, 2), &counter);
  benchmark::DoNotOptimize(counter.last);
}
BENCHMARK(timeline_drawn)->Unit(benchmark::kMillisecond);

}  // namespace
