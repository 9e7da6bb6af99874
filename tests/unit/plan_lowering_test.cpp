// Which stages a PlanLowering takes for alike, when its blocks count as new, and what it keeps.
#include "strategies/plan_lowering.hpp"

#include "tests/catch.hpp"
#include "tests/support/round_numbers.hpp"

using namespace lockstep;
using namespace lockstep::testing;

namespace {

using Kinds = std::vector<std::uint16_t>;

Model deep_gpt(std::int64_t layers) {
  Model model = small_gpt();
  model.layers = layers;
  return model;
}

Kinds kinds(const Model& model, const Plan& plan) {
  const Training training = small_training();
  PlanLowering lowering(model, training);
  return lowering.lower(plan).kind_of;
}

Plan with_schedule(const char* schedule, std::int64_t stages, std::int64_t interleave) {
  Plan plan = plain_plan(1, 1, stages);
  plan.software.stage_partition = StagePartition::ends_lighter;
  plan.pipeline.schedule = schedule;
  plan.pipeline.interleave = interleave;
  return plan;
}

}  // namespace

TEST_CASE("plan lowering: the ends of a pipeline differ from what lies between") {
  CHECK(kinds(deep_gpt(4), plain_plan(4)) == Kinds{0});
  CHECK(kinds(deep_gpt(4), plain_plan(1, 1, 4)) == Kinds{0, 1, 1, 2});
  // 10 layers on 4 stages: 2 3 3 2, the ends lighter.
  CHECK(kinds(deep_gpt(10), with_schedule("1f1b", 4, 1)) == Kinds{0, 1, 1, 2});
  // 9 layers: 2 3 2 2.
  CHECK(kinds(deep_gpt(9), with_schedule("1f1b", 4, 1)) == Kinds{0, 1, 2, 3});
  // ZB-V comes back to stage 0, which holds both ends.
  CHECK(kinds(deep_gpt(8), with_schedule("zb-v", 4, 2)) == Kinds{0, 1, 1, 1});
}

// Stages of three layers. Where layers 0, 2, 4 ... see a window, even stages have two such layers
// and odd ones one; where 0, 3, 6 ... do, every stage has one.
TEST_CASE("plan lowering: stages with other kinds of layers differ") {
  Model model = deep_gpt(12);
  model.attention_window = 256;
  model.attention_window_every = 2;
  const Plan plan = with_schedule("1f1b", 4, 1);
  CHECK(kinds(model, plan) == Kinds{0, 1, 2, 3});
  model.attention_window_every = 3;
  CHECK(kinds(model, plan) == Kinds{0, 1, 1, 2});
}

TEST_CASE("plan lowering: blocks are new where a layer changes, and known where it does not") {
  const Model model = deep_gpt(8);
  const Training training = small_training(64);
  PlanLowering lowering(model, training);
  Plan plan = plain_plan(2, 2, 2);
  const std::uint64_t first = lowering.lower(plan).blocks;
  plan.data = 4;
  plan.pipeline.stages = 4;
  plan.sharding = Sharding::optimizer;
  plan.offload.optimizer = 1;
  CHECK(lowering.lower(plan).blocks == first);
  plan.micro_batch = 2;
  const std::uint64_t second = lowering.lower(plan).blocks;
  CHECK(second != first);
  plan.sequence_parallel = true;
  CHECK(lowering.lower(plan).blocks != second);
  plan.sequence_parallel = false;
  CHECK(lowering.lower(plan).blocks == second);
  plan.micro_batch = 1;
  CHECK(lowering.lower(plan).blocks == first);
}

// GPipe holds every micro-batch: 8 instead of 4 take 4 more through the 2 layers of each stage.
TEST_CASE("plan lowering: the peak grows by what micro-batches in flight save") {
  const Model model = deep_gpt(4);
  const Plan plan = with_schedule("gpipe", 2, 1);
  const auto peak = [&](std::int64_t micro_batches) {
    const Training training = small_training(micro_batches);
    return PlanLowering(model, training).peak_allocated(plan).value();
  };
  const Training training = small_training();
  PlanLowering lowering(model, training);
  double saved = 0;
  for (const SavedTensor& tensor : lowering.lower(plan).workload.kinds[0].block.saved) {
    saved += tensor.bytes.value();
  }
  CHECK(saved > 0);
  CHECK(peak(8) - peak(4) == Approx(4 * 2 * saved));
}

// 2,000 sorts of blocks and layouts: dropped once they are too many.
TEST_CASE("plan lowering: what is kept stays within a few megabytes") {
  const Model model = deep_gpt(64);
  const Training training = small_training(64);
  PlanLowering lowering(model, training);
  for (std::int64_t stages = 1; stages <= 64; ++stages) {
    Plan plan = with_schedule("1f1b", stages, 1);
    plan.recompute = Recompute::full;
    for (std::int64_t layers = 1; layers <= 32; ++layers) {
      plan.recompute_layers = layers;
      plan.micro_batch = layers;
      (void)lowering.peak_allocated(plan);
    }
  }
  CHECK(lowering.kept_bytes() > 100'000);
  CHECK(lowering.kept_bytes() < 6'000'000);
}
