// Ops, bytes and memory of a layer against what the papers derive by hand.
#include "strategies/workload.hpp"

#include "tests/catch.hpp"
#include "tests/support/round_numbers.hpp"

using namespace lockstep;
using namespace lockstep::testing;

namespace {

double flops(const Pass& pass, OpKind kind) {
  double sum = 0;
  for (const Op& op : pass.ops) {
    if (op.kind == kind) sum += op.flops.value();
  }
  return sum;
}

double layer_bytes(const Plan& plan, const Model& model = small_gpt(), double dropout = 0.1) {
  Training training = small_training();
  training.dropout = dropout;
  return lower(model, training, plan)
      .kinds[0]
      .block.saved_bytes(plan.recompute, plan.software.selective_recompute)
      .value();
}

constexpr double s = 1024, h = 1024, a = 8;

}  // namespace

TEST_CASE("workload: a GPT layer's linears take 24 s h^2 FLOPs forward and twice that backward") {
  // qkv 6sh^2, output 2sh^2, up 8sh^2, down 8sh^2 (Narayanan et al. 2021, appendix).
  const Workload workload = lower(small_gpt(), small_training(), plain_plan(16));
  CHECK(flops(workload.kinds[0].block.forward, OpKind::gemm) == 24 * s * h * h);
  CHECK(flops(workload.kinds[0].block.backward, OpKind::gemm) == 48 * s * h * h);
}

TEST_CASE("workload: attention is causal for flash kernels and whole without them") {
  Plan plan = plain_plan(16);
  CHECK(flops(lower(small_gpt(), small_training(), plan).kinds[0].block.forward,
              OpKind::flash_attention) == 2 * s * s * h);
  CHECK(flops(lower(small_gpt(), small_training(), plan).kinds[0].block.backward,
              OpKind::flash_attention) == 5 * s * s * h);
  plan.software.attention = AttentionKernel::fused_softmax;
  CHECK(flops(lower(small_gpt(), small_training(), plan).kinds[0].block.forward,
              OpKind::batched_gemm) == 4 * s * s * h);
  CHECK(flops(lower(small_gpt(), small_training(), plan).kinds[0].block.backward,
              OpKind::batched_gemm) == 8 * s * s * h);
}

TEST_CASE("workload: tensor parallelism splits the linears and adds two all-reduces each way") {
  const Workload workload = lower(small_gpt(), small_training(), plain_plan(2, 8));
  CHECK(flops(workload.kinds[0].block.forward, OpKind::gemm) == 3 * s * h * h);
  REQUIRE(workload.kinds[0].block.forward.calls.size() == 2);
  CHECK(workload.kinds[0].block.forward.calls[0].collective == Collective::all_reduce);
  CHECK(workload.kinds[0].block.forward.calls[0].bytes == Bytes{2 * s * h});
  CHECK(workload.kinds[0].block.backward.calls.size() == 2);
}

TEST_CASE(
    "workload: sequence parallelism moves the forward's bytes once and the backward's one and a "
    "half times") {
  Plan plan = plain_plan(2, 8);
  plan.sequence_parallel = true;
  const Workload workload = lower(small_gpt(), small_training(), plan);
  CHECK(workload.kinds[0].block.forward.calls.size() == 4);  // two gathers, two scatters
  CHECK(workload.kinds[0].block.backward.calls.size() == 6);
}

// Korthikanti et al. 2022 (arXiv:2205.05198), table 2, in bytes per layer with 16-bit activations,
// dropout.
TEST_CASE("memory: a GPT layer keeps sbh (34 + 5 a s / h) bytes without parallelism") {
  Plan plan = plain_plan(16);
  plan.software.attention = AttentionKernel::fused_softmax;
  CHECK(layer_bytes(plan) == s * h * (34 + 5 * a * s / h));
}

TEST_CASE("memory: tensor parallelism keeps sbh (10 + 24/t + 5 a s / (h t))") {
  Plan plan = plain_plan(2, 8);
  plan.software.attention = AttentionKernel::fused_softmax;
  CHECK(layer_bytes(plan) == s * h * (10 + 24 / 8.0 + 5 * a * s / (h * 8)));
}

