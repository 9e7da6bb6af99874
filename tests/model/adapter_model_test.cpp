// Adapters: what is trained, kept, gathered and computed where weights are frozen. h = 1024,
// T = 1024 tokens, so that a hidden state u is 2 MiB; a layer has 12 h^2 weights in its matrices.
#include "strategies/flops.hpp"
#include "strategies/parallel/parallel.hpp"
#include "strategies/recompute.hpp"
#include "strategies/workload.hpp"
#include "tests/catch.hpp"
#include "tests/support/round_numbers.hpp"

using namespace lockstep;
using namespace lockstep::testing;

namespace {

constexpr double h = 1024;
constexpr double u = 2 * 1024 * h;
constexpr double matrices = 12 * h * h;
constexpr double statistics = 4 * 1024 * 8;  // fp32, one per token and head
constexpr double inner = 2 * 1024 * 8;       // 16 bit, rank 8

Training adapted(AdapterKind kind, const char* targets = "q, v") {
  Training training = small_training(1);
  training.adapter.kind = kind;
  training.adapter.targets = targets;
  return training;
}

Workload work(const Training& training, const Plan& plan = plain_plan(1)) {
  return lower(small_gpt(), training, plan);
}

double kept(const Training& training, const Plan& plan = plain_plan(1)) {
  return saved_bytes(work(training, plan).kinds[0].block, {}).value();
}

double named(const Stage& stage, const std::string& name) {
  double sum = 0;
  for (const Tensor& tensor : stage.tensors) {
    if (name == tensor.name) sum += tensor.bytes.value();
  }
  return sum;
}

int weight_gradients(const Training& training) {
  int count = 0;
  const Workload workload = work(training);
  for (const Op& op : workload.kinds[0].block.backward.ops) count += op.weight_gradient ? 1 : 0;
  return count;
}

std::vector<std::string> problems(const Training& training, const Model& model = small_gpt()) {
  std::vector<std::string> all;
  for (const Violation& violation : adapter_violations(model, training)) {
    all.push_back(violation.code + " " + violation.field + ": " + violation.message + " (" +
                  violation.hint + ")");
  }
  return all;
}

}  // namespace

TEST_CASE("adapter: LoRA trains two matrices beside a linear, and states are theirs alone") {
  // Beside q and v: A h x 8 and B 8 x h each, 4 x 8 x 1024 = 32768 a layer, 131072 in four layers.
  const Workload all = work(small_training(1));
  const Workload lora = work(adapted(AdapterKind::lora));
  const Stage& stage = lora.stages[0];
  CHECK(all.stages[0].trained_parameters == all.stages[0].parameters);
  CHECK(stage.trained_parameters == 131072);
  CHECK(stage.parameters == all.stages[0].parameters + 131072);
  CHECK(named(stage, "weights") == 2 * stage.parameters);
  CHECK(named(stage, "gradients") == 4 * 131072);
  CHECK(named(stage, "optimizer state") == 12 * 131072);
  CHECK(named(stage, "head weight gradient") == 0);
}

TEST_CASE("adapter: frozen linears keep no input unless LoRA reads it") {
  // Trained: norm u, qkv input u, qkv 3 u, attention output u, norm u, MLP input u, up output 4 u,
  // activation output 4 u: 16 u.
  CHECK(kept(small_training(1)) == 16 * u + statistics);
  // Frozen: MLP input and activation output go, the input of q and v stays: 11 u.
  CHECK(kept(adapted(AdapterKind::lora)) == 11 * u + statistics + 2 * inner);
  // Beside the down projection alone: qkv's and the MLP's inputs go, 14 u.
  CHECK(kept(adapted(AdapterKind::lora, "down")) == 14 * u + statistics + inner);
  // Every linear: nothing goes; q, k, v, o, up and down have an inner state each.
  CHECK(kept(adapted(AdapterKind::lora, "all")) == 16 * u + statistics + 6 * inner);
}

