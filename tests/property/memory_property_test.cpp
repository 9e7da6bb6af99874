// What must hold of recompute by parts, offload and overlapped tensor parallelism, on random legal
// plans.
#include <cmath>

#include "sim/report/names.hpp"
#include "sim/report/report.hpp"
#include "strategies/recompute.hpp"
#include "tests/catch.hpp"
#include "tests/support/random_plans.hpp"

using namespace lockstep;
using namespace lockstep::testing;

namespace {

constexpr double rounding = 1e-9;  // sums of the same doubles in another order
constexpr double pieces = 0.05;    // smaller messages take longer per byte
constexpr int draws = 500;

PlanReport predict(const RandomCase& drawn) {
  return predict(drawn.model, drawn.training, drawn.cluster, drawn.plan);
}

double line(const PlanReport& report, const std::string& name) {
  for (const PartitionLine& line : report.step.partition) {
    if (line.name == name) return line.time.value();
  }
  return 0;
}

double sum(const PlanReport& report) {
  double seconds = 0;
  for (const PartitionLine& line : report.step.partition) seconds += line.time.value();
  return seconds;
}

std::string lines(const PlanReport& report) {
  std::string text = plan_summary(report);
  for (const PartitionLine& line : report.step.partition) {
    text += "; " + line.name + " " + std::to_string(1e3 * line.time.value()) + " ms";
  }
  for (const Stage& stage : report.workload.stages) {
    text += "; stage of " + std::to_string(stage.layers) + " layers, " +
            std::to_string(stage.recomputed_layers) + " recomputed";
    for (const MemoryInstant& instant : stage.instants) {
      text += std::string(", ") + instant.name + " " +
              std::to_string(instant.total().value() / 1e6) + " MB";
    }
  }
  return text;
}

// The fewest layers that any stage holds for all its micro-batches in flight.
double layers_in_flight(const Workload& workload) {
  double fewest = 1e9;
  for (const Stage& stage : workload.stages) {
    fewest = std::min(fewest, static_cast<double>(stage.layers) * stage.micro_batches_in_flight);
  }
  return fewest;
}

}  // namespace

TEST_CASE(
    "memory property: any set of parts costs time and, with two layers in flight, saves memory") {
  RandomPlans random(21);
  for (int i = 0; i < draws; ++i) {
    RandomCase drawn = random.next();
    drawn.plan.recompute_every = 1;
    drawn.plan.offload.activations = 0;  // what is not kept need not be copied either
    drawn.plan.recompute = Recompute::none;
    const PlanReport kept = predict(drawn);
    drawn.plan.recompute = Recompute::selective;
    for (const RecomputePart& part : recompute_parts()) {
      if (random.coin()) {
        drawn.plan.recompute_parts +=
            (drawn.plan.recompute_parts.empty() ? "" : ", ") + std::string(part.name);
      }
    }
    const PlanReport again = predict(drawn);
    INFO(lines(kept));
    INFO(lines(again));
    REQUIRE(again.step_time_s.value >= kept.step_time_s.value * (1 - rounding));
    REQUIRE(again.workload.hardware_flops >= kept.workload.hardware_flops);
    if (layers_in_flight(again.workload) < 2) continue;
    REQUIRE(again.peak_memory_bytes.value <= kept.peak_memory_bytes.value * (1 + rounding));
  }
}

TEST_CASE("memory property: offload costs time and saves memory, and its partition sums up") {
  RandomPlans random(22);
  for (int i = 0; i < draws; ++i) {
    RandomCase drawn = random.next();
    drawn.cluster.system.host_memory_bandwidth = Constant(BytesPerSecond{200e9});
    drawn.plan.offload = {};
    const PlanReport device = predict(drawn);
    const bool fsdp = drawn.plan.sharding == Sharding::fsdp;
    drawn.plan.offload.optimizer = random.coin() ? 0.5 : 1;
    drawn.plan.offload.weights = fsdp && random.coin() ? 1 : 0;
    drawn.plan.offload.activations = random.coin() ? 1 : 0;
    drawn.plan.offload.overlapped = random.coin();
    const PlanReport host = predict(drawn);
    // The host's memory is a fifth as fast as the device's, and eight share it.
    INFO(lines(device));
    INFO(lines(host));
    REQUIRE(host.step_time_s.value >= device.step_time_s.value * (1 - rounding));
    REQUIRE(sum(host) == Approx(host.step_time_s.value).epsilon(rounding));
    if (layers_in_flight(host.workload) < 4) continue;
    REQUIRE(host.peak_memory_bytes.value <= device.peak_memory_bytes.value * (1 + rounding));
  }
}

TEST_CASE("memory property: copies over links and memory that take no time expose nothing") {
  RandomPlans random(23);
  for (int i = 0; i < draws; ++i) {
    RandomCase drawn = random.next();
    drawn.plan.offload = {1, drawn.plan.sharding == Sharding::fsdp ? 1.0 : 0.0, 1, random.coin()};
    drawn.cluster.system.pcie_bandwidth = Constant(BytesPerSecond{1e30});
    drawn.cluster.system.host_memory_bandwidth = Constant(BytesPerSecond{1e30});
    const PlanReport report = predict(drawn);
    REQUIRE(line(report, "copies to and from the host exposed") <=
            rounding * report.step_time_s.value);
  }
}

TEST_CASE("memory property: tensor collectives beside their GEMMs never cost more than exposed") {
  RandomPlans random(24);
  for (int i = 0; i < draws; ++i) {
    RandomCase drawn = random.next();
    if (drawn.plan.tensor == 1) continue;
    drawn.plan.tensor_overlap = Override::no;
    const PlanReport exposed = predict(drawn);
    drawn.plan.tensor_overlap = Override::yes;
    const PlanReport beside = predict(drawn);
    INFO(lines(exposed));
    INFO(lines(beside));
    REQUIRE(beside.step_time_s.value <= exposed.step_time_s.value * (1 + pieces));
    REQUIRE(sum(beside) == Approx(beside.step_time_s.value).epsilon(rounding));
  }
}

TEST_CASE("memory property: every tensor is alive at some instant and each instant is their sum") {
  RandomPlans random(25);
  for (int i = 0; i < draws; ++i) {
    const RandomCase drawn = random.next();
    const Workload workload = lower(drawn.model, drawn.training, drawn.plan);
    for (const Stage& stage : workload.stages) {
      for (const MemoryInstant& instant : stage.instants) {
        double bytes = 0;
        for (const Tensor& tensor : stage.tensors) {
          if (!tensor.lifetime.has(instant.moment)) continue;
          const auto chunk = static_cast<std::size_t>(tensor.chunk);
          bytes += tensor.bytes.value() * (tensor.chunk >= 0 ? stage.held_at_peak[chunk] : 1);
        }
        REQUIRE(instant.total().value() == Approx(bytes).epsilon(rounding));
      }
    }
  }
}
