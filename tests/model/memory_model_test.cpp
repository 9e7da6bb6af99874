// Tensors, their lifetimes, and the instants that follow from them; offload and low precision.
#include "sim/engine/offload_time.hpp"
#include "sim/engine/step.hpp"
#include "sim/report/names.hpp"
#include "sim/report/report.hpp"
#include "strategies/recompute.hpp"
#include "tests/catch.hpp"
#include "tests/support/round_numbers.hpp"

using namespace lockstep;
using namespace lockstep::testing;

namespace {

Workload work(const Plan& plan, Training training = small_training()) {
  return lower(small_gpt(), training, plan);
}

double named(const std::vector<Tensor>& tensors, const std::string& name) {
  double sum = 0;
  for (const Tensor& tensor : tensors) {
    if (name == tensor.name) sum += tensor.bytes.value();
  }
  return sum;
}

const MemoryInstant& at(const Stage& stage, Moment moment) {
  for (const MemoryInstant& instant : stage.instants) {
    if (instant.moment == moment) return instant;
  }
  FAIL("no such instant");
  return stage.instants.front();
}

Plan fsdp_plan() {
  Plan plan = plain_plan(16);
  plan.sharding = Sharding::fsdp;
  return plan;
}

}  // namespace

TEST_CASE(
    "memory: an instant holds what is alive then, activations once per micro-batch in flight") {
  const Workload workload = work(plain_plan(4, 1, 4), small_training(64));
  const Stage& first = workload.stages[0];
  double sum = 0;
  for (const Tensor& tensor : first.tensors) {
    if (!tensor.lifetime.has(Moment::backward)) continue;
    sum += tensor.bytes.value() * (tensor.chunk >= 0 ? 4 : 1);  // 1F1B: four stages, four in flight
  }
  CHECK(at(first, Moment::backward).total().value() == Approx(sum));
  CHECK(named(at(first, Moment::backward_end).tensors, "activations") == 0);
  CHECK(named(at(first, Moment::optimizer_step).tensors, "activation gradients") == 0);
}

TEST_CASE("memory: only the stage with the head has an instant of the loss") {
  const Workload workload = work(plain_plan(4, 1, 4), small_training(64));
  for (const Stage& stage : workload.stages) {
    bool loss = false;
    for (const MemoryInstant& instant : stage.instants)
      loss = loss || instant.moment == Moment::loss;
    CHECK(loss == stage.has_head);
  }
}

TEST_CASE("memory: gradients that grow are not there with the activations of one micro-batch") {
  Plan plan = plain_plan(16);
  plan.software.gradients_persist = false;
  const Workload one = work(plan);
  CHECK(named(at(one.stages[0], Moment::backward).tensors, "gradients") == 0);
  CHECK(named(at(one.stages[0], Moment::backward_end).tensors, "gradients") > 0);
  const Workload several = work(plan, small_training(32));  // an earlier micro-batch filled them
  CHECK(named(at(several.stages[0], Moment::backward).tensors, "gradients") > 0);
}

TEST_CASE("memory: temporaries of the update live in the update") {
  Plan plan = fsdp_plan();
  plan.software.optimizer_temporaries = 4;
  const Workload workload = work(plan);
  const Stage& stage = workload.stages[0];
  const double local = stage.parameters / 16;
  CHECK(named(at(stage, Moment::optimizer_step).tensors, "optimizer temporaries") ==
        Approx(4 * local));
  CHECK(named(at(stage, Moment::backward).tensors, "optimizer temporaries") == 0);
}

TEST_CASE("memory: fp8 keeps copies of the layers' weights and narrow inputs of linears") {
  // Inputs: qkv's and the MLP's h wide and the activation's 4 h in 1 B instead of 2: 6 h less; the
  // attention's output stays and is kept in 1 B too: h more.
  Plan plan = plain_plan(16);
  plan.software.fp8_weight_copies = 2;
  plan.software.fp8_saved_inputs = 1;
  Training training = small_training();
  const double wide = saved_bytes(work(plan, training).kinds[0].block, {}).value();
  CHECK(named(work(plan, training).stages[0].tensors, "low-precision weights") == 0);
  training.precision = Precision::fp8;
  const Workload workload = work(plan, training);
  CHECK(wide - saved_bytes(workload.kinds[0].block, {}).value() == 5 * 1024 * 1024);
  CHECK(named(workload.stages[0].tensors, "low-precision weights") ==
        2 * 4 * workload.kinds[0].block.parameters);
}

