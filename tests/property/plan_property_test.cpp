// What must hold of every plan, on thousands of random legal ones over every dimension.
#include <cmath>

#include "sim/engine/pipeline_time.hpp"
#include "sim/engine/step_work.hpp"
#include "sim/report/report.hpp"
#include "tests/catch.hpp"
#include "tests/support/random_plans.hpp"

using namespace lockstep;
using namespace lockstep::testing;

namespace {

// Sums of the same doubles in another order.
constexpr double rounding = 1e-9;
constexpr int draws = 2000;

PlanReport predict(const RandomCase& drawn) {
  return predict(drawn.model, drawn.training, drawn.cluster, drawn.plan);
}

std::string name_of(const RandomCase& drawn) {
  const Plan& plan = drawn.plan;
  return plan.pipeline.schedule + " dp" + std::to_string(plan.data) + " tp" +
         std::to_string(plan.tensor) + " pp" + std::to_string(plan.pipeline.stages) + " v" +
         std::to_string(plan.pipeline.interleave) + " cp" + std::to_string(plan.context.degree) +
         " ep" + std::to_string(plan.expert.degree) + " z" +
         std::to_string(static_cast<int>(plan.sharding)) + " recompute " +
         std::to_string(static_cast<int>(plan.recompute)) + " layers " +
         std::to_string(drawn.model.layers);
}

double line(const PlanReport& report, const std::string& name) {
  for (const PartitionLine& line : report.step.partition) {
    if (line.name == name) return line.time.value();
  }
  return 0;
}

// Links, NICs and host links that take no time.
Cluster free_network(Cluster cluster) {
  constexpr double endless = 1e30;
  cluster.system.link_share.value = cluster.system.network_share.value = endless;
  cluster.system.pcie_bandwidth = Constant(BytesPerSecond{endless});
  cluster.system.link_latency = cluster.system.network_latency = Constant(0.0);
  return cluster;
}

}  // namespace

TEST_CASE(
    "plan property: the step is what the timeline engine places, and its partition sums to it") {
  RandomPlans random(11);
  for (int i = 0; i < draws; ++i) {
    const RandomCase drawn = random.next();
    const PlanReport report = predict(drawn);
    const double total = report.step_time_s.value;
    INFO(name_of(drawn));
    REQUIRE(std::isfinite(total));
    // The prediction comes from a closed form where there is one, else from the settled run.
    const StepResult placed = run_step(report.step.work);
    REQUIRE(placed.total.value() == Approx(total).epsilon(rounding));
    double sum = 0;
    for (const PartitionLine& line : report.step.partition) {
      REQUIRE(line.time.value() > 0);
      sum += line.time.value();
    }
    REQUIRE(sum == Approx(total).epsilon(rounding));
    double bytes = 0;
    for (const MemoryLine& line : report.memory.worst().lines) bytes += line.bytes.value();
    REQUIRE(bytes == Approx(report.peak_memory_bytes.value).epsilon(rounding));
  }
}

TEST_CASE(
    "plan property: recompute never saves time, and never costs memory with two layers in flight") {
  RandomPlans random(12);
  for (int i = 0; i < draws; ++i) {
    RandomCase drawn = random.next();
    drawn.plan.recompute_every = 1;
    // What is not kept need not be copied to the host, which can be worth more than recompute
    // costs.
    drawn.plan.offload.activations = 0;
    drawn.plan.recompute = Recompute::none;
    const PlanReport kept = predict(drawn);
    for (const Recompute mode : {Recompute::selective, Recompute::full}) {
      drawn.plan.recompute = mode;
      const PlanReport again = predict(drawn);
      INFO(name_of(drawn));
      REQUIRE(again.step_time_s.value >= kept.step_time_s.value * (1 - rounding));
      double layers_in_flight = 1e9;
      for (const Stage& stage : again.workload.stages) {
        layers_in_flight = std::min(
            layers_in_flight, static_cast<double>(stage.layers) * stage.micro_batches_in_flight);
      }
      if (layers_in_flight < 2) continue;
      REQUIRE(again.peak_memory_bytes.value <= kept.peak_memory_bytes.value * (1 + rounding));
    }
  }
}

