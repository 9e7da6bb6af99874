// Times of ops and steps against sums worked out by hand.
#include "sim/engine/step.hpp"

#include "sim/engine/communication.hpp"

#include "sim/compute/op_cost.hpp"
#include "tests/catch.hpp"
#include "tests/support/round_numbers.hpp"

using namespace lockstep;
using namespace lockstep::testing;

namespace {

double line(const StepTime& step, const std::string& name) {
  for (const PartitionLine& part : step.partition) {
    if (part.name == name) return part.time.value();
  }
  return 0;
}

StepTime step_of(const Cluster& cluster, const Plan& plan, const Training& training,
                 const Model& model = small_gpt()) {
  return step_time(cluster, plan, lower(model, training, plan));
}

}  // namespace

TEST_CASE("gemm: a large aligned product runs at the peak, a misaligned one at half of it here") {
  Op op;
  op.kind = OpKind::gemm;
  op.m = op.n = op.k = 8192;
  op.flops = Flops{100e12};  // one second at 100 TFLOP/s
  CHECK(gemm_time(round_gpu(), op).value() == Approx(1.0));
  op.n = 8191;
  CHECK(gemm_time(round_gpu(), op).value() == Approx(2.0));
}

TEST_CASE("gemm: half-efficiency sizes and the fixed time") {
  Gpu gpu = round_gpu();
  gpu.gemm_k0 = Constant(64.0);
  gpu.gemm_fixed_time = Constant(Seconds{0.25});
  Op op;
  op.kind = OpKind::gemm;
  op.m = op.n = 8192;
  op.k = 64;  // k = k0: half the rate
  op.flops = Flops{100e12};
  CHECK(gemm_time(gpu, op).value() == Approx(2.25));
}

TEST_CASE("gemm: a product of few FLOPs and many bytes takes as long as its bytes") {
  Op op;
  op.kind = OpKind::gemm;
  op.m = op.n = op.k = 64;
  op.flops = Flops{1};
  op.bytes = Bytes{2e12};  // two seconds at 1 TB/s
  CHECK(gemm_time(round_gpu(), op).value() == Approx(2.0));
}

TEST_CASE("flash attention: kernel, sequence, head size and direction each scale the rate") {
  Gpu gpu = round_gpu();
  Op op;
  op.kind = OpKind::flash_attention;
  op.flops = Flops{50e12};  // flash2 reaches half of 100 TFLOP/s: one second
  op.sequence = 4096;
  op.head_dim = 128;
  CHECK(flash_attention_time(gpu, op).value() == Approx(1.0));
  op.backward = true;
  CHECK(flash_attention_time(gpu, op).value() == Approx(2.0));
  op.backward = false;
  op.head_dim = 64;
  CHECK(flash_attention_time(gpu, op).value() == Approx(1.25));
  op.head_dim = 96;  // midway between 0.8 and 1
  CHECK(flash_attention_time(gpu, op).value() == Approx(1 / 0.9));
  op.head_dim = 128;
  gpu.attention_half_sequence = Constant(4096.0);
  CHECK(flash_attention_time(gpu, op).value() == Approx(2.0));
}

TEST_CASE("step: data parallelism waits for an all-reduce of the gradients") {
  // 16 GPUs, 2 nodes: one all-reduce of 2 B per parameter, all of it exposed.
  const Cluster cluster = round_cluster(2);
  const Plan plan = plain_plan(16);
  const Workload workload = lower(small_gpt(), small_training(), plan);
  const Bytes gradients{2.0 * static_cast<double>(workload.stages[0].parameters)};
  const auto alone = [&](const Cluster& where) {
    return collective_cost(where, group_shape(where, 16, 1), Collective::all_reduce, gradients);
  };
  const auto exposed = [&](const Cluster& where) {
    return line(step_time(where, plan, workload), "gradient and parameter sync exposed");
  };
  const CollectiveCost cost = alone(cluster);
  CHECK(exposed(cluster) == Approx((cost.time - cost.latency).value()));
  // Inside a step links give half of what nccl-tests shows, and fixed time counts three times.
  Cluster busy = cluster;
  busy.system.link_share = busy.system.network_share = Constant(0.5);
  busy.system.network_latency = Constant(3.0);
  CHECK(exposed(busy) == Approx((3.0 * cost.latency + 2.0 * (cost.time - cost.latency)).value()));
}

