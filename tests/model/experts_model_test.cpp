// Layers with experts, latent attention and windows against what their papers' sizes give by hand.
#include <string>
#include <vector>

#include "sim/compute/op_cost.hpp"
#include "strategies/flops.hpp"
#include "strategies/layer/blocks.hpp"
#include "strategies/layer/layer_counts.hpp"
#include "strategies/workload.hpp"
#include "tests/catch.hpp"
#include "tests/support/round_numbers.hpp"

using namespace lockstep;
using namespace lockstep::testing;

namespace {

constexpr double s = 1024, h = 1024, f = 512;

// 8 experts of width 512, two for each token; one branch, so two matrices an expert.
Model small_moe() {
  Model model = small_gpt();
  model.experts.count = 8;
  model.experts.top_k = 2;
  model.experts.ffn_hidden = 512;
  return model;
}

// 16 latents for queries, 8 for keys and values, heads of 4 + 2, values of 4.
Model small_latent() {
  Model model = small_gpt();
  model.positions = Positions::rope;
  model.norm = Norm::rmsnorm;
  model.latent = {16, 8, 4, 2, 4};
  return model;
}

Plan expert_plan(std::int64_t data, std::int64_t degree, std::int64_t tensor = 1) {
  Plan plan = plain_plan(data, tensor);
  plan.sequence_parallel = tensor > 1;
  plan.expert.degree = degree;
  return plan;
}

double flops(const Pass& pass, OpKind kind) {
  double sum = 0;
  for (const Op& op : pass.ops) {
    if (op.kind == kind) sum += op.flops.value();
  }
  return sum;
}

const Op* op_named(const Pass& pass, const std::string& name) {
  for (const Op& op : pass.ops) {
    if (op.name == name) return &op;
  }
  return nullptr;
}

const CollectiveCall* call_named(const Pass& pass, const std::string& name) {
  for (const CollectiveCall& call : pass.calls) {
    if (call.name == name) return &call;
  }
  return nullptr;
}

double saved(const Block& block, const std::string& name) {
  double sum = 0;
  for (const SavedTensor& tensor : block.saved) {
    if (tensor.name == name) sum += tensor.bytes.value();
  }
  return sum;
}

Block expert_block(const Plan& plan, const Model& model = small_moe()) {
  return lower(model, small_training(), plan).kinds[0].block;
}

}  // namespace

TEST_CASE("experts: every token passes two experts of two matrices", "[model][experts]") {
  const Block block = expert_block(expert_plan(16, 1));
  // 2 FLOPs x tokens x 2 experts x 2 matrices of h f; backward twice that.
  CHECK(flops(block.forward, OpKind::grouped_gemm) == 2 * s * 2 * 2 * h * f);
  CHECK(flops(block.backward, OpKind::grouped_gemm) == 2 * 2 * s * 2 * 2 * h * f);
  // Attention's 8 h^2 a token and the router's 2 h 8.
  CHECK(flops(block.forward, OpKind::gemm) == 8 * s * h * h + 2 * s * h * 8);
}

TEST_CASE("experts: spread over ranks a rank has fewer of them with more tokens each",
          "[model][experts]") {
  // 2,048 copies over 8 experts: 256 each. Eight ranks send as many: 2,048 for the one expert here.
  const Block alone = expert_block(expert_plan(16, 1));
  const Block spread = expert_block(expert_plan(16, 8));
  const Op* before = op_named(alone.forward, "experts: up");
  const Op* after = op_named(spread.forward, "experts: up");
  REQUIRE(before != nullptr);
  REQUIRE(after != nullptr);
  CHECK(before->m == 256);
  CHECK(before->batch == 8);
  CHECK(after->m == 2048);
  CHECK(after->batch == 1);
  CHECK(before->flops == after->flops);
  CHECK(alone.expert_parameters == 8 * 2 * h * f);
  CHECK(spread.expert_parameters == 2 * h * f);
  CHECK(alone.parameters == spread.parameters);
}

