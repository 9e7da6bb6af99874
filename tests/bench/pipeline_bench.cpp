// How long the total of a step takes without its timeline, and the bound below it. Reported, never
// asserted; the aim is 20,000 plans per second, of which this is the part that grows with the
// micro-batches.
#include <benchmark/benchmark.h>

#include "sim/engine/pipeline_work.hpp"
#include "tests/support/step_work.hpp"

namespace {

using namespace lockstep;
using namespace lockstep::testing;

// Stages alike but for the first one, with an embedding, and the last one, with a head; transfers
// and collectives between all, so that no closed form applies.
PipelineWork step(const char* schedule, std::int64_t stages, std::int64_t interleave,
                  std::int64_t micro_batches) {
  PipelineWork work;
  work.schedule = find_schedule(schedule);
  work.interleave = interleave;
  work.micro_batches = micro_batches;
  StageWork stage;
  stage.chunks.assign(static_cast<std::size_t>(interleave), passes(1, 2, 0.9));
  stage.gather.assign(static_cast<std::size_t>(interleave), sync(1, 0.2, 4));
  stage.reduce = stage.gather;
  work.kinds.assign(3, stage);
  work.kinds.front().chunks.front().forward = Seconds{1.1};
  work.kinds.back().chunks.back() = passes(1.05, 2.05, 0.95);
  work.kind_of.assign(static_cast<std::size_t>(stages), 1);
  work.kind_of.front() = 0;
  work.kind_of.back() = 2;
  work.sends.assign(static_cast<std::size_t>(stages), {0.01, 0.05, 0.01, 0.05});
  return work;
}

// Stages of five speeds, the last one among the fast.
PipelineWork unequal_step(std::int64_t stages, std::int64_t micro_batches) {
  constexpr std::int64_t speeds = 5;
  PipelineWork work = step("1f1b", stages, 1, micro_batches);
  work.kinds.assign(speeds, work.kinds[1]);
  for (std::int64_t k = 0; k < speeds; ++k) {
    work.kinds[static_cast<std::size_t>(k)].chunks.front().forward =
        Seconds{1 + 0.1 * static_cast<double>(k)};
  }
  for (std::int64_t i = 0; i < stages; ++i) {
    work.kind_of[static_cast<std::size_t>(i)] = static_cast<std::uint16_t>(i % speeds);
  }
  return work;
}

void time_total(benchmark::State& state, const PipelineWork& work) {
  PipelineDurations durations;
  for (auto _ : state) benchmark::DoNotOptimize(durations.total(work));
}

void pipeline_total(benchmark::State& state, const char* schedule, std::int64_t stages,
                    std::int64_t interleave, std::int64_t micro_batches) {
  time_total(state, step(schedule, stages, interleave, micro_batches));
}
BENCHMARK_CAPTURE(pipeline_total, 16x4x64, "1f1b", 16, 4, 64)->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(pipeline_total, 8x3x64, "1f1b", 8, 3, 64)->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(pipeline_total, 2x48x64, "1f1b", 2, 48, 64)->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(pipeline_total, 8x12x1536, "1f1b", 8, 12, 1536)->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(pipeline_total, zb_v_16x2x120, "zb-v", 16, 2, 120)->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(pipeline_total, zb_h1_16x64, "zb-h1", 16, 1, 64)->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(pipeline_total, gpipe_16x64, "gpipe", 16, 1, 64)->Unit(benchmark::kMicrosecond);

void pipeline_total_unequal_16x64(benchmark::State& state) {
  time_total(state, unequal_step(16, 64));
}
BENCHMARK(pipeline_total_unequal_16x64)->Unit(benchmark::kMicrosecond);

// The whole step on the timeline engine, for comparison.
void pipeline_placed_16x4x64(benchmark::State& state) {
  const StepWork work = expanded(step("1f1b", 16, 4, 64));
  for (auto _ : state) benchmark::DoNotOptimize(run_step(work));
}
BENCHMARK(pipeline_placed_16x4x64)->Unit(benchmark::kMicrosecond);

void pipeline_least_16x4x64(benchmark::State& state) {
  const PipelineWork work = step("1f1b", 16, 4, 64);
  PipelineDurations durations;
  for (auto _ : state) benchmark::DoNotOptimize(durations.least(work));
}
BENCHMARK(pipeline_least_16x4x64)->Unit(benchmark::kMicrosecond);

}  // namespace
