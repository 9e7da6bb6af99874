// The code of the first broken rule, as the search asks for it: the same rules as violations().
#include <random>
#include <set>
#include <string>

#include "strategies/plan.hpp"
#include "tests/catch.hpp"
#include "tests/support/round_numbers.hpp"

using namespace lockstep;
using namespace lockstep::testing;

namespace {

std::string first(const Plan& plan, std::int64_t gpus, const Model& model = small_gpt()) {
  const char* code = first_violation(model, small_training(), plan, gpus);
  return code == nullptr ? "" : code;
}

}  // namespace

TEST_CASE("first violation: none of a legal plan") {
  CHECK(first_violation(small_gpt(), small_training(), plain_plan(4, 2, 2), 16) == nullptr);
}

TEST_CASE("first violation: the first rule in the order of violations()") {
  // 4 x 3 ranks are not 16, and 8 heads do not divide by 3: the degrees come first.
  CHECK(first(plain_plan(4, 3), 16) == "E401");
  CHECK(first(plain_plan(4, 3), 12) == "E402");
  // 4 layers do not divide into 8 stages; 16 sequences not into 3 replicas: stages come first.
  CHECK(first(plain_plan(3, 1, 8), 24) == "E405");
  CHECK(first(plain_plan(3), 3) == "E406");
  Plan plan = plain_plan(16);
  plan.recompute_parts = "mlp, nothing-that-a-layer-has";
  CHECK(first(plan, 16) == "E429");
  plan.recompute = Recompute::selective;
  CHECK(first(plan, 16) == "E428");
  plan.recompute_parts = "moe";
  CHECK(first(plan, 16) == "E435");
  plan.recompute_parts = "mlp";
  CHECK(first(plan, 16).empty());
}

// Any plans, legal and not: one dimension after the other drawn from values that break rules.
TEST_CASE("first violation: what violations() says first, for any plan") {
  std::mt19937 engine(3);
  const auto one_of = [&](std::initializer_list<std::int64_t> values) {
    return *(values.begin() +
             std::uniform_int_distribution<std::size_t>(0, values.size() - 1)(engine));
  };
  std::set<std::string> seen;
  for (int i = 0; i < 5000; ++i) {
    Model model = small_gpt();
    model.experts.count = one_of({0, 8});
    Plan plan = plain_plan(one_of({1, 2, 3, 4}), one_of({1, 2, 4}), one_of({1, 2, 8}));
    plan.sequence_parallel = one_of({0, 1}) == 1;
    plan.context.degree = one_of({1, 2, 3});
    plan.expert.degree = one_of({1, 1, 2, 3});
    plan.pipeline.interleave = one_of({1, 1, 2});
    plan.pipeline.schedule = one_of({0, 3}) == 0 ? "zb-v" : "1f1b";
    plan.placement = one_of({0, 3}) == 0 ? "tp-cp-pp-dp" : "tp-dp-pp";
    plan.sharding = static_cast<Sharding>(one_of({0, 1, 3}));
    plan.shard_group = one_of({0, 0, 2});
    plan.recompute = static_cast<Recompute>(one_of({0, 1, 2}));
    plan.recompute_every = one_of({1, 2});
    plan.offload.weights = one_of({0, 0, 1}) == 1 ? 0.5 : 0;
    plan.sync.prefetch = one_of({-1, 1});
    const std::int64_t gpus =
        one_of({0, 0, 1}) == 1
            ? 16
            : plan.tensor * plan.data * plan.context.degree * plan.pipeline.stages;
    const auto all = violations(model, small_training(), plan, gpus);
    const char* code = first_violation(model, small_training(), plan, gpus);
    REQUIRE((code == nullptr) == all.empty());
    if (code == nullptr) continue;
    CHECK(code == all.front().code);
    seen.insert(code);
  }
  CHECK(seen.size() > 10);  // the draw reaches many rules
}
