// Keys of a plan that mean nothing beside its others, or nothing for its model.
#include "strategies/plan.hpp"
#include "tests/catch.hpp"
#include "tests/support/round_numbers.hpp"

using namespace lockstep;
using namespace lockstep::testing;

namespace {

// "code field: message | hint", if exactly one rule is broken.
std::string broken(const Plan& plan, const Model& model = small_gpt()) {
  const auto found = violations(model, small_training(), plan, 16);
  if (found.empty()) return "";
  REQUIRE(found.size() == 1);
  const Violation& one = found.front();
  return one.code + " " + one.field + ": " + one.message + " | " + one.hint;
}

}  // namespace

TEST_CASE("plan keys: parts that the model's layers lack cannot recompute") {
  Plan plan = plain_plan(16);
  plan.recompute = Recompute::selective;
  plan.recompute_parts = "mlp, norms";
  CHECK(broken(plan).empty());
  plan.recompute_parts = "moe";
  CHECK(broken(plan) ==
        "E435 recompute_parts: no layer of this model has 'moe' | of a dense model: mlp, "
        "activation, norms, attention, ...");
  Model experts = small_gpt();
  experts.experts.count = 8;
  experts.experts.top_k = 2;
  CHECK(broken(plan, experts).empty());
  plan.recompute_parts = "up-projection";
  CHECK(broken(plan, experts) ==
        "E435 recompute_parts: no layer of this model has 'up-projection' | with experts: moe, "
        "router, shared-experts, attention, ...");
  experts.experts.dense_layers = 1;
  CHECK(broken(plan, experts).empty());
}

TEST_CASE("plan keys: overlap needs collectives to overlap") {
  Plan plan = plain_plan(16);
  plan.tensor_overlap = Override::yes;
  CHECK(broken(plan) ==
        "E436 tensor_overlap: there are no tensor-parallel collectives to overlap, and tensor is 1 "
        "| set tensor above 1, or remove tensor_overlap");
  plan = plain_plan(2, 8);
  plan.tensor_overlap = Override::yes;
  CHECK(broken(plan).empty());
}

TEST_CASE("plan keys: units are FSDP's") {
  Plan plan = plain_plan(16);
  plan.sync.prefetch = 2;
  const std::string text =
      "E437 sync: prefetch and reshard_after_forward are FSDP's, and sharding is not fsdp | set "
      "sharding: fsdp, or remove them";
  CHECK(broken(plan) == text);
  plan.sync.prefetch = -1;
  plan.sync.reshard_after_forward = Override::no;
  CHECK(broken(plan) == text);
  plan.sharding = Sharding::fsdp;
  CHECK(broken(plan).empty());
}

TEST_CASE("plan keys: a context degree of Ulysses needs no halves to balance") {
  Plan plan = plain_plan(4);
  plan.context.degree = 4;
  Training training = small_training();
  training.sequence_length = 1020;  // 4 x 255
  const auto codes = [&] {
    std::string text;
    for (const Violation& one : violations(small_gpt(), training, plan, 16)) text += one.code;
    return text;
  };
  CHECK(codes() == "E420");
  plan.context.method = ContextMethod::ulysses;
  CHECK(codes().empty());
}