TEST_CASE("step: the optimizer moves its bytes once a step") {
  const Plan plan = plain_plan(8);
  const Workload workload = lower(small_gpt(), small_training(), plan);
  const double expected = 20 * workload.stages[0].parameters / 1e12;
  CHECK(line(step_time(round_cluster(1), plan, workload), "optimizer") == Approx(expected));
}

TEST_CASE("step: the bubble is (p - 1)/m of equal stages, over v with interleaving") {
  // No embedding or head to speak of: vocabulary 1 would still count, so compare against the other
  // lines.
  Model model = small_gpt();
  model.layers = 64;
  const Cluster cluster = round_cluster(1);
  Plan plan = plain_plan(1, 1, 8);
  plan.software.optimizer_bytes_per_parameter = Constant(0.0);
  const StepTime step = step_of(cluster, plan, small_training(16), model);
  const double bubble = line(step, "pipeline bubble");
  const double work = step.total.value() - bubble;
  CHECK(bubble / work == Approx(7.0 / 16).epsilon(0.1));
  plan.pipeline.interleave = 4;
  const double interleaved =
      line(step_of(cluster, plan, small_training(16), model), "pipeline bubble");
  CHECK(interleaved == Approx(bubble / 4).epsilon(0.03));  // transfers are not free
}

TEST_CASE("step: FSDP hides communication beside compute and shows the rest") {
  const Cluster fast = round_cluster(1);
  Plan plan = plain_plan(8);
  plan.sharding = Sharding::fsdp;
  plan.micro_batch = 2;
  const StepTime hidden = step_of(fast, plan, small_training());
  Cluster slow = round_cluster(1);
  slow.system.link_bandwidth = Constant(BytesPerSecond{1e9});
  const StepTime shown = step_of(slow, plan, small_training());
  CHECK(line(shown, "FSDP gather and scatter exposed") >
        line(hidden, "FSDP gather and scatter exposed"));
  plan.software.fsdp_prefetch = false;
  const StepTime serial = step_of(slow, plan, small_training());
  CHECK(serial.total > shown.total);
}

TEST_CASE("step: a host that needs longer than the GPU sets the pace") {
  // 4 layers, backward costs 2 forwards: 12 passes of 1 s = 12 s a micro-batch; the GPU needs
  // milliseconds.
  Plan plan = plain_plan(8);
  plan.software.host_per_layer = Constant(Seconds{1.0});
  const StepTime step = step_of(round_cluster(1), plan, small_training(8));
  CHECK(step.total.value() == Approx(12.0).epsilon(0.01));
  CHECK(step.bound == "host");
}

TEST_CASE("step: stragglers grow with the logarithm of the GPUs") {
  Plan plan = plain_plan(64);
  plan.software.straggler_per_doubling = Constant(0.01);
  const StepTime step = step_of(round_cluster(8), plan, small_training(64));
  const double stragglers = line(step, "stragglers and jitter");
  CHECK(stragglers / (step.total.value() - stragglers) ==
        Approx(0.03));  // 8 -> 64 is three doublings
}

TEST_CASE("step: stages narrower than a node cross it at some boundaries only") {
  // 4 stages of 4 ranks on 2 nodes of 8: stage 1 -> 2 leaves the node, 0 -> 1 and 2 -> 3 do not;
  // the wrap does.
  const Cluster cluster = round_cluster(2);
  const Plan plan = plain_plan(4, 1, 4);
  const Workload workload = lower(small_gpt(), small_training(), plan);
  const Communication communication(cluster, plan);
  const auto over = [&](std::int64_t stage) {
    return std::string{communication.transfer_cost(workload.boundary, stage).bottleneck};
  };
  CHECK(over(0) == "NVLink");
  CHECK(over(1) == "NIC");
  CHECK(over(2) == "NVLink");
  CHECK(over(3) == "NIC");
}

TEST_CASE("step: where the ranks lie decides what their groups communicate over") {
  // 2 nodes of 8, tensor 8 and data 2. Tensor innermost: each tensor group fills a node. Data
  // innermost: tensor ranks are 2 apart, 4 on each node.
  const Cluster cluster = round_cluster(2);
  Plan plan = plain_plan(2, 8);
  const auto shape = [&](GroupKind kind) { return Communication(cluster, plan).shape(kind); };
  CHECK(shape(GroupKind::tensor).domains == 1);
  CHECK(shape(GroupKind::data).domains == 2);
  const Seconds neighbours = step_of(cluster, plan, small_training()).total;
  plan.placement = "dp-tp-pp";
  CHECK(shape(GroupKind::tensor).domains == 2);
  CHECK(shape(GroupKind::tensor).ranks_per_domain == 4);
  CHECK(shape(GroupKind::data).domains == 1);
  CHECK(step_of(cluster, plan, small_training()).total > neighbours);
}