TEST_CASE("memory: tensor and sequence parallelism keep sbh / t (34 + 5 a s / h)") {
  Plan plan = plain_plan(2, 8);
  plan.software.attention = AttentionKernel::fused_softmax;
  plan.sequence_parallel = true;
  CHECK(layer_bytes(plan) == s * h / 8 * (34 + 5 * a * s / h));
}

TEST_CASE("memory: selective recompute drops the scores, full recompute keeps the layer's input") {
  Plan plan = plain_plan(2, 8);
  plan.software.attention = AttentionKernel::fused_softmax;
  plan.sequence_parallel = true;
  plan.recompute = Recompute::selective;
  CHECK(layer_bytes(plan) == s * h / 8 * 34);
  plan.recompute = Recompute::full;
  CHECK(layer_bytes(plan) == s * h / 8 * 2);
  plan.sequence_parallel = false;
  CHECK(layer_bytes(plan) == s * h * 2);
}

TEST_CASE("memory: per-op checkpointing keeps every second matmul and the attention output") {
  // Llama-3 8B shape: input 1 u, queries 1, values 1/4, attention output 1, gate 3.5, down output
  // 1: 7.75 u, and 4 B per token and head of attention statistics.
  Model model = small_gpt();
  model.hidden = 4096;
  model.heads = 32;
  model.kv_heads = 8;
  model.ffn_hidden = 14336;
  model.activation = Activation::swiglu;
  model.norm = Norm::rmsnorm;
  Plan plan = plain_plan(16);
  plan.software.norm_saved_bytes = 6;
  plan.recompute = Recompute::selective;
  plan.software.selective_recompute = SelectiveRecompute::per_op;
  const double u = 2 * s * 4096;
  CHECK(layer_bytes(plan, model, 0) == 7.75 * u + 4 * s * 32);
}

TEST_CASE("memory: states follow the ZeRO stage") {
  // Weights 2, gradients 4, optimizer 12 bytes; Rajbhandari et al. 2020, section 5.
  Plan plan = plain_plan(16);
  const auto class_bytes = [&](TensorClass wanted) {
    const Workload workload = lower(small_gpt(), small_training(), plan);
    const Stage& stage = workload.stages[0];
    double sum = 0;
    for (const Tensor& tensor : stage.instants[0].tensors) {
      if (tensor.tensor_class == wanted) sum += tensor.bytes.value();
    }
    return sum / stage.parameters;
  };
  CHECK(class_bytes(TensorClass::weights) == Approx(2));
  CHECK(class_bytes(TensorClass::gradients) == Approx(4));
  CHECK(class_bytes(TensorClass::optimizer) == Approx(12));
  plan.sharding = Sharding::optimizer;
  CHECK(class_bytes(TensorClass::gradients) == Approx(4));
  CHECK(class_bytes(TensorClass::optimizer) == Approx(12.0 / 16));
  plan.sharding = Sharding::gradients;
  CHECK(class_bytes(TensorClass::gradients) == Approx(4.0 / 16));
  plan.sharding = Sharding::fsdp;  // fp32 parameters 4, gradients 4, moments 8, all sharded
  CHECK(class_bytes(TensorClass::weights) == Approx(4.0 / 16));
  CHECK(class_bytes(TensorClass::optimizer) == Approx(8.0 / 16));
  plan.shard_group = 4;
  CHECK(class_bytes(TensorClass::weights) == Approx(1.0));
}

TEST_CASE(
    "memory: 1F1B holds p - i micro-batches, interleaving p (1 + (p - 1)/(p v)) on the first "
    "stage") {
  Plan plan = plain_plan(4, 1, 4);
  Workload workload = lower(small_gpt(), small_training(64), plan);  // 16 micro-batches
  CHECK(workload.stages[0].micro_batches_in_flight == 4);
  CHECK(workload.stages[3].micro_batches_in_flight == 1);
  Model deep = small_gpt();
  deep.layers = 8;
  plan.pipeline.interleave = 2;
  workload = lower(deep, small_training(64), plan);
  CHECK(workload.stages[0].micro_batches_in_flight == 4 * (1 + 3.0 / 8));
  plan.pipeline.interleave = 1;
  plan.pipeline.schedule = "gpipe";
  CHECK(lower(deep, small_training(64), plan).stages[2].micro_batches_in_flight == 16);
  plan.pipeline.schedule = "1f1b";
  CHECK(lower(deep, small_training(8), plan).stages[0].micro_batches_in_flight ==
        2);  // no more than there are
}

