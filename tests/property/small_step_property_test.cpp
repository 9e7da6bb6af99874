// The program that `validate step` runs, on every plan of every bundled scenario.
#include <algorithm>
#include <array>
#include <set>

#include "sim/engine/step.hpp"
#include "tests/catch.hpp"
#include "tests/scenario/bundled.hpp"
#include "validate/arguments.hpp"
#include "validate/measure/small_step.hpp"
#include "validate/measure/step_tasks.hpp"

using namespace lockstep;

namespace {

// The engine places units by closed forms that leave out the first gather and the last reduction
// of a step; of many layers, they are a small part of it.
constexpr std::int64_t many_layers = 64;
constexpr double ends_of_step = 0.05;

struct Case {
  std::string name;
  SmallStep step;
};

// GPUs whose compute nothing slows, so that the placed tasks and the closed forms are comparable.
std::vector<Case> cases(std::int64_t gpus, std::int64_t layers = 2) {
  const Catalog catalog(std::string(LOCKSTEP_TEST_SOURCE_DIR) + "/scenarios");
  std::vector<Case> all;
  for (const std::filesystem::path& file : lockstep::test::bundled_scenarios()) {
    const Scenario scenario = load_scenario(file, catalog, IllegalPlans::keep);
    for (ScenarioPlan plan : scenario.plans) {
      if (!plan.problems.empty()) continue;
      plan.cluster.system.gpu.overlap_slowdown.value = 0.0;
      SmallStepSize size;
      size.gpus = gpus;
      size.layers = layers;
      try {
        all.push_back({file.filename().string() + " " + plan.plan.name,
                       small_step(scenario.model, scenario.training, plan, size)});
      } catch (const validation::UsageError&) {
        continue;  // says in words that this plan cannot be cut down
      }
    }
  }
  return all;
}

double predicted(const SmallStep& step) {
  double sum = 0;
  for (const PredictedTerm& term : predicted_terms(step)) sum += term.seconds;
  return sum;
}

// What the engine's closed forms say, without the host's work, stragglers and idle GPUs.
double closed_form(const SmallStep& step) {
  const StepTime time = step_time(step.cluster, step.plan, step.workload);
  constexpr std::array hidden{StepPart::host_launch, StepPart::host_sync, StepPart::host_step,
                              StepPart::stragglers};
  double sum = 0;
  for (const PartitionLine& line : time.partition) {
    const bool shown = std::none_of(
        hidden.begin(), hidden.end(), [&](StepPart part) { return line.name == line_name(part); });
    if (shown) sum += line.time.value();
  }
  return sum;
}

}  // namespace

TEST_CASE("Most bundled plans can be cut down to one GPU and to eight", "[small-step]") {
  for (const std::int64_t gpus : {1, 8}) CHECK(cases(gpus).size() >= 30);
}

TEST_CASE("A small step's tasks wait only for earlier tasks, and something for every collective",
          "[small-step]") {
  for (const Case& one : cases(8)) {
    INFO(one.name);
    const std::vector<StepTask> tasks = step_tasks(one.step.plan, one.step.workload);
    REQUIRE_FALSE(tasks.empty());
    std::set<std::size_t> waited;
    for (std::size_t i = 0; i < tasks.size(); ++i) {
      CHECK((tasks[i].op == nullptr) != (tasks[i].call == nullptr));
      for (const std::size_t at : tasks[i].waits_for) {
        CHECK(at < i);
        waited.insert(at);
      }
    }
    for (std::size_t i = 0; i < tasks.size(); ++i) {
      INFO("task " << i);
      if (tasks[i].call != nullptr) CHECK(waited.count(i) == 1);
    }
  }
}

// Forward and backward of every layer, embedding and head, of every micro-batch, then the update.
TEST_CASE("A small step's tasks do the workload's FLOPs", "[small-step]") {
  const auto sum = [](const Pass& pass) {
    double flops = 0;
    for (const Op& op : pass.ops) flops += op.flops.value();
    return flops;
  };
  for (const Case& one : cases(8)) {
    INFO(one.name);
    const Workload& workload = one.step.workload;
    const Chunk& chunk = workload.stages.front().chunks.front();
    double expected = sum(workload.embedding.forward) + sum(workload.embedding.backward) +
                      sum(workload.head.forward) + sum(workload.head.backward);
    for (std::size_t kind = 0; kind < chunk.layers.size(); ++kind) {
      const Block& block = workload.kinds[kind].block;
      expected += static_cast<double>(chunk.layers[kind]) * (sum(block.forward) + sum(block.backward));
      expected += static_cast<double>(chunk.recomputed[kind]) * sum(block.recompute);
    }
    expected *= static_cast<double>(workload.micro_batches);
    double done = 0;
    for (const StepTask& task : step_tasks(one.step.plan, workload)) {
      if (task.op != nullptr && task.part != StepPart::optimizer) done += task.op->flops.value();
    }
    CHECK(done == Approx(expected).epsilon(1e-9));
  }
}

TEST_CASE("A small step of many layers ends when the engine's closed forms say", "[small-step]") {
  for (const std::int64_t gpus : {1, 8}) {
    for (const Case& one : cases(gpus, many_layers)) {
      INFO(one.name << " on " << gpus);
      CHECK(predicted(one.step) == Approx(closed_form(one.step)).epsilon(ends_of_step));
    }
  }
}

TEST_CASE("What a small step leaves out is said", "[small-step]") {
  const Catalog catalog(std::string(LOCKSTEP_TEST_SOURCE_DIR) + "/scenarios");
  const Scenario scenario = load_scenario(
      std::string(LOCKSTEP_TEST_SOURCE_DIR) + "/scenarios/llama3-70b-64xh100.yaml", catalog);
  const auto plan = std::find_if(scenario.plans.begin(), scenario.plans.end(),
                                 [](const ScenarioPlan& p) { return p.plan.name == "tp8-pp2"; });
  SmallStepSize size;
  size.gpus = 8;
  // 80 layers, 2 stages, 64 = 8 x 2 x 4 GPUs: one node holds the tensor group alone.
  const SmallStep on_node = small_step(scenario.model, scenario.training, *plan, size);
  CHECK(on_node.ranks == 8);
  CHECK(on_node.collectives);
  CHECK(on_node.not_run ==
        std::vector<std::string>{
            "78 of 80 layers", "1 pipeline stage and its transfers", "3 of 4 data ranks",
            "the fused attention kernel: attention runs, and is predicted, as batched products",
            "the framework's work on the host"});
  size.gpus = 1;
  const SmallStep on_gpu = small_step(scenario.model, scenario.training, *plan, size);
  CHECK_FALSE(on_gpu.collectives);
  CHECK(on_gpu.not_run.at(4) == "collectives: the plan's groups take 8 GPUs, here is 1");
  for (const StepTask& task : step_tasks(on_gpu.plan, on_gpu.workload)) CHECK(task.call == nullptr);
}

TEST_CASE("The ranks of a group are as far apart as its dimension lies", "[small-step]") {
  Plan plan;
  plan.tensor = 4;
  plan.data = 2;
  // tp innermost: tensor groups 0-3 and 4-7, data groups 4 apart.
  CHECK(group_ranks(plan, GroupKind::tensor, 5) == std::vector<std::int64_t>{4, 5, 6, 7});
  CHECK(group_ranks(plan, GroupKind::data, 6) == std::vector<std::int64_t>{2, 6});
}