TEST_CASE("step: stages on neighbouring GPUs stay in their node but for the wrap") {
  // pp-tp-dp with 4 stages: blocks of 4 GPUs, two to a node. Of 16 stages one boundary leaves it.
  Plan plan = plain_plan(4, 1, 4);
  plan.placement = "pp-tp-dp";
  const Cluster cluster = round_cluster(2);
  const auto over = [&](std::int64_t stage) {
    const Workload workload = lower(small_gpt(), small_training(), plan);
    return std::string{
        Communication(cluster, plan).transfer_cost(workload.boundary, stage).bottleneck};
  };
  for (std::int64_t stage = 0; stage < 4; ++stage) CHECK(over(stage) == "NVLink");
  plan = plain_plan(1, 1, 16);
  plan.placement = "pp-tp-dp";
  CHECK(over(6) == "NVLink");
  CHECK(over(7) == "NIC");
  CHECK(over(8) == "NVLink");
  CHECK(over(15) == "NIC");
}

TEST_CASE("step: the ends of a pipeline in one node meet over NVLink") {
  const Communication one_node(round_cluster(1), plain_plan(1, 1, 8));
  CHECK(one_node.shape(GroupKind::pipeline_ends).domains == 1);
  CHECK(one_node.shape(GroupKind::pipeline_neighbor).domains == 1);
  // 16 stages on 2 nodes: stage 0 and stage 15 do not; one pair on each node.
  const Communication two_nodes(round_cluster(2), plain_plan(1, 1, 16));
  CHECK(two_nodes.shape(GroupKind::pipeline_ends).domains == 2);
  CHECK(two_nodes.shape(GroupKind::pipeline_ends).sibling_groups == 1);
  CHECK(two_nodes.shape(GroupKind::pipeline_neighbor).domains == 2);
}

TEST_CASE("step: a network slower than the compute beside it is what bounds the step") {
  Cluster cluster = round_cluster(2);
  cluster.system.nic_bandwidth = Constant(BytesPerSecond{1e7});
  Plan plan = plain_plan(16);
  plan.sharding = Sharding::fsdp;
  StepTime step = step_of(cluster, plan, small_training());
  CHECK(step.bound == "NIC");
  // Hybrid sharding gathers over NVLink; the all-reduce across copies is what waits for the NICs.
  plan.shard_group = 8;
  step = step_of(cluster, plan, small_training());
  CHECK(step.bound == "NIC");
  double sum = 0;
  for (const BoundCause& cause : step.causes) sum += cause.time.value();
  CHECK(sum == Approx(step.total.value()));
}

TEST_CASE("step: selective recompute launches its few kernels again, not a layer") {
  Plan plan = plain_plan(8);
  plan.software.host_per_layer = Constant(Seconds{1.0});
  plan.recompute = Recompute::selective;  // one flash attention kernel of a layer's
  const StepTime step = step_of(round_cluster(1), plan, small_training(8));
  const Workload workload = lower(small_gpt(), small_training(8), plan);
  const double again = 1.0 / static_cast<double>(workload.kinds[0].block.forward.ops.size());
  CHECK(step.total.value() == Approx(4 * (3 + again)).epsilon(0.001));  // the GPU's milliseconds
}

TEST_CASE("step: calls of one kind share the window that hides them") {
  // Hybrid ZeRO-1, nothing exposed by the software: two reductions together hide behind one
  // backward.
  Cluster cluster = round_cluster(2);
  Plan plan = plain_plan(16);
  plan.software.data_exposed = Constant(0.0);
  plan.sharding = Sharding::optimizer;
  plan.shard_group = 8;
  const auto exposed = [&] {
    return line(step_of(cluster, plan, small_training()), "gradient and parameter sync exposed");
  };
  cluster.system.nic_bandwidth = Constant(BytesPerSecond{1e7});
  const double slow = exposed();
  const Workload workload = lower(small_gpt(), small_training(), plan);
  const Communication communication(cluster, plan);
  double scatter = 0;
  for (const CollectiveCall& call : workload.stages[0].data_calls) {
    if (call.role == CommRole::gradient_reduce) scatter += communication.cost(call).time.value();
  }
  // One backward hides at most its own length, which is milliseconds against seconds here.
  CHECK(slow == Approx(scatter).epsilon(0.02));
}