TEST_CASE(
    "workload: model FLOPs are 6 per matmul parameter and causal attention, hardware FLOPs add "
    "recompute") {
  // 4 layers of 12 h^2 and a head of 1024 h: 6 (48 h^2 + 1024 h) per token; attention 6 s h per
  // layer and token.
  Plan plan = plain_plan(16);
  const double tokens = 16 * s;
  const double expected = tokens * (6 * (48 * h * h + 1024 * h) + 4 * 6 * s * h);
  Workload workload = lower(small_gpt(), small_training(), plan);
  CHECK(workload.model_flops == expected);
  CHECK(workload.hardware_flops == expected);
  plan.recompute = Recompute::full;  // forward again: 2 (48 h^2) + 4 x 2 s h
  workload = lower(small_gpt(), small_training(), plan);
  CHECK(workload.hardware_flops - expected == tokens * (96 * h * h + 8 * s * h));
}

TEST_CASE("workload: FSDP gathers 2 B and scatters per layer, HSDP also reduces across copies") {
  Plan plan = plain_plan(16);
  plan.sharding = Sharding::fsdp;
  Workload workload = lower(small_gpt(), small_training(), plan);
  REQUIRE(workload.kinds[0].fsdp_forward.size() == 1);
  CHECK(workload.kinds[0].fsdp_forward[0].bytes == Bytes{2 * workload.kinds[0].block.parameters});
  CHECK(workload.kinds[0].fsdp_backward.size() == 2);
  plan.shard_group = 4;
  workload = lower(small_gpt(), small_training(), plan);
  REQUIRE(workload.kinds[0].fsdp_backward.size() == 3);
  CHECK(workload.kinds[0].fsdp_backward[2].group == GroupKind::replicate);
  CHECK(workload.kinds[0].fsdp_backward[2].bytes ==
        Bytes{2 * workload.kinds[0].block.parameters / 4});
}

TEST_CASE("workload: every n-th layer and a number of layers recompute") {
  Plan plan = plain_plan(16);
  plan.recompute = Recompute::full;
  plan.recompute_every = 2;
  CHECK(lower(small_gpt(), small_training(), plan).stages[0].recomputed_layers == 2);
  plan.recompute_every = 1;
  plan.recompute_layers = 3;
  CHECK(lower(small_gpt(), small_training(), plan).stages[0].recomputed_layers == 3);
}

namespace {

double class_bytes(const MemoryInstant& instant, TensorClass wanted) {
  double sum = 0;
  for (const Tensor& tensor : instant.tensors) {
    if (tensor.tensor_class == wanted) sum += tensor.bytes.value();
  }
  return sum;
}

}  // namespace

TEST_CASE(
    "memory: in fp32 weights, gradients and two moments take four bytes each, and so does the "
    "wire") {
  Plan plan = plain_plan(16);
  plan.sharding = Sharding::optimizer;
  Training training = small_training();
  training.precision = Precision::fp32;
  const Workload workload = lower(small_gpt(), training, plan);
  const Stage& stage = workload.stages[0];
  CHECK(class_bytes(stage.instants[0], TensorClass::weights) == Approx(4 * stage.parameters));
  CHECK(class_bytes(stage.instants[0], TensorClass::gradients) == Approx(4 * stage.parameters));
  CHECK(class_bytes(stage.instants[0], TensorClass::optimizer) ==
        Approx(8 * stage.parameters / 16));
  REQUIRE(stage.data_calls.size() == 2);
  CHECK(stage.data_calls[0].bytes == Bytes{4 * stage.parameters});
  CHECK(stage.data_calls[1].bytes == Bytes{4 * stage.parameters});
}

TEST_CASE("memory: SGD with momentum keeps one moment of fp32 less than AdamW") {
  Training training = small_training();
  training.optimizer = Optimizer::sgd;
  const Workload workload = lower(small_gpt(), training, plain_plan(16));
  const Stage& stage = workload.stages[0];
  CHECK(class_bytes(stage.instants[0], TensorClass::optimizer) == Approx(8 * stage.parameters));
}