TEST_CASE("experts: four exchanges of tokens x top_k x hidden x 2 bytes", "[model][experts]") {
  const Block block = expert_block(expert_plan(16, 8));
  for (const char* name : {"expert dispatch", "expert combine"}) {
    const CollectiveCall* call = call_named(block.forward, name);
    REQUIRE(call != nullptr);
    CHECK(call->collective == Collective::all_to_all);
    CHECK(call->group == GroupKind::expert);
    CHECK(call->bytes == Bytes{s * 2 * h * 2});
  }
  for (const char* name : {"expert dispatch gradient", "expert combine gradient"}) {
    const CollectiveCall* call = call_named(block.backward, name);
    REQUIRE(call != nullptr);
    CHECK(call->bytes == Bytes{s * 2 * h * 2});
  }
  CHECK(expert_block(expert_plan(16, 1)).forward.calls.empty());
}

TEST_CASE("experts: tokens sent in fp8 halve the dispatch and the combine's gradient",
          "[model][experts]") {
  Plan plan = expert_plan(16, 8);
  plan.software.dispatch_bytes = 1;
  const Block block = expert_block(plan);
  CHECK(call_named(block.forward, "expert dispatch")->bytes == Bytes{s * 2 * h});
  CHECK(call_named(block.backward, "expert combine gradient")->bytes == Bytes{s * 2 * h});
  CHECK(call_named(block.forward, "expert combine")->bytes == Bytes{s * 2 * h * 2});
}

TEST_CASE("experts: sequence parallelism sends a share, expert tensor ranks gather it",
          "[model][experts]") {
  // t = 4: a rank has 256 tokens, 512 copies. Expert tensor 4 gathers 2,048 of them; width 512 / 4.
  Plan plan = expert_plan(4, 4, 4);
  const Block block = expert_block(plan);
  CHECK(call_named(block.forward, "expert dispatch")->bytes == Bytes{s / 4 * 2 * h * 2});
  const CollectiveCall* gather = call_named(block.forward, "expert all-gather of tokens");
  REQUIRE(gather != nullptr);
  CHECK(gather->group == GroupKind::expert_tensor);
  CHECK(gather->bytes == Bytes{s * 2 * h * 2});
  // 2 local experts, 1,024 tokens each, 128 wide.
  const Op* up = op_named(block.forward, "experts: up");
  CHECK(up->batch == 2);
  CHECK(up->m == 1024);
  CHECK(up->n == 128);
  // Whole experts instead: nothing is gathered, 512 copies meet the rank's two experts.
  plan.expert.tensor = 1;
  const Block whole = expert_block(plan);
  CHECK(call_named(whole.forward, "expert all-gather of tokens") == nullptr);
  CHECK(op_named(whole.forward, "experts: up")->m == 256);
  CHECK(op_named(whole.forward, "experts: up")->n == 512);
  CHECK(op_named(whole.forward, "experts: up")->flops == up->flops);
}

TEST_CASE("experts: imbalance and capacity change what the busiest rank takes",
          "[model][experts]") {
  Plan plan = expert_plan(16, 8);
  plan.expert.imbalance = 1.5;
  Block block = expert_block(plan);
  CHECK(op_named(block.forward, "experts: up")->m == 3072);
  CHECK(call_named(block.forward, "expert dispatch")->bytes == Bytes{1.5 * s * 2 * h * 2});
  CHECK(saved(block, "expert input") == 1.5 * s * 2 * h * 2);
  plan.expert.imbalance = 1.0;
  plan.expert.capacity_factor = 1.25;
  block = expert_block(plan);
  CHECK(op_named(block.forward, "experts: up")->m == 2560);
}

// facts of Megatron-Core with Transformer Engine: k T h once, 3 k T f of gated experts, router 4
// tensors of 4 bytes.
TEST_CASE("experts: what a layer keeps", "[model][experts][memory]") {
  Model model = small_moe();
  model.activation = Activation::swiglu;
  const Block block = expert_block(expert_plan(16, 8), model);
  CHECK(saved(block, "expert input") == 2 * s * 2 * h);
  CHECK(saved(block, "expert up output") + saved(block, "expert activation output") ==
        2 * s * 2 * 3 * f);
  CHECK(saved(block, "router scores") == 4 * 4 * s * 8);
}