TEST_CASE("plan over software: how many FSDP units are whole") {
  Plan plan = fsdp_plan();
  plan.software.fsdp_root_unsharded = false;
  const auto whole = [&] {
    const Workload workload = work(plan);
    const auto& tensors = workload.stages[0].tensors;
    return (named(tensors, "unsharded layers") + named(tensors, "prefetched layers")) /
           (2 * workload.kinds[0].block.parameters);
  };
  CHECK(whole() == Approx(2));  // the profile's
  plan.sync.prefetch = 0;
  CHECK(whole() == Approx(1));
  CHECK_FALSE(plan.prefetches());
  plan.sync.prefetch = 2;
  CHECK(whole() == Approx(3));
  CHECK(plan.prefetches());
  plan.sync.reshard_after_forward = Override::no;
  CHECK(whole() == Approx(4));                           // all layers
  CHECK(work(plan).kinds[0].fsdp_backward.size() == 1);  // nothing gathered again
}

TEST_CASE("tensor overlap: the first or last piece stands, the others run beside their GEMM") {
  Plan plan = plain_plan(2, 8);
  plan.sequence_parallel = true;
  plan.tensor_overlap = Override::yes;
  const Workload workload = work(plan);
  const Pass& forward = workload.kinds[0].block.forward;
  REQUIRE(forward.calls.size() == 8);  // two gathers and two scatters in two parts each
  const double whole = 2 * 1024 * 1024;
  CHECK(forward.calls[0].bytes == Bytes{whole / 8});
  CHECK(forward.calls[0].after == forward.calls[0].before);
  CHECK(forward.calls[1].bytes == Bytes{whole * 7 / 8});
  CHECK(forward.calls[1].before == forward.calls[1].after + 1);
  CHECK(std::string(forward.ops[forward.calls[1].after].name) == "qkv projection");
  CHECK(std::string(forward.ops[forward.calls[2].after].name) == "output projection");
  double bytes = 0;
  for (const CollectiveCall& call : workload.kinds[0].block.backward.calls) {
    bytes += call.bytes.value();
    if (call.before > call.after) {
      CHECK(workload.kinds[0].block.backward.ops[call.after].kind == OpKind::gemm);
    }
  }
  CHECK(bytes == 6 * whole);  // as without overlap: 3 a linear pair
}

TEST_CASE("tensor overlap: never slower, and 'never' exposes everything") {
  const auto exposed = [](Override overlap) {
    Plan plan = plain_plan(2, 8);
    plan.sequence_parallel = true;
    plan.tensor_overlap = overlap;
    const StepTime step = step_time(round_cluster(2), plan, work(plan));
    for (const PartitionLine& line : step.partition) {
      if (line.name == "tensor-parallel collectives exposed") return line.time.value();
    }
    return 0.0;
  };
  CHECK(exposed(Override::yes) < exposed(Override::no));
  CHECK(exposed(Override::no) == Approx(exposed(Override::software)));  // plain software: exposed
}

// Ren et al. 2021, ZeRO-Offload: 16-bit gradients out, 16-bit weights back, state on the host.
TEST_CASE("offload: the optimizer's state leaves, gradients and weights cross once a step") {
  Plan plan = plain_plan(16);
  plan.sharding = Sharding::optimizer;
  plan.offload.optimizer = 1;
  const Workload workload = work(plan);
  const Stage& stage = workload.stages[0];
  const double local = stage.parameters / 16;
  CHECK(named(stage.tensors, "optimizer state") == 0);
  REQUIRE(stage.optimizer_copies.size() == 2);
  CHECK(stage.optimizer_copies[0].to_host);
  CHECK(stage.optimizer_copies[0].bytes == Bytes{4 * local});  // the profile's fp32 gradients
  CHECK(stage.optimizer_copies[1].bytes == Bytes{2 * local});
  CHECK(stage.host_update == Bytes{30 * local});
  CHECK(stage.optimizer_ops[0].bytes == Bytes{});
  CHECK(stage.host_bytes == Bytes{(12 + 4) * local});
}

TEST_CASE("offload: FSDP's shards come in before every gather and gradients leave") {
  Plan plan = fsdp_plan();
  plan.offload.weights = 0.5;
  const Workload workload = work(plan);
  const LayerKind& kind = workload.kinds[0];
  const double shard = kind.block.parameters / 16;
  REQUIRE(kind.copies_forward.size() == 1);
  CHECK(kind.copies_forward[0].bytes == Bytes{0.5 * 4 * shard});  // fp32 shards
  REQUIRE(kind.copies_backward.size() == 2);
  CHECK(kind.copies_backward[1].to_host);
  CHECK(named(workload.stages[0].tensors, "weights") ==
        Approx(0.5 * 4 * workload.stages[0].parameters / 16));
  CHECK(workload.stages[0].optimizer_copies.empty());  // updated where they lie
}

