// What must hold of every step, whatever the numbers.
#include <cmath>

#include "sim/report/report.hpp"
#include "tests/catch.hpp"
#include "tests/support/round_numbers.hpp"

using namespace lockstep;
using namespace lockstep::testing;

namespace {

Model model_16() {
  Model model = small_gpt();
  model.layers = 16;
  return model;
}

// A spread of legal plans on 64 GPUs.
std::vector<Plan> plans_64() {
  std::vector<Plan> plans;
  for (const std::int64_t tensor : {1, 2, 8}) {
    for (const std::int64_t stages : {1, 2, 8}) {
      for (const auto sharding :
           {Sharding::none, Sharding::optimizer, Sharding::gradients, Sharding::fsdp}) {
        for (const auto recompute : {Recompute::none, Recompute::selective, Recompute::full}) {
          Plan plan = plain_plan(64 / (tensor * stages), tensor, stages);
          plan.sharding = sharding;
          plan.recompute = recompute;
          plan.sequence_parallel = tensor > 1;
          if (stages == 2) plan.pipeline.interleave = 2;
          if (violations(model_16(), small_training(256), plan, 64).empty()) plans.push_back(plan);
        }
      }
    }
  }
  return plans;
}

PlanReport run(const Plan& plan, const Cluster& cluster,
               const Training& training = small_training(256)) {
  return predict(model_16(), training, cluster, plan);
}

}  // namespace

TEST_CASE("step property: the partition sums to the step, memory to the peak") {
  const auto plans = plans_64();
  REQUIRE(plans.size() > 80);
  for (const Plan& plan : plans) {
    const PlanReport report = run(plan, round_cluster(8));
    double sum = 0;
    for (const PartitionLine& line : report.step.partition) {
      CHECK(line.time.value() > 0);
      CHECK_FALSE(line.bound_by.empty());
      sum += line.time.value();
    }
    CHECK(sum == Approx(report.step_time_s.value).epsilon(1e-12));
    for (const StageMemory& stage : report.memory.stages) {
      double bytes = 0;
      for (const MemoryLine& line : stage.lines) bytes += line.bytes.value();
      CHECK(bytes == Approx(stage.reserved.value()).epsilon(1e-12));
    }
  }
}

TEST_CASE("step property: faster hardware never makes a step slower") {
  const auto faster = [](auto change) {
    Cluster cluster = round_cluster(8);
    change(cluster.system);
    return cluster;
  };
  const std::vector<Cluster> better{
      faster([](System& s) { s.gpu.peak_bf16.value *= 2; }),
      faster([](System& s) { s.gpu.memory_bandwidth.value *= 2; }),
      faster([](System& s) { s.link_bandwidth.value *= 2; }),
      faster([](System& s) { s.nic_bandwidth.value *= 2; }),
  };
  for (const Plan& plan : plans_64()) {
    const double base = run(plan, round_cluster(8)).step_time_s.value;
    for (const Cluster& cluster : better)
      CHECK(run(plan, cluster).step_time_s.value <= base * (1 + 1e-12));
  }
}

TEST_CASE("step property: with a free network and host only compute is left") {
  Cluster cluster = round_cluster(8);
  cluster.system.link_share.value = cluster.system.network_share.value = 1e30;
  for (const Plan& plan : plans_64()) {
    const PlanReport report = run(plan, cluster);
    for (const CollectiveUse& use : report.step.collectives) CHECK(use.time.value() < 1e-9);
    CHECK(report.hfu.value > 0);
    CHECK(report.hfu.value <= 1.0);
    CHECK(report.mfu.value <= report.hfu.value);
  }
}

TEST_CASE(
    "step property: sharding more never needs more state memory, recompute never more "
    "activations") {
  const auto peak = [](Plan plan) {
    return run(plan, round_cluster(8)).memory.worst().allocated.value();
  };
  for (const std::int64_t tensor : {1, 8}) {
    Plan plan = plain_plan(64 / tensor, tensor);
    double before = 1e300;
    for (const auto sharding : {Sharding::none, Sharding::optimizer, Sharding::gradients}) {
      plan.sharding = sharding;
      CHECK(peak(plan) <= before);
      before = peak(plan);
    }
    plan.recompute = Recompute::full;
    CHECK(peak(plan) <= before);
  }
}

TEST_CASE("step property: tokens per second per GPU is the batch over the step") {
  for (const Plan& plan : plans_64()) {
    const PlanReport report = run(plan, round_cluster(8));
    CHECK(report.tokens_per_s_per_gpu.value * report.step_time_s.value * 64 ==
          Approx(256.0 * 1024));
  }
}

TEST_CASE("step property: exposed time of a collective is at most what it takes") {
  for (const Plan& plan : plans_64()) {
    for (const CollectiveUse& use : run(plan, round_cluster(8)).step.collectives) {
      CHECK(use.exposed.value() <= use.time.value() * (1 + 1e-9));
      CHECK(use.calls > 0);
    }
  }
}