TEST_CASE("experts: shared ones run beside the exchanges where the software says so",
          "[model][experts]") {
  Model model = small_moe();
  model.experts.shared = 1;
  Plan plan = expert_plan(16, 8);
  const Block apart = expert_block(plan, model);
  plan.software.shared_expert_overlap = true;
  const Block beside = expert_block(plan, model);
  CHECK(flops(apart.forward, OpKind::gemm) == flops(beside.forward, OpKind::gemm));
  CHECK(flops(apart.backward, OpKind::gemm) == flops(beside.backward, OpKind::gemm));
  const CollectiveCall* dispatch = call_named(beside.forward, "expert dispatch");
  CHECK(dispatch->before > dispatch->after);
  CHECK(std::string(beside.forward.ops[dispatch->after].name) == "up projection");
  const CollectiveCall* waiting = call_named(apart.forward, "expert dispatch");
  CHECK(waiting->before == waiting->after);
}

TEST_CASE("experts: dense first layers and experts in every second of the others",
          "[model][experts]") {
  Model model = small_moe();  // 4 layers
  model.experts.dense_layers = 1;
  const Workload workload = lower(model, small_training(), expert_plan(16, 1));
  REQUIRE(workload.kinds.size() == 2);
  CHECK(std::string(workload.kinds[0].name) == "dense layer");
  CHECK(std::string(workload.kinds[1].name) == "expert layer");
  CHECK(workload.stages[0].chunks[0].layers == std::vector<std::int64_t>{1, 3});
  // Of the 3 others the second only.
  model.experts.every = 2;
  CHECK(lower(model, small_training(), expert_plan(16, 1)).stages[0].chunks[0].layers ==
        std::vector<std::int64_t>{3, 1});
}

TEST_CASE("experts: narrow products pay, and the profile's share slows all",
          "[model][experts][compute]") {
  Gpu gpu = round_gpu();
  gpu.gemm_m0 = Constant(64.0);
  Software software = plain_software();
  Op op;
  op.kind = OpKind::grouped_gemm;
  op.n = op.k = 1024;
  op.m = 64;
  op.batch = 4;
  op.flops = Flops{2.0 * 4 * 64 * 1024 * 1024};
  // 5.37e8 FLOPs at 100 TFLOP/s, twice for m = m0.
  const double ideal = op.flops.value() / 100e12;
  CHECK(op_time(gpu, software, op).value() == Approx(2 * ideal));
  software.grouped_gemm_efficiency = Constant(0.5);
  CHECK(op_time(gpu, software, op).value() == Approx(4 * ideal));
}

TEST_CASE("Mixtral 8x7B: 394 million multiply-adds of a token meet a layer", "[model][experts]") {
  Model model;
  model.layers = 32;
  model.hidden = 4096;
  model.ffn_hidden = 14336;
  model.heads = 32;
  model.kv_heads = 8;
  model.vocabulary = 32000;
  model.activation = Activation::swiglu;
  model.norm = Norm::rmsnorm;
  model.positions = Positions::rope;
  model.experts.count = 8;
  model.experts.top_k = 2;
  // Attention 4096 (4096 + 2 x 1024) + 4096^2 = 41 943 040; two experts of 3 x 4096 x 14336 =
  // 176 160 768; router 4096 x 8 = 32 768. Together 394 297 344 multiply-adds.
  const LayerFlops flops = layer_flops(model, {true, false}, 4096);
  CHECK(flops.linears == 2 * 394297344.0);
  // 2,048 tokens are seen on average: 2 x 2048 x (4096 + 4096).
  CHECK(flops.attention == 2.0 * 2048 * 8192);
  CHECK(matmul_parameters(model) == 32 * 394297344.0 + 32000 * 4096.0);
}

TEST_CASE("latent attention: parameters and products by hand", "[model][latent]") {
  const Model model = small_latent();
  // 8 heads. Queries 1024 x 16 + 16 x 8 x 6; keys and values 1024 x (8 + 2) + 8 x 8 x (4 + 4);
  // output 8 x 4 x 1024. Norms: two of 1024, latents 16 + 8.
  const LayerParameters count = layer_parameters(model, {});
  CHECK(count.attention == 16384 + 768 + 10240 + 512 + 32768);
  CHECK(count.norms == 2 * 1024 + 24);
  const Block block = lower(model, small_training(), plain_plan(16)).kinds[0].block;
  CHECK(flops(block.forward, OpKind::gemm) ==
        2 * s * (count.attention + 8 * 1024.0 * 1024));  // the MLP is 2 x 4 h^2
  // Scores over 48, values over 32 elements of all heads; 512 tokens on average. Backward 3 and 2
  // times.
  CHECK(flops(block.forward, OpKind::flash_attention) == 2 * s * 512 * (48 + 32));
  CHECK(flops(block.backward, OpKind::flash_attention) == 2 * s * 512 * (3 * 48 + 2 * 32));
}