TEST_CASE("plan property: with links that take no time nothing is exposed") {
  RandomPlans random(13);
  for (int i = 0; i < draws; ++i) {
    RandomCase drawn = random.next();
    drawn.cluster = free_network(drawn.cluster);
    const PlanReport report = predict(drawn);
    INFO(name_of(drawn));
    for (const char* name :
         {"tensor-parallel collectives exposed", "context-parallel exchange exposed",
          "expert all-to-all exposed", "FSDP gather and scatter exposed",
          "copies to and from the host exposed", "pipeline transfers exposed",
          "gradient and parameter sync exposed"}) {
      INFO(name);
      REQUIRE(line(report, name) <= 1e-9 * report.step_time_s.value);
    }
  }
}

TEST_CASE(
    "plan property: with every degree one a plan is the single GPU, whatever its other words") {
  RandomPlans random(14);
  for (int i = 0; i < 300; ++i) {
    RandomCase drawn = random.next();
    Plan single = plain_plan(1);
    single.recompute = drawn.plan.recompute;
    single.micro_batch = drawn.plan.micro_batch;
    single.software = drawn.plan.software;
    drawn.cluster = round_cluster(1);
    drawn.cluster.gpus = 1;
    const PlanReport alone = predict(drawn.model, drawn.training, drawn.cluster, single);
    for (const Sharding sharding : {Sharding::optimizer, Sharding::gradients, Sharding::fsdp}) {
      for (const ContextMethod method : {ContextMethod::all_gather, ContextMethod::ulysses}) {
        Plan same = single;
        same.sharding = sharding;
        same.context.method = method;
        same.placement = "tp-cp-pp-dp";
        const PlanReport report = predict(drawn.model, drawn.training, drawn.cluster, same);
        REQUIRE(report.step_time_s.value == Approx(alone.step_time_s.value).epsilon(rounding));
        REQUIRE(report.step.collectives.empty());
      }
    }
  }
}

TEST_CASE("plan property: more micro-batches never raise the bubble's share of the pipeline") {
  RandomPlans random(15);
  int compared = 0;
  while (compared < 500) {
    RandomCase drawn = random.next();
    if (drawn.plan.pipeline.stages == 1) continue;
    double before = 1;
    for (int doubling = 0; doubling < 3; ++doubling) {
      const PlanReport report = predict(drawn);
      const double bubble = line(report, "pipeline bubble");
      const StepWork passes = without_sync(report.step.work);
      const double share = bubble / step_total(passes).value();
      INFO(name_of(drawn));
      REQUIRE(share <= before + rounding);
      before = share;
      drawn.training.global_batch *= 2;
    }
    ++compared;
  }
}

TEST_CASE("plan property: what is exposed of all collectives is what the partition says") {
  RandomPlans random(16);
  int compared = 0;
  while (compared < 1000) {
    const RandomCase drawn = random.next();
    const PlanReport report = predict(drawn);
    // Gathers and reductions of a step are shown for one stage and belong to all of them.
    if (line(report, "gradient and parameter sync exposed") > 0) continue;
    double partition = 0;
    for (const char* name : {"tensor-parallel collectives exposed",
                             "context-parallel exchange exposed", "expert all-to-all exposed",
                             "FSDP gather and scatter exposed", "pipeline transfers exposed"}) {
      partition += line(report, name);
    }
    double calls = 0;
    for (const CollectiveUse& use : report.step.collectives) calls += use.exposed.value();
    INFO(name_of(drawn));
    REQUIRE(calls == Approx(partition).epsilon(rounding).margin(1e-15));
    ++compared;
  }
}

TEST_CASE("plan property: no plan does more than its GPUs can") {
  RandomPlans random(17);
  for (int i = 0; i < draws; ++i) {
    const RandomCase drawn = random.next();
    const PlanReport report = predict(drawn);
    INFO(name_of(drawn));
    REQUIRE(report.mfu.value <= report.hfu.value * (1 + rounding));
    REQUIRE(report.hfu.value <= 1.0);
  }
}
