// What a table's words mean that seem to state something and do not.
#include "tests/catch.hpp"

#include "tests/support/measured_row.hpp"

using namespace lockstep;
using lockstep::testing::assumes;
using lockstep::testing::build;

TEST_CASE("Rows: a vpp of 1 in NVIDIA's recipe tables says nothing, elsewhere it is one chunk", "[unit]") {
  // 32 layers over 4 stages: 8 chunks of one layer; 128 / 4 replicas of 16 / 4 GPUs = 32 micro-batches, a multiple of 4
  const RunScenario recipe = build({{"pp", "4"}, {"vpp", "1"}, {"framework", "NeMo 24.07 (Megatron-Core)"}});
  CHECK(recipe.plan.pipeline.interleave == 8);
  CHECK(assumes(recipe, "vpp: 8 (1 is what this software's tables write where it is not said)"));
  CHECK(build({{"pp", "4"}, {"vpp", "2"}, {"framework", "NeMo 24.07"}}).plan.pipeline.interleave == 2);
  CHECK(build({{"pp", "4"}, {"vpp", "1"}, {"framework", "Megatron-LM core 0.9"}}).plan.pipeline.interleave == 1);
  // 30 layers do not divide: one chunk, and said to be a guess
  const RunScenario uneven = build({{"layers", "30"}, {"pp", "4"}, {"vpp", "1"}, {"framework", "Megatron-Bridge"}});
  CHECK(uneven.plan.pipeline.interleave == 1);
  CHECK(assumes(uneven, "vpp: 1 (1 is what this software's tables write where it is not said)"));
}

TEST_CASE("Rows: a precision that names two types, or doubts its own, is listed as taken for granted", "[unit]") {
  const RunScenario two = build({{"gpu_key", "b200"}, {"precision", "nvfp4 or fp8 (two configs match)"}});
  CHECK(two.training.precision == Precision::nvfp4);
  CHECK(assumes(two, "precision: nvfp4 of 'nvfp4 or fp8 (two configs match)'"));
  const RunScenario doubted = build({{"precision", "fp8 (default of the implementation; verify)"}});
  CHECK(doubted.training.precision == Precision::fp8);
  CHECK(assumes(doubted, "precision: fp8, of 'fp8 (default of the implementation; verify)'"));
  CHECK(build({{"gpu_key", "b200"}, {"precision", "mxfp8 (verify)"}}).training.precision == Precision::mxfp8);
}
