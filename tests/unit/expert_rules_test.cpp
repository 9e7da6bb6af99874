// The rules of plans and models with experts, word by word.
#include "strategies/plan.hpp"
#include "tests/catch.hpp"
#include "tests/support/round_numbers.hpp"
#include "tests/support/test_catalog.hpp"

using namespace lockstep;
using namespace lockstep::testing;

namespace {

Model moe() {
  Model model = small_gpt();
  model.experts.count = 12;
  model.experts.top_k = 2;
  model.experts.ffn_hidden = 510;
  return model;
}

// "code field: message | hint" of each violation on 16 GPUs.
std::vector<std::string> broken(const Plan& plan, const Model& model = moe()) {
  std::vector<std::string> found;
  for (const Violation& violation : violations(model, small_training(), plan, 16)) {
    found.push_back(violation.code + " " + violation.field + ": " + violation.message + " | " +
                    violation.hint);
  }
  return found;
}

using Found = std::vector<std::string>;

}  // namespace

TEST_CASE("plan: a model without experts has no expert parallelism", "[unit]") {
  const Found wanted{"E422 expert: this model has no experts | remove expert"};
  Plan plan = plain_plan(16);
  plan.expert.degree = 2;
  CHECK(broken(plan, small_gpt()) == wanted);
  plan.expert.degree = 1;
  plan.expert.imbalance = 1.5;
  CHECK(broken(plan, small_gpt()) == wanted);
}

TEST_CASE("plan: experts divide by their ranks, and these divide the stage", "[unit]") {
  Plan plan = plain_plan(16);
  plan.expert.degree = 4;
  CHECK(broken(plan).empty());
  plan.expert.degree = 8;
  CHECK(broken(plan) == Found{"E423 expert.degree: 12 experts do not divide by expert parallelism "
                              "8 | it must divide 12"});
  plan.expert.degree = 6;
  CHECK(broken(plan) == Found{"E424 expert.degree: expert 6 x expert.tensor 1 does not divide the "
                              "16 ranks of a stage (tensor x context x data) | choose an expert "
                              "degree that divides them"});
}

TEST_CASE("plan: the width of an expert divides by its tensor ranks", "[unit]") {
  Plan plan = plain_plan(4, 4);
  plan.sequence_parallel = true;
  CHECK(broken(plan) == Found{"E425 expert.tensor: expert width 510 does not divide by "
                              "expert.tensor 4 | expert.tensor: 1 keeps every expert whole"});
  plan.expert.tensor = 1;
  CHECK(broken(plan).empty());
}

TEST_CASE("plan: no rank and no expert takes more than there is", "[unit]") {
  Plan plan = plain_plan(16);
  plan.expert.degree = 2;
  plan.expert.imbalance = 2.5;
  CHECK(broken(plan) == Found{"E434 expert.imbalance: one of 2 ranks cannot have more than 2 times "
                              "the mean | at most expert.degree: 2"});
  plan.expert.imbalance = 1;
  plan.expert.capacity_factor = 100;
  REQUIRE(broken(plan).size() == 1);
  CHECK(broken(plan)[0].rfind("E433 expert.capacity_factor: an expert cannot take more than all "
                              "tokens: ",
                              0) == 0);
}

TEST_CASE("plan: a capacity leaves no imbalance", "[unit]") {
  Plan plan = plain_plan(16);
  plan.expert.capacity_factor = 1.25;
  CHECK(broken(plan).empty());
  plan.expert.degree = 2;
  plan.expert.imbalance = 1.1;
  CHECK(broken(plan) == Found{"E426 expert.imbalance: with a capacity factor every expert takes "
                              "the same number of tokens | keep capacity_factor or imbalance"});
}

TEST_CASE("plan: tensor ranks of a model with experts need sequence parallelism", "[unit]") {
  Plan plan = plain_plan(8, 2);
  CHECK(broken(plan) == Found{"E430 sequence_parallel: tensor ranks without sequence parallelism "
                              "would all send the same tokens to the experts | set "
                              "sequence_parallel: true (Megatron-Core demands it of models with "
                              "experts)"});
  plan.sequence_parallel = true;
  CHECK(broken(plan).empty());
}

namespace {

std::string with_model(const std::string& model) {
  return TestCatalog().complaints(
      replaced(good_scenario, "model: small", "model: {based_on: small, " + model + "}"));
}

}  // namespace

TEST_CASE("scenario: experts that are described must be there", "[unit]") {
  CHECK(with_model("experts: {ffn_hidden: 512}") ==
        "s.yaml:2:26: error[E461]: experts are described, but count is 0\n"
        "    2 | model: {based_on: small, experts: {ffn_hidden: 512}}\n"
        "      |                          ^~~~~~~\n"
        "      = hint: set count, or remove experts\n");
}

TEST_CASE("scenario: a token goes to no more experts than there are", "[unit]") {
  CHECK(with_model("experts: {count: 4, top_k: 5}")
            .find("s.yaml:2:53: error[E462]: a token cannot go to 5 of 4 experts\n") == 0);
  CHECK(with_model("experts: {count: 4, top_k: 5}").find("= hint: top_k is at most 4\n") !=
        std::string::npos);
}

TEST_CASE("scenario: some layer has experts", "[unit]") {
  const std::string found = with_model("experts: {count: 4, dense_layers: 16}");
  CHECK(found.find("s.yaml:2:60: error[E463]: no layer has experts: 16 layers, the first 16 dense, "
                   "of the others every 1. with experts\n") == 0);
  CHECK(found.find("= hint: lower dense_layers or every, or set count: 0 for a dense model\n") !=
        std::string::npos);
}

TEST_CASE("scenario: latent attention has a key a head and norms of its own", "[unit]") {
  const std::string found =
      with_model("kv_heads: 4, qk_norm: true, latent_attention: {key_value_rank: 64}");
  CHECK(found.find("error[E464]: latent attention has a key for each of 16 heads, not for 4\n") !=
        std::string::npos);
  CHECK(found.find("= hint: remove kv_heads, or latent_attention\n") != std::string::npos);
  CHECK(found.find(
            "error[E465]: latent attention norms its latents, not queries and keys per head\n") !=
        std::string::npos);
  CHECK(found.find("= hint: set qk_norm: false\n") != std::string::npos);
}

TEST_CASE("scenario: which layers are windowed needs a window", "[unit]") {
  const std::string found = with_model("attention_window_every: 2");
  CHECK(found.find("error[E466]: which layers are windowed is set, but no window is\n") !=
        std::string::npos);
  CHECK(found.find("= hint: set attention_window\n") != std::string::npos);
}
