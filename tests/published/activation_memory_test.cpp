// Activation memory of the first pipeline stage, Korthikanti et al. 2022 (arXiv:2205.05198), figure
// 1, as transcribed with calculon's validation data: GiB a GPU, without embedding and head.
#include "strategies/recompute.hpp"

#include "tests/catch.hpp"
#include "tests/support/round_numbers.hpp"

using namespace lockstep;
using namespace lockstep::testing;

namespace {

struct Row {
  const char* name;
  std::int64_t layers, hidden, heads, micro_batch, stages, interleave;
  double none;       // tensor parallel 8 alone
  double selective;  // with sequence parallelism and selective recompute
};

constexpr Row rows[] = {
    {"22B", 48, 6144, 64, 4, 1, 1, 59.25, 9.5625},
    {"175B", 96, 12288, 96, 1, 8, 3, 66.84375, 12.3515625},
    {"530B", 105, 20480, 128, 1, 35, 3, 114.0234375, 23.076171875},
    {"1T", 128, 25600, 160, 1, 64, 1, 131.25, 26.5625},
};

constexpr double gibibyte = 1024.0 * 1024.0 * 1024.0;

// What the layers of the first stage keep for all micro-batches in flight.
double activations(const Row& row, bool selective) {
  Model model = small_gpt();
  model.layers = row.layers;
  model.hidden = row.hidden;
  model.heads = row.heads;
  model.vocabulary = 51200;
  Training training = small_training(row.micro_batch * row.stages * 4);
  training.sequence_length = 2048;
  training.precision = Precision::fp16;
  training.dropout = 0.1;
  Plan plan = plain_plan(1, 8, row.stages);
  plan.software.attention = AttentionKernel::fused_softmax;
  plan.micro_batch = row.micro_batch;
  plan.pipeline.interleave = row.interleave;
  plan.sequence_parallel = selective;
  plan.recompute = selective ? Recompute::selective : Recompute::none;
  const Workload workload = lower(model, training, plan);
  const Stage& first = workload.stages.front();
  const double layer = saved_bytes(workload.kinds[0].block, recompute_policy(plan)).value();
  return layer * static_cast<double>(first.layers) * first.micro_batches_in_flight / gibibyte;
}

}  // namespace

TEST_CASE("published: activation memory of Korthikanti et al., figure 1, byte for byte") {
  for (const Row& row : rows) {
    INFO(row.name);
    CHECK(activations(row, false) == Approx(row.none).epsilon(1e-12));
    CHECK(activations(row, true) == Approx(row.selective).epsilon(1e-12));
  }
}
