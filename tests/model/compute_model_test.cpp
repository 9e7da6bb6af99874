// Rates of kernels under caps, recipes and launches, with sums worked out by hand.
#include <cmath>
#include <string>

#include "sim/compute/op_cost.hpp"
#include "sim/engine/step.hpp"
#include "strategies/layer/blocks.hpp"
#include "tests/catch.hpp"
#include "tests/support/round_numbers.hpp"

using namespace lockstep;
using namespace lockstep::testing;

namespace {

Op second_of_gemm() {
  Op op;
  op.kind = OpKind::gemm;
  op.m = op.n = op.k = 8192;
  op.flops = Flops{100e12};  // one second at 100 TFLOP/s
  return op;
}

double line(const StepTime& step, const std::string& name) {
  for (const PartitionLine& part : step.partition) {
    if (part.name == name) return part.time.value();
  }
  return 0;
}

}  // namespace

TEST_CASE("power: a quarter of the rated limit halves the rate where the exponent is a half") {
  Gpu gpu = round_gpu();
  gpu.rated_power = Constant(Watts{4000});  // per PFLOP/s: 400 W at 100 TFLOP/s
  gpu.power_exponent = Constant(0.5);
  gpu.power_limit = Constant(Watts{400});
  CHECK(gemm_time(gpu, second_of_gemm()).value() == Approx(1.0));
  gpu.power_limit = Constant(Watts{100});
  CHECK(gemm_time(gpu, second_of_gemm()).value() == Approx(2.0));
  CHECK(sustained_share(gpu, Dtype::bf16) == Approx(0.5));
  // More power never lifts a share above the peak.
  gpu.power_limit = Constant(Watts{1600});
  CHECK(sustained_share(gpu, Dtype::bf16) == Approx(1.0));
  gpu.gemm_efficiency_half = Constant(0.4);
  CHECK(sustained_share(gpu, Dtype::bf16) == Approx(0.8));
  // A GPU whose rated power is not stated has no such rule.
  gpu.rated_power = Constant(Watts{0});
  CHECK(sustained_share(gpu, Dtype::bf16) == Approx(0.4));
}

TEST_CASE("fp8: scales by rows and blocks have rates of their own") {
  Gpu gpu = round_gpu();
  gpu.peak_fp8 = Constant(FlopsPerSecond{100e12});
  gpu.gemm_efficiency_fp8 = Constant(1.0);
  Op op = second_of_gemm();
  op.dtype = Dtype::fp8;
  CHECK(gemm_time(gpu, op).value() == Approx(1.0));
  op.scaling = Fp8Scaling::current;
  CHECK(gemm_time(gpu, op).value() == Approx(1.0));
  op.scaling = Fp8Scaling::rowwise;  // half the rate here
  CHECK(gemm_time(gpu, op).value() == Approx(2.0));
  op.scaling = Fp8Scaling::blockwise;  // 0.8 of it
  CHECK(gemm_time(gpu, op).value() == Approx(1.25));
  op.dtype = Dtype::bf16;  // and 16 bit has none
  CHECK(gemm_time(gpu, op).value() == Approx(1.0));
}

TEST_CASE("fp8: what casts move per element of each operand") {
  Software kept = plain_software();
  kept.fp8_saved_inputs = 1;  // Transformer Engine
  // Delayed: read 2 B, write 1 B and its transpose 1 B, once.
  const CastTraffic delayed = cast_traffic(Dtype::fp8, Fp8Scaling::delayed, kept);
  CHECK(delayed.input_forward == 4);
  CHECK(delayed.input_backward == 0);
  CHECK(delayed.gradient == 4);
  CHECK(delayed.weight == 0);
  CHECK(delayed.launches == 1);
  // Current: the maximum is read for first, 2 B more, by a kernel of its own.
  const CastTraffic current = cast_traffic(Dtype::fp8, Fp8Scaling::current, kept);
  CHECK(current.input_forward == 6);
  CHECK(current.gradient == 6);
  CHECK(current.launches == 2);
  // Rows: each operand is read and written along both sides, 3 B each time.
  CHECK(cast_traffic(Dtype::fp8, Fp8Scaling::rowwise, kept).gradient == 6);
  CHECK(cast_traffic(Dtype::mxfp8, Fp8Scaling::delayed, kept).gradient == 6);
  // torchao keeps the 16-bit input and casts it again in backward, and weights in every pass.
  Software again = plain_software();
  again.fp8_casts_weights = true;
  const CastTraffic rows = cast_traffic(Dtype::fp8, Fp8Scaling::rowwise, again);
  CHECK(rows.input_forward == 3);
  CHECK(rows.input_backward == 3);
  CHECK(rows.gradient == 6);
  CHECK(rows.weight == 3);
  CHECK(cast_traffic(Dtype::fp8, Fp8Scaling::current, again).weight == 5);
  CHECK(cast_traffic(Dtype::bf16, Fp8Scaling::current, again).gradient == 0);
}