TEST_CASE("adapter: dropped inputs are copies with a mask, one of them where q, k and v are one") {
  // Three bytes an element, 1.5 u, for each of q and v, in place of their input: 10 u + 3 u.
  Training training = adapted(AdapterKind::lora);
  training.adapter.dropout = 0.05;
  CHECK(kept(training) == 13 * u + statistics + 2 * inner);
  // One dropped copy, and two outputs that are kept while they are put in place: 10 + 1.5 + 2.
  Plan plan = plain_plan(1);
  plan.software.lora_fused_qkv = true;
  CHECK(kept(training, plan) == 13.5 * u + statistics + 2 * inner);
}

TEST_CASE("adapter: 4-bit weights take 0.5625 bytes, or 0.516 with double quantisation") {
  CHECK(quantized_bytes(FrozenWeights::nf4) == 0.5 + 4.0 / 64);
  CHECK(quantized_bytes(FrozenWeights::nf4_double) == 0.5 + 1.0 / 64 + 4.0 / (64 * 256));
  Training training = adapted(AdapterKind::lora);
  training.adapter.frozen = FrozenWeights::nf4;
  Plan plan = plain_plan(1);
  plan.software.dequantized_layers = 1;
  const Workload workload = work(training, plan);
  const Stage& stage = workload.stages[0];
  CHECK(stage.quantized_parameters == 4 * matrices);
  CHECK(named(stage, "4-bit weights") == 0.5625 * 4 * matrices);
  CHECK(named(stage, "weights") == 2 * (stage.parameters - 4 * matrices));
  CHECK(named(stage, "dequantised weights") == 2 * matrices);
  // bitsandbytes keeps the inputs of frozen linears all the same.
  CHECK(kept(training, plan) == 11 * u + statistics + 2 * inner);
  plan.software.quantized_keeps_inputs = true;
  CHECK(kept(training, plan) == 16 * u + statistics + 2 * inner);
}

TEST_CASE("adapter: 4-bit weights are made whole before every product") {
  // 0.5625 B read and 2 B written per weight, forward and backward.
  Training training = adapted(AdapterKind::lora);
  training.adapter.frozen = FrozenWeights::nf4;
  const Workload workload = work(training);
  for (const Pass* pass : {&workload.kinds[0].block.forward, &workload.kinds[0].block.backward}) {
    double bytes = 0;
    for (const Op& op : pass->ops) {
      if (std::string(op.name) == "dequantisation") bytes += op.bytes.value();
    }
    CHECK(bytes == 2.5625 * matrices);
  }
}

TEST_CASE("adapter: a prompt trains ten tokens a layer, and nothing before its first layer") {
  const Workload workload = work(adapted(AdapterKind::prompt));
  const Stage& stage = workload.stages[0];
  // 10 x 1024 and a gate for each of 8 heads.
  CHECK(workload.kinds[0].block.trained_parameters == 10248);
  // 10 u of a frozen layer and u for the gate; two of four layers keep nothing.
  CHECK(named(stage, "activations") == 2 * (11 * u + statistics));
}

TEST_CASE("adapter: the second version trains scales, biases and norms") {
  // Outputs of 3 h, h, 4 h and h, two vectors each: 18 h; prompt and gates 10248; two norms 2 h.
  const Workload workload = work(adapted(AdapterKind::adapter_v2));
  CHECK(workload.kinds[0].block.trained_parameters == 18 * h + 10248 + 2 * h);
  // The head: two vectors of the vocabulary's 1024, and the final norm.
  CHECK(workload.head.trained_parameters == 2 * 1024 + 1024);
  // 10 u frozen, u for the gate, and what every scale reads: 3 + 1 + 4 + 1 u.
  CHECK(kept(adapted(AdapterKind::adapter_v2)) == 20 * u + statistics);
  CHECK(named(workload.stages[0], "logits before their scale") == 2 * 1024 * 1024);
}

