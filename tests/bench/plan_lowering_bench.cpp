// How long it takes to lower a plan, to know its peak memory, and to tell whether it is legal, in a
// stream of plans as a search visits them: what blocks depend on changes least often. Reported,
// never asserted.
#include <benchmark/benchmark.h>

#include <filesystem>

#include "scenarios/scenario.hpp"
#include "strategies/plan_lowering.hpp"

namespace {

using namespace lockstep;

struct Stream {
  Model model;
  Training training;
  std::int64_t gpus = 0;
  std::vector<Plan> plans;  // legal
};

void add_shardings(Stream& stream, Plan plan) {
  for (const double offload : {0.0, 1.0}) {
    plan.offload.optimizer = offload;
    for (const Sharding sharding :
         {Sharding::none, Sharding::optimizer, Sharding::gradients, Sharding::fsdp}) {
      plan.sharding = sharding;
      if (first_violation(stream.model, stream.training, plan, stream.gpus) != nullptr) continue;
      stream.plans.push_back(plan);
    }
  }
}

void add_pipelines(Stream& stream, Plan plan) {
  for (const std::int64_t stages : {1, 2, 4, 8, 16}) {
    plan.data = stream.gpus / (plan.tensor * stages);
    for (const char* schedule : {"1f1b", "gpipe", "zb-h1", "zb-v"}) {
      for (const std::int64_t interleave : {1, 2, 3, 4}) {
        plan.pipeline = {stages, interleave, schedule};
        add_shardings(stream, plan);
      }
    }
  }
}

Stream stream_of(const char* file) {
  const auto folder = std::filesystem::path(LOCKSTEP_TEST_SOURCE_DIR) / "scenarios";
  const Scenario scenario = load_scenario(folder / file, Catalog(folder));
  Stream stream{scenario.model, scenario.training, scenario.plans.front().cluster.gpus, {}};
  Plan plan;
  plan.software = scenario.plans.front().plan.software;
  for (const std::int64_t tensor : {1, 2, 4, 8}) {
    plan.tensor = tensor;
    plan.sequence_parallel = tensor > 1;
    for (const std::int64_t micro_batch : {1, 2, 4}) {
      plan.micro_batch = micro_batch;
      for (const Recompute recompute : {Recompute::none, Recompute::selective, Recompute::full}) {
        plan.recompute = recompute;
        add_pipelines(stream, plan);
      }
    }
  }
  return stream;
}

template <class OfPlan>
void over_stream(benchmark::State& state, const Stream& stream, const OfPlan& of_plan) {
  std::size_t i = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(of_plan(stream.plans[i]));
    i = (i + 1) % stream.plans.size();
  }
}

void lower_stream(benchmark::State& state, const char* file) {
  const Stream stream = stream_of(file);
  PlanLowering lowering(stream.model, stream.training);
  over_stream(state, stream, [&](const Plan& plan) { return lowering.lower(plan).blocks; });
}

void peak_of_stream(benchmark::State& state, const char* file) {
  const Stream stream = stream_of(file);
  PlanLowering lowering(stream.model, stream.training);
  over_stream(state, stream, [&](const Plan& plan) { return lowering.peak_allocated(plan); });
}

void first_violation_of_stream(benchmark::State& state, const char* file) {
  const Stream stream = stream_of(file);
  over_stream(state, stream, [&](const Plan& plan) {
    return first_violation(stream.model, stream.training, plan, stream.gpus);
  });
}

constexpr const char* dense = "gpt3-175b-64xa100.yaml";
constexpr const char* experts = "deepseek-v3-256xh100.yaml";

BENCHMARK_CAPTURE(lower_stream, gpt3_175b, dense)->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(lower_stream, deepseek_v3, experts)->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(peak_of_stream, gpt3_175b, dense)->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(peak_of_stream, deepseek_v3, experts)->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(first_violation_of_stream, gpt3_175b, dense)->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(first_violation_of_stream, deepseek_v3, experts)->Unit(benchmark::kMicrosecond);

}  // namespace