TEST_CASE("memory: FSDP that does not reshard holds every layer whole") {
  Plan plan = plain_plan(16);
  plan.sharding = Sharding::fsdp;
  plan.software.fsdp_root_unsharded = false;
  const auto whole_layers = [&] {
    const Workload workload = lower(small_gpt(), small_training(), plan);
    // The first layer of backward: gathered layers, and one layer's gradient in 2 + 2 bytes.
    const double units = class_bytes(workload.stages[0].instants[0], TensorClass::unsharded_units);
    return (units / workload.kinds[0].block.parameters - 4) / 2;
  };
  CHECK(whole_layers() == Approx(2));
  plan.software.reshard_after_forward = false;
  CHECK(whole_layers() == Approx(4));
}

TEST_CASE(
    "memory: FSDP under a pipeline keeps the stage and its gradients whole and synchronises once") {
  Plan plan = plain_plan(8, 1, 2);
  plan.sharding = Sharding::fsdp;
  Workload workload = lower(small_gpt(), small_training(), plan);
  const Stage& stage = workload.stages[0];
  CHECK(workload.kinds[0].fsdp_forward.empty());
  CHECK(stage.data_calls.size() == 2);
  CHECK(class_bytes(stage.instants[0], TensorClass::unsharded_units) ==
        Approx((2 + 4) * stage.parameters));
  plan.software.fsdp_pipeline_gathered = false;
  workload = lower(small_gpt(), small_training(), plan);
  CHECK(workload.kinds[0].fsdp_forward.size() == 1);
  CHECK(workload.stages[0].data_calls.empty());
}

TEST_CASE("workload: tensor ranks hold their part of the matrices and all of what is not split") {
  // Positions 1024 x 1024 and norms stay whole; kv heads fewer than tensor ranks are replicated.
  Model model = small_gpt();
  model.kv_heads = 2;
  const Workload workload = lower(model, small_training(), plain_plan(2, 8));
  const double table = 1024 * 1024.0;
  CHECK(workload.embedding.parameters == table / 8 + table);
  // h (q/8 + 2 kv/2 + q/8 + f/8 + f/8) with q = h, one kv head of 128 each, f = 4h; two norms of h.
  CHECK(workload.kinds[0].block.parameters == 1024 * (128 + 2 * 128 + 128 + 512 + 512) + 2 * 1024);
}

TEST_CASE(
    "workload: a tied table on both ends of a pipeline is kept, and its gradient reduced, twice") {
  Model model = small_gpt();
  model.tied_embeddings = true;
  const Workload workload = lower(model, small_training(), plain_plan(8, 1, 2));
  CHECK(workload.head.parameters == 1024 * 1024 + 1024);
  CHECK(workload.stages.back().data_calls.back().role == CommRole::tied_embedding);
  CHECK(workload.stages.back().data_calls.back().bytes == Bytes{2 * 1024 * 1024.0});
}

TEST_CASE("workload: chunks in V shape bring the head back to the first stage") {
  // 8 layers on 2 stages of 2 chunks: virtual stages 0 to 3 are stage 0, 1, 1, 0.
  Model model = small_gpt();
  model.layers = 8;
  model.tied_embeddings = true;
  Plan plan = plain_plan(8, 1, 2);
  plan.pipeline = {2, 2, "zb-v"};
  const Workload workload = lower(model, small_training(64), plan);  // 8 micro-batches
  CHECK_FALSE(ends_apart(plan.pipeline));
  const Stage& first = workload.stages[0];
  CHECK(first.has_embedding);
  CHECK(first.has_head);
  CHECK(first.chunks[0].has_embedding);
  CHECK(first.chunks[1].has_head);
  CHECK_FALSE(workload.stages[1].has_embedding);
  CHECK_FALSE(workload.stages[1].has_head);
  // One table, and nothing to add up between stages: beside it the head has its final norm.
  CHECK(workload.head.parameters == 1024);
  for (const Stage& stage : workload.stages) {
    for (const CollectiveCall& call : stage.data_calls) {
      CHECK(call.role != CommRole::tied_embedding);
    }
    CHECK(stage.micro_batches_in_flight == 2);  // p
  }
  plan.pipeline = {2, 2, "1f1b"};
  CHECK(ends_apart(plan.pipeline));
  CHECK(lower(model, small_training(64), plan).stages[1].chunks[1].has_head);
}