TEST_CASE("adapter: norms keep their input in fp32 alone where their weights are frozen") {
  Model model = small_gpt();
  model.norm = Norm::rmsnorm;
  Plan plan = plain_plan(1);
  plan.software.norm_saved_bytes = 6;
  const auto norms = [&](const Training& training) {
    double sum = 0;
    const Workload workload = lower(model, training, plan);
    for (const SavedTensor& saved : workload.kinds[0].block.saved) {
      if (std::string(saved.name) == "norm input") sum += saved.bytes.value();
    }
    return sum;
  };
  CHECK(norms(small_training(1)) == 2 * 3 * u);
  CHECK(norms(adapted(AdapterKind::lora)) == 2 * 2 * u);
  CHECK(norms(adapted(AdapterKind::adapter_v2)) == 2 * 3 * u);
}

TEST_CASE("adapter: frozen linears have no weight gradient") {
  CHECK(weight_gradients(small_training(1)) == 4);
  CHECK(weight_gradients(adapted(AdapterKind::lora)) == 2);  // A and B, of q and v as one op each
  CHECK(weight_gradients(adapted(AdapterKind::prompt)) == 0);
  // 4 FLOPs a frozen parameter instead of 6; attention as before.
  const Training all = small_training(1);
  const double saved = model_flops_per_token(small_gpt(), all) -
                       model_flops_per_token(small_gpt(), adapted(AdapterKind::lora));
  CHECK(saved == Approx(2 * matmul_parameters(small_gpt())));
}

TEST_CASE("adapter: FSDP gathers everything and reduces what is trained") {
  Plan plan = plain_plan(4);
  plan.sharding = Sharding::fsdp;
  Training training = adapted(AdapterKind::lora);
  training.global_batch = 4;
  const Workload workload = work(training, plan);
  const LayerKind& layer = workload.kinds[0];
  REQUIRE(layer.fsdp_backward.size() == 2);
  CHECK(layer.fsdp_forward[0].bytes.value() == 2 * layer.block.parameters);
  CHECK(layer.fsdp_backward[1].bytes.value() == 2 * 32768);
  // FSDP1 keeps every unit whole, and the gradient of a flat parameter in three copies.
  plan.software.fsdp_frozen_gathered = true;
  const Workload resident = work(training, plan);
  CHECK(named(resident.stages[0], "unsharded stage") == 2 * resident.stages[0].parameters);
  CHECK(named(resident.stages[0], "unsharded gradients") == 6 * layer.block.parameters);
}

TEST_CASE("adapter: attention and MLP that read one state keep it once") {
  Model model = small_gpt();
  model.parallel_residual = true;
  const Workload workload = lower(model, small_training(1), plain_plan(1));
  CHECK(saved_bytes(workload.kinds[0].block, {}).value() == 15 * u + statistics);
}

