// How long a prediction takes: loading a scenario, one plan without and with intervals, and the
// same plan on 64 and on 16,384 GPUs, which must not differ. Reported, never asserted.
#include <benchmark/benchmark.h>

#include <filesystem>

#include "scenarios/scenario.hpp"
#include "sim/engine/step_evaluator.hpp"
#include "sim/report/report.hpp"

namespace {

using namespace lockstep;

std::filesystem::path scenarios() {
  return std::filesystem::path(LOCKSTEP_TEST_SOURCE_DIR) / "scenarios";
}

Scenario load(const char* file, std::vector<Setting> settings = {}) {
  const Catalog catalog(scenarios(), std::move(settings));
  return load_scenario(scenarios() / file, catalog);
}

constexpr const char* pipeline_scenario = "gpt3-175b-64xa100.yaml";

void load_and_simulate(benchmark::State& state, const char* file) {
  for (auto _ : state) {
    benchmark::DoNotOptimize(simulate(load(file)));
  }
}
BENCHMARK_CAPTURE(load_and_simulate, llama3_70b, "llama3-70b-64xh100.yaml")
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(load_and_simulate, llama3_405b, "llama3.1-405b-1024xh100.yaml")
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(load_and_simulate, gpt_1t, "korthikanti-1t.yaml")->Unit(benchmark::kMillisecond);

void load_scenario_file(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(load(pipeline_scenario));
}
BENCHMARK(load_scenario_file)->Unit(benchmark::kMillisecond);

// The same tensor and pipeline degrees; data parallelism and the batch grow with the nodes.
Scenario scaled(std::int64_t nodes) {
  Scenario scenario = load(pipeline_scenario);
  Plan& plan = scenario.plans.front().plan;
  Cluster& cluster = scenario.plans.front().cluster;
  cluster.nodes = nodes;
  cluster.gpus = nodes * cluster.system.gpus_per_node;
  plan.data = cluster.gpus / (plan.tensor * plan.pipeline.stages);
  scenario.training.global_batch = 64 * plan.data;
  return scenario;
}

void predict_one_plan(benchmark::State& state) {
  const Scenario scenario = scaled(state.range(0) / 8);
  const ScenarioPlan& plan = scenario.plans.front();
  for (auto _ : state) {
    benchmark::DoNotOptimize(predict(scenario.model, scenario.training, plan.cluster, plan.plan));
  }
}
BENCHMARK(predict_one_plan)->Arg(64)->Arg(1024)->Arg(16384)->Unit(benchmark::kMicrosecond);

void predict_with_its_intervals(benchmark::State& state) {
  const Scenario scenario = scaled(state.range(0) / 8);
  const ScenarioPlan& plan = scenario.plans.front();
  for (auto _ : state) {
    benchmark::DoNotOptimize(
        predict_with_intervals(scenario.model, scenario.training, plan.cluster, plan.plan, *scenario.evidence));
  }
}
BENCHMARK(predict_with_its_intervals)->Arg(64)->Arg(16384)->Unit(benchmark::kMicrosecond);

// Step time at other values of the constants: once per draw.
void evaluate_step(benchmark::State& state, const char* file, std::size_t plan) {
  const Scenario scenario = load(file);
  const ScenarioPlan& entry = scenario.plans.at(plan);
  const Workload workload = lower(scenario.model, scenario.training, entry.plan);
  StepEvaluator evaluator(entry.cluster, entry.plan, workload);
  for (auto _ : state) benchmark::DoNotOptimize(evaluator.total());
}
BENCHMARK_CAPTURE(evaluate_step, fsdp, "llama3-70b-64xh100.yaml", 0)
    ->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(evaluate_step, interleaved, "llama3-70b-64xh100.yaml", 1)
    ->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(evaluate_step, sixteen_stages, "llama3.1-405b-1024xh100.yaml", 0)
    ->Unit(benchmark::kMicrosecond);

void lower_plan(benchmark::State& state, const char* file, std::size_t plan) {
  const Scenario scenario = load(file);
  const Plan& entry = scenario.plans.at(plan).plan;
  for (auto _ : state) {
    benchmark::DoNotOptimize(lower(scenario.model, scenario.training, entry));
  }
}
BENCHMARK_CAPTURE(lower_plan, fsdp, "llama3-70b-64xh100.yaml", 0)->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(lower_plan, interleaved, "llama3-70b-64xh100.yaml", 1)
    ->Unit(benchmark::kMicrosecond);

}  // namespace