TEST_CASE("offload: activations go and come back, two layers of them stay") {
  Plan plan = plain_plan(16);
  plan.offload.activations = 1;
  const Workload workload = work(plan);
  const LayerKind& kind = workload.kinds[0];
  const Bytes saved = saved_bytes(kind.block, {});
  CHECK(kind.copies_forward[0].bytes == saved);
  CHECK(kind.copies_forward[0].to_host);
  CHECK(kind.copies_backward[0].bytes == saved);
  CHECK(named(workload.stages[0].tensors, "activations") == 0);
  CHECK(named(workload.stages[0].tensors, "activation copies on their way") ==
        Approx(2 * saved.value()));
}

TEST_CASE("offload: a copy takes the slower of its link and its share of the host's memory") {
  Cluster cluster = round_cluster(1);  // 25 GB/s a link
  CHECK(host_copy_time(cluster, Bytes{50e9}).value() == Approx(2.0));
  cluster.system.host_memory_bandwidth = Constant(BytesPerSecond{80e9});  // 10 GB/s for each of 8
  CHECK(host_copy_time(cluster, Bytes{50e9}).value() == Approx(5.0));
}

TEST_CASE("offload: what copies expose is what outlasts the work beside them") {
  const Cluster cluster = round_cluster(1);
  Plan plan = plain_plan(8);
  const std::vector<HostCopy> copies{{"out", Bytes{25e9}, true}, {"in", Bytes{50e9}, false}};
  CHECK(exposed_copies(cluster, plan, copies, Seconds{0.5}).value() == Approx(1.5));  // both ways
  CHECK(exposed_copies(cluster, plan, copies, Seconds{3}).value() == 0);
  plan.offload.overlapped = false;
  CHECK(exposed_copies(cluster, plan, copies, Seconds{3}).value() == Approx(3.0));
}

TEST_CASE("offload: the host updates at its memory's bandwidth, copies beside it") {
  Cluster cluster = round_cluster(1);
  cluster.system.host_memory_bandwidth = Constant(BytesPerSecond{800e9});  // 100 GB/s each
  Plan plan = plain_plan(8);
  Stage stage;
  stage.host_update = Bytes{300e9};
  stage.optimizer_copies = {{"out", Bytes{50e9}, true}, {"in", Bytes{25e9}, false}};
  const HostUpdate beside = host_update(cluster, plan, stage, Seconds{1.5});
  CHECK(beside.update.value() == Approx(3.0));
  CHECK(beside.copies.value() == Approx(0.5));  // 2 s out less 1.5 s of backward; in beside update
  plan.offload.overlapped = false;
  CHECK(host_update(cluster, plan, stage, Seconds{1.5}).copies.value() == Approx(3.0));
}

TEST_CASE("offload: the step's partition still sums to the step") {
  Plan plan = fsdp_plan();
  plan.offload = {1, 1, 1, true};
  Cluster cluster = round_cluster(2);
  cluster.system.host_memory_bandwidth = Constant(BytesPerSecond{200e9});
  const StepTime step = step_time(cluster, plan, work(plan));
  double sum = 0;
  double copies = 0;
  for (const PartitionLine& line : step.partition) {
    sum += line.time.value();
    if (line.name == "copies to and from the host exposed") copies = line.time.value();
  }
  CHECK(sum == Approx(step.total.value()).epsilon(1e-9));
  CHECK(copies > 0);
}

TEST_CASE(
    "plan summary: context, overlapped tensor parallelism, parts that recompute, and offload") {
  PlanReport report;
  report.plan = plain_plan(2, 8);
  report.plan.sequence_parallel = true;
  report.plan.tensor_overlap = Override::yes;
  report.plan.context = {4, ContextMethod::ring, false};
  report.plan.recompute = Recompute::selective;
  report.plan.recompute_parts = "norms, mlp";
  report.plan.offload = {0.5, 0, 1, true};
  CHECK(plan_summary(report) ==
        "tp 8 (sequence parallel) overlapped · cp 4 (ring, one piece a rank) · dp 2 · "
        "micro-batch 1 × 1 · selective recompute (norms, mlp) · optimizer 50 %, activations on the "
        "host");
}