TEST_CASE("adapter: what cannot be trained is said, with what can") {
  using Texts = std::vector<std::string>;
  CHECK(problems(adapted(AdapterKind::lora)).empty());
  const std::string names = "one or more of: q, k, v, o, gate, up, down, attention, mlp, all";
  CHECK(problems(adapted(AdapterKind::lora, "q, query")) ==
        Texts{"E440 adapter.targets: no linear of a layer is called 'query' (" + names + ")"});
  CHECK(problems(adapted(AdapterKind::lora, " , ")) ==
        Texts{"E440 adapter.targets: LoRA stands beside no linear (" + names + ")"});
  CHECK(problems(adapted(AdapterKind::lora, "gate")) ==
        Texts{"E440 adapter.targets: the MLP of this model has no gate projection (targets: up, "
              "down)"});
  Model experts = small_gpt();
  experts.experts.count = 8;
  CHECK(problems(adapted(AdapterKind::lora, "all"), experts) ==
        Texts{"E441 adapter.targets: LoRA inside experts is not modelled (targets: attention)"});
  CHECK(
      problems(adapted(AdapterKind::adapter_v2), experts) ==
      Texts{"E441 adapter.kind: neither 4-bit experts nor adapters inside them are modelled (kind: "
            "lora with targets: attention and frozen: training)"});
  Training none = small_training(1);
  none.adapter.frozen = FrozenWeights::nf4;
  CHECK(problems(none) ==
        Texts{"E442 adapter: these keys are an adapter's, and its "
              "kind is none (set adapter.kind: lora, or remove them)"});
  Training prompt = adapted(AdapterKind::prompt);
  prompt.adapter.dropout = 0.1;
  CHECK(problems(prompt) ==
        Texts{"E442 adapter.dropout: dropout is of LoRA's input, and this is no LoRA (set "
              "adapter.kind: lora, or remove dropout)"});
  Model latent = small_gpt();
  latent.latent.key_value_rank = 64;
  CHECK(problems(adapted(AdapterKind::lora), latent) ==
        Texts{"E443 adapter.kind: adapters beside latent attention are not modelled (train every "
              "weight (adapter.kind: none), or take another model)"});
  Training wide = adapted(AdapterKind::lora);
  wide.adapter.frozen = FrozenWeights::nf4;
  wide.precision = Precision::fp32;
  CHECK(problems(wide) == Texts{"E444 adapter.frozen: 4-bit weights are made whole in 16 bit (set "
                                "precision: bf16 or fp16, or frozen: training)"});
}

TEST_CASE("memory: gathered inputs that a layer keeps, and library workspaces") {
  // tp 2 with sequence parallelism: a whole hidden state u for each of 4 layers, twice.
  Plan plan = plain_plan(1, 2);
  plan.sequence_parallel = true;
  plan.software.gathered_inputs_kept = 2;
  plan.software.gathered_inputs_kept_pipelined = 0.5;
  plan.software.workspace_bytes = 1e6;
  CHECK(named(work(small_training(1), plan).stages[0], "gathered inputs") == 8 * u);
  CHECK(named(work(small_training(1), plan).stages[0], "library workspaces") == 1e6);
  plan.recompute = Recompute::full;  // layers keep their inputs alone
  CHECK(named(work(small_training(1), plan).stages[0], "gathered inputs") == 0);
  plan.recompute = Recompute::none;
  plan.pipeline.stages = 2;  // two layers a stage
  CHECK(named(work(small_training(1), plan).stages[0], "gathered inputs") == u);
  plan.sequence_parallel = false;
  CHECK(named(work(small_training(1), plan).stages[0], "gathered inputs") == 0);
}

TEST_CASE("memory: tensor ranks share the buffers of DeepSpeed's pipe") {
  Plan plan = plain_plan(1, 2, 2);
  plan.software.pipeline_buffers = 1;
  CHECK(named(work(small_training(1), plan).stages[0], "pipeline buffers") == u);
  // The receiver's buffer is one of them: one more is on its way, not two.
  CHECK(named(work(small_training(1), plan).stages[0], "stage transfer buffers") == u);
  plan.software.pipeline_buffers_split = true;
  CHECK(named(work(small_training(1), plan).stages[0], "pipeline buffers") == u / 2);
  plan.software.pipeline_buffers = 0;
  CHECK(named(work(small_training(1), plan).stages[0], "stage transfer buffers") == 2 * u);
}

TEST_CASE("memory: the gradient of unfused scores comes when the MLP's tensors are gone") {
  // Scores: 2 B x 1024 x 1024 x 8 heads = 8 u. The MLP kept up output 4 u and activation output
  // 4 u, so that its own wave, 4 u, is the wider one: u + 4 u.
  Plan plan = plain_plan(1);
  plan.software.attention = AttentionKernel::unfused;
  CHECK(work(small_training(1), plan).kinds[0].block.gradient_wave.value() == 5 * u);
  Training longer = small_training(1);
  longer.sequence_length = 4096;  // scores 128 u of 1024 tokens, the MLP 32 u, the state 4 u
  CHECK(work(longer, plan).kinds[0].block.gradient_wave.value() == (4 + 128 - 32) * u);
}