TEST_CASE("memory-bound: each kind of kernel at its own share, and a fixed time a launch") {
  Gpu gpu = round_gpu();
  gpu.memory_activation = Constant(0.5);
  gpu.memory_fixed_time = Constant(Seconds{0.25});
  const Software software = plain_software();
  Op op;
  op.bytes = Bytes{1e12};  // one second at 1 TB/s
  CHECK(memory_bound_time(gpu, software, op).value() == Approx(1.25));
  op.memory = MemoryKernel::activation;
  CHECK(memory_bound_time(gpu, software, op).value() == Approx(2.25));
  op.launches = 4;
  CHECK(memory_bound_time(gpu, software, op).value() == Approx(3.0));
}

TEST_CASE("grouped products: a launch an expert pays a fixed time each, four at once") {
  Gpu gpu = round_gpu();
  gpu.gemm_fixed_time = Constant(Seconds{0.25});
  Op op = second_of_gemm();
  op.kind = OpKind::grouped_gemm;
  op.batch = 16;
  CHECK(grouped_gemm_time(gpu, plain_software(), op).value() == Approx(1.25));
  op.launches = 16;  // 16 / 4 streams = 4 fixed times
  CHECK(grouped_gemm_time(gpu, plain_software(), op).value() == Approx(2.0));
}

TEST_CASE("launches: a GPT layer counts as dense, one with experts as more") {
  const Training training = small_training();
  Plan plan = plain_plan(8);
  const auto kind = [&](const Model& model) { return lower(model, training, plan).kinds[0].block; };
  // 8 uncounted, 2 norms, 4 linears, 1 core, 2 residuals, 1 activation.
  const Block dense = kind(small_gpt());
  CHECK(dense.launches == 18);
  CHECK(dense.dense_launches == 18);
  CHECK_FALSE(dense.waits_for_routing);
  // With 8 experts on the rank in place of the MLP: 8 uncounted, 2 norms, 2 linears, 1 core, 2
  // residuals; router 1 and top-k 12, ordering twice 3, two products of 8 launches, 1 activation.
  Model model = small_gpt();
  model.experts.count = 8;
  model.experts.top_k = 2;
  model.experts.ffn_hidden = 512;
  CHECK(kind(model).launches == 8 + 2 + 2 + 1 + 2 + 13 + 6 + 16 + 1);
  CHECK(kind(model).dense_launches == 18);
  CHECK(kind(model).waits_for_routing);
  plan.software.fused_experts = true;
  CHECK(kind(model).launches == 8 + 2 + 2 + 1 + 2 + 13 + 6 + 2 + 1);
  // With a fixed capacity nobody waits for counts.
  plan.expert.capacity_factor = 1.25;
  CHECK_FALSE(kind(model).waits_for_routing);
}

TEST_CASE("host: replayed graphs take a share of the launches' time") {
  // The host alone: 4 layers, forward and twice that backward, 1 s each.
  Cluster cluster = round_cluster(1);
  Plan plan = plain_plan(8);
  plan.software.host_per_layer = Constant(Seconds{1.0});
  plan.software.host_gpu_exponent = Constant(100.0);
  const auto waits = [&] {
    const StepTime step = step_time(cluster, plan, lower(small_gpt(), small_training(8), plan));
    double compute = 0;
    for (const char* name :
         {"linear GEMM, forward and backward", "attention, recompute included",
          "norms, activations, residuals, casts", "embedding, vocabulary projection, loss"}) {
      compute += line(step, name);
    }
    return line(step, "GPU waits for kernel launches") + compute;
  };
  CHECK(waits() == Approx(12.0));
  plan.software.cuda_graphs = true;
  plan.software.cuda_graph_share = Constant(0.25);
  CHECK(waits() == Approx(3.0));
}

TEST_CASE("host: layers with experts wait for the counts of their tokens") {
  Model model = small_gpt();
  model.experts.count = 8;
  model.experts.top_k = 2;
  model.experts.ffn_hidden = 512;
  Plan plan = plain_plan(8);
  plan.software.expert_sync = Constant(Seconds{0.5});
  const auto sync = [&] {
    const StepTime step = step_time(round_cluster(1), plan, lower(model, small_training(8), plan));
    return line(step, "host synchronisation");
  };
  CHECK(sync() == Approx(2.0));  // 4 layers, forward
  plan.recompute = Recompute::full;
  CHECK(sync() == Approx(4.0));  // and again in recompute
  plan.expert.capacity_factor = 1.0;
  CHECK(sync() == 0);
}
