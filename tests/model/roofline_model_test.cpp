// Ops under their roofs: by hand, and against the partition.
#include <cmath>
#include <map>
#include <string>

#include "sim/report/flop_conventions.hpp"
#include "sim/report/roofline.hpp"
#include "tests/catch.hpp"
#include "tests/support/round_numbers.hpp"

using namespace lockstep;
using namespace lockstep::testing;

namespace {

PlanReport report_of(const Plan& plan, const Cluster& cluster = round_cluster(1),
                     const Model& model = small_gpt()) {
  return predict(model, small_training(), cluster, plan);
}

const OpUse& op_named(const std::vector<OpUse>& ops, const std::string& name,
                      const std::string& pass) {
  for (const OpUse& op : ops) {
    if (op.name == name && op.pass == pass) return op;
  }
  throw std::runtime_error("no op " + name);
}

// Seconds by line, and the partition's.
void check_ties(const PlanReport& plan) {
  std::map<std::string, double> sums;
  for (const OpUse& op : op_uses(plan)) sums[op.line] += op.seconds;
  REQUIRE(sums.size() >= 4);
  for (const auto& [name, seconds] : sums) {
    bool found = false;
    for (const PartitionLine& line : plan.step.partition) {
      if (line.name != name) continue;
      found = true;
      INFO(name);
      CHECK(line.time.value() == Approx(seconds).epsilon(1e-9));
    }
    CHECK(found);
  }
}

}  // namespace

TEST_CASE("roofline: a linear by hand") {
  // Queries, keys and values of 2 sequences on each GPU: M 1024, N 3072, K 1024 for each of 4
  // layers and 2 micro-batches: 8 ops of 2 x 1024 x 3072 x 1024 FLOPs and 2 B x (1024 x 1024 + 1024
  // x 3072
  // + 1024 x 3072).
  const std::vector<OpUse> ops = op_uses(report_of(plain_plan(8)));
  const OpUse& qkv = op_named(ops, "qkv projection", "forward");
  CHECK(qkv.count == 8);
  CHECK(qkv.flops == Approx(8 * 2.0 * 1024 * 3072 * 1024));
  CHECK(qkv.bytes == Approx(8 * 2.0 * 1024 * (1024 + 3072 + 3072)));
  CHECK(qkv.intensity() == Approx(3072.0 / 7));
  CHECK(qkv.line == std::string("linear GEMM, forward and backward"));
  // 100 TFLOP/s over 1 TB/s: the ridge is at 100 FLOP/B.
  CHECK(qkv.roof == Roof::tensor_cores);
  CHECK(ridge(round_gpu(), qkv.peak_flops_per_s) == Approx(100));
  // At full efficiency nothing but the soft maximum with the bytes keeps it below the roof:
  // r = 100/438.9, 1/(1 + r^2.5)^0.4 = 0.9902.
  CHECK(qkv.roof_fraction() == Approx(0.9902).epsilon(1e-3));
  CHECK(op_named(ops, "qkv projection, weight gradient", "backward").count == 8);
}

TEST_CASE("roofline: unfused attention is bound by HBM, FlashAttention is not") {
  Plan plan = plain_plan(8);
  const std::vector<OpUse> flash = op_uses(report_of(plan));
  CHECK(op_named(flash, "flash attention", "forward").roof == Roof::tensor_cores);
  plan.software.attention = AttentionKernel::fused_softmax;
  const std::vector<OpUse> unfused = op_uses(report_of(plan));
  // Scores of 8 heads: 1024 x 1024 x 128; 2 B x (1024 x 128 + 128 x 1024 + 1024 x 1024) each:
  // 2 s d / (2 (2 d + s)) = 1024 x 128 / 1280 = 102.4 FLOP/B, at the ridge; its softmax does none.
  CHECK(op_named(unfused, "scores", "forward").intensity() == Approx(102.4));
  const OpUse& softmax = op_named(unfused, "softmax", "forward");
  CHECK(softmax.roof == Roof::memory);
  CHECK(softmax.intensity() == 0);
  for (const OpUse& line : by_line(unfused)) {
    if (line.name != "attention, recompute included") continue;
    CHECK(line.intensity() < 100);
  }
}

TEST_CASE("roofline: a kernel whose fixed time is most of it sits under the launch") {
  Cluster cluster = round_cluster(1);
  cluster.system.gpu.memory_fixed_time = Constant(Seconds{1.0});
  const std::vector<OpUse> ops = op_uses(report_of(plain_plan(8), cluster));
  CHECK(op_named(ops, "activation", "forward").roof == Roof::launch);
  CHECK(op_named(ops, "activation", "forward").roof_fraction() < 0.01);
  CHECK(std::string(to_string(Roof::launch)) == "launch");
}

TEST_CASE("roofline: ops sum to the lines of the partition") {
  Plan plan = plain_plan(8);
  check_ties(report_of(plan));
  plan.recompute = Recompute::full;
  check_ties(report_of(plan));
  plan.recompute = Recompute::selective;
  plan.software.attention = AttentionKernel::unfused;
  check_ties(report_of(plan));
  Plan pipeline = plain_plan(2, 2, 2);
  pipeline.micro_batch = 2;
  pipeline.sequence_parallel = true;
  check_ties(report_of(pipeline));
  Model model = small_gpt();
  model.experts.count = 8;
  model.experts.top_k = 2;
  model.experts.ffn_hidden = 512;
  Plan experts = plain_plan(8);
  experts.expert.degree = 4;
  check_ties(report_of(experts, round_cluster(1), model));
}

TEST_CASE("conventions: FLOPs of a step as others count them") {
  // GPT of 4 layers, h 1024, V 1024, s 1024, 16 sequences: T = 16384 tokens.
  // Matrices: 4 x 12 h^2 + V h. Attention, causal: 3 x 4 layers x 2 x (s/2) x 2 h a token.
  Report report;
  report.scenario.model = small_gpt();
  report.scenario.training = small_training();
  const PlanReport plan = report_of(plain_plan(8));
  const std::vector<FlopConvention> list = flop_conventions(report, plan);
  REQUIRE(list.size() == 5);
  const double tokens = 16384;
  const double h2 = 1024.0 * 1024;
  const double matrices = 6 * (48 * h2 + h2) * tokens;
  const double causal = 3 * 4 * 2 * 512 * 2 * 1024.0 * tokens;
  CHECK(list[0].flops == Approx(matrices + causal));
  CHECK(list[0].utilization == Approx(plan.mfu.value));
  CHECK(list[1].utilization == Approx(plan.hfu.value));
  // PaLM: 12 L H Q T with H Q = h and T = s pairs.
  CHECK(list[3].flops == Approx(matrices + 12 * 4 * 1024.0 * 1024 * tokens));
  // Megatron-LM: 96 B s l h^2 (1 + s/(6 h) + V/(16 l h)) = 96 T 4 h^2 (1 + 1/6 + 1/64).
  CHECK(list[4].flops == Approx(96 * tokens * 4 * h2 * (1 + 1.0 / 6 + 1.0 / 64)));
  // A gated model is not what its formula is for.
  report.scenario.model.activation = Activation::swiglu;
  CHECK(flop_conventions(report, plan).size() == 4);
}