TEST_CASE("latent attention: queries can be projected at once", "[model][latent]") {
  Model model = small_latent();
  model.latent.query_rank = 0;
  CHECK(layer_parameters(model, {}).attention == 1024 * 48 + 10240 + 512 + 32768);
}

TEST_CASE("latent attention: what a layer keeps", "[model][latent][memory]") {
  const Block block = lower(small_latent(), small_training(), plain_plan(16)).kinds[0].block;
  // Latents and their norms, 16 + 8 + 2 each; queries and keys 48, values and output 32.
  CHECK(saved(block, "latents") == 2 * s * 26);
  CHECK(saved(block, "normed latents") == 2 * s * 26);
  CHECK(saved(block, "queries") == 2 * s * 48);
  CHECK(saved(block, "keys") == 2 * s * 48);
  CHECK(saved(block, "values") == 2 * s * 32);
  CHECK(saved(block, "attention output") == 2 * s * 32);
}

TEST_CASE("latent attention: tensor ranks gather latents, not the hidden state",
          "[model][latent]") {
  Plan plan = plain_plan(4, 4);
  plan.sequence_parallel = true;
  const Block block = lower(small_latent(), small_training(), plan).kinds[0].block;
  const CollectiveCall* gather = call_named(block.forward, "tensor all-gather");
  REQUIRE(gather != nullptr);
  CHECK(gather->bytes == Bytes{2 * s * 26});
}

TEST_CASE("attention window: a token sees w - w^2 / (2 s) others", "[model][window]") {
  Model model = small_gpt();
  model.attention_window = 256;
  model.attention_window_every = 2;
  // 256 - 256^2 / 2048 = 224 instead of 512.
  CHECK(attended_tokens(model, {false, true}, 1024) == 224);
  CHECK(attended_tokens(model, {false, false}, 1024) == 512);
  CHECK(attended_tokens(model, {false, true}, 256) == 128);
  const Workload workload = lower(model, small_training(), plain_plan(16));
  REQUIRE(workload.kinds.size() == 2);
  CHECK(std::string(workload.kinds[0].name) == "windowed layer");
  CHECK(flops(workload.kinds[0].block.forward, OpKind::flash_attention) == 4 * s * 224 * h);
  CHECK(flops(workload.kinds[1].block.forward, OpKind::flash_attention) == 4 * s * 512 * h);
  CHECK(workload.stages[0].chunks[0].layers == std::vector<std::int64_t>{2, 2});
  // Two layers of each, forward and twice that backward.
  CHECK(model_flops_per_token(model, small_training()) ==
        6 * matmul_parameters(model) + 3 * 4 * h * 2 * (224 + 512));
}

TEST_CASE("multi-token prediction: a layer, a projection and the head again on the last stage",
          "[model][prediction]") {
  Model model = small_gpt();
  const Workload plain = lower(model, small_training(), plain_plan(8, 1, 2));
  model.predicted_tokens = 1;
  const Workload workload = lower(model, small_training(), plain_plan(8, 1, 2));
  REQUIRE(workload.kinds.size() == 2);
  CHECK(std::string(workload.kinds[1].name) == "prediction module");
  CHECK(workload.stages[0].layers == 2);
  CHECK(workload.stages[1].layers == 3);
  CHECK(workload.stages[1].chunks[0].layers == std::vector<std::int64_t>{2, 1});
  // The layer's 24 h^2, the projection's 2 x 2 h^2 and the head's 2 V h, V = 1024.
  CHECK(flops(workload.kinds[1].block.forward, OpKind::gemm) ==
        s * (24 * h * h + 4 * h * h + 2 * 1024 * h));
  // 12 h^2 of the layer, 2 h^2, V h; three times 2 s h of attention at s / 2.
  CHECK(workload.model_flops - plain.model_flops ==
        (6 * (14 * h * h + 1024 * h) + 6 * s * h) * small_training().tokens_per_step());
  // The second stage keeps a copy of the table for its embeddings, as the head does.
  const double join = 2 * h * h + 3 * h;
  CHECK(workload.stages[1].parameters - plain.stages[1].parameters ==
        plain.kinds[0].block.parameters + join + 1024 * h);
}
