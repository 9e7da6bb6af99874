// Recompute by parts of the layer: what runs again and what is then not kept, by hand.
#include "strategies/recompute.hpp"

#include "tests/catch.hpp"
#include "tests/support/round_numbers.hpp"

using namespace lockstep;
using namespace lockstep::testing;

namespace {

constexpr double s = 1024, h = 1024;
constexpr double u = 2 * s * h;  // a hidden state in 16 bit

Plan parts_plan(const std::string& parts, std::int64_t tensor = 1) {
  Plan plan = plain_plan(16 / tensor, tensor);
  plan.sequence_parallel = tensor > 1;
  plan.recompute = Recompute::selective;
  plan.recompute_parts = parts;
  return plan;
}

Block layer(const Plan& plan) {
  return lower(small_gpt(), small_training(), plan).kinds[0].block;
}

double kept(const std::string& parts) {
  const Plan plan = parts_plan(parts);
  return saved_bytes(layer(plan), recompute_policy(plan)).value();
}

double all() {
  return saved_bytes(layer(plain_plan(16)), {}).value();
}

std::vector<std::string> names(const Pass& pass) {
  std::vector<std::string> found;
  for (const Op& op : pass.ops) found.emplace_back(op.name);
  return found;
}

using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("recompute parts: a GPT layer without them keeps 17 hidden states and the statistics") {
  // Norm input and output twice, qkv 3, attention output 1, up 4 and activation 4 h wide; 4 B per
  // token and head of statistics.
  CHECK(all() == 16 * u + 4 * s * 8);
}

TEST_CASE("recompute parts: norms keep their inputs and run again") {
  CHECK(all() - kept("norms") == 2 * u);
  CHECK(names(layer(parts_plan("norms")).recompute) == Names{"attention norm", "mlp norm"});
}

TEST_CASE("recompute parts: the MLP keeps its input alone, its activation its input") {
  CHECK(all() - kept("mlp") == 8 * u);
  CHECK(names(layer(parts_plan("mlp")).recompute) ==
        Names{"up projection", "activation", "down projection"});
  CHECK(all() - kept("activation") == 4 * u);
  CHECK(names(layer(parts_plan("activation")).recompute) == Names{"activation"});
}

TEST_CASE("recompute parts: attention keeps its input and what the output projection reads") {
  CHECK(all() - kept("attention-core") == 4 * s * 8);
  CHECK(all() - kept("qkv-projection") == 3 * u);
}

TEST_CASE(
    "recompute parts: several add up, by comma, plus sign or space, in Megatron's names too") {
  const double dropped = all() - kept("norms, activation");
  CHECK(dropped == 6 * u);
  CHECK(all() - kept("norms+activation") == dropped);
  CHECK(all() - kept("activation norms") == dropped);
  CHECK(all() - kept("layernorm,moe_act") == dropped);
}

TEST_CASE("recompute parts: a part's collectives run again with it") {
  const Block block = layer(parts_plan("mlp", 8));
  REQUIRE(block.recompute.calls.size() == 2);
  CHECK(block.recompute.calls[0].collective == Collective::all_gather);
  CHECK(block.recompute.calls[0].after == 0);
  CHECK(block.recompute.calls[1].collective == Collective::reduce_scatter);
  CHECK(block.recompute.calls[1].after == 3);
}

TEST_CASE("recompute parts: a ring that runs again runs beside its steps again") {
  Plan plan = parts_plan("attention-core");
  plan.data = 4;
  plan.context.degree = 4;
  const Block block = layer(plan);
  REQUIRE(block.recompute.calls.size() == 3);
  CHECK(block.recompute.calls[0].after == 0);
  CHECK(block.recompute.calls[2].before == 3);
  CHECK(block.recompute.ops.size() == 5);  // 4 steps and the merge
}

TEST_CASE("recompute parts: hardware FLOPs count what runs again") {
  // Up and down projection: 2 (4 h^2 + 4 h^2) a token and layer, 4 layers, 16 sequences.
  const Workload workload = lower(small_gpt(), small_training(), parts_plan("mlp"));
  CHECK(workload.hardware_flops - workload.model_flops == 16 * s * 4 * 16 * h * h);
}

TEST_CASE("recompute parts: the table's names are told apart and each is known by its alias") {
  for (const RecomputePart& part : recompute_parts()) {
    std::string unknown;
    CHECK(parse_recompute_parts(part.name, &unknown));
    if (*part.alias != '\0') CHECK(parse_recompute_parts(part.alias, &unknown));
    CHECK(unknown.empty());
  }
}

TEST_CASE("plan: an unknown part is an error that lists them") {
  const auto broken = violations(small_gpt(), small_training(), parts_plan("norms, softmax"), 16);
  REQUIRE(broken.size() == 1);
  CHECK(broken[0].code == "E428");
  CHECK(broken[0].field == "recompute_parts");
  CHECK(broken[0].message == "'softmax' is no part of a layer that can be recomputed");
  CHECK(broken[0].hint ==
        "one or more of: norms, qkv-projection, latent-up-projection, attention-core, "
        "output-projection, attention, up-projection, activation, down-projection, mlp, moe, "
        "shared-experts");
}

TEST_CASE("plan: parts without selective recompute contradict it") {
  Plan plan = parts_plan("norms");
  plan.recompute = Recompute::full;
  auto broken = violations(small_gpt(), small_training(), plan, 16);
  REQUIRE(broken.size() == 1);
  CHECK(broken[0].code == "E429");
  CHECK(broken[0].message == "parts to recompute are named, but recompute is full");
  CHECK(broken[0].hint == "set recompute: selective, or remove recompute_parts");
  plan.recompute = Recompute::none;
  broken = violations(small_gpt(), small_training(), plan, 16);
  REQUIRE(broken.size() == 1);
  CHECK(broken[0].message == "parts to recompute are named, but recompute is none");
}
