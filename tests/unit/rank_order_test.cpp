#include "strategies/rank_order.hpp"

#include "tests/catch.hpp"
#include "tests/support/round_numbers.hpp"

using namespace lockstep;
using namespace lockstep::testing;

namespace {

// Strides of tensor 2, context 1 or more, data 4, pipeline 8.
Plan ordered(const char* order, std::int64_t context = 1) {
  Plan plan = plain_plan(4, 2, 8);
  plan.context.degree = context;
  plan.placement = order;
  return plan;
}

using Strides = std::vector<std::int64_t>;

Strides strides(const char* order) {
  const RankStrides found = rank_strides(ordered(order));
  return {found.tensor, found.data, found.pipeline};
}

// tensor, context, data, replicas, pipeline; context 3.
Strides with_context(const char* order) {
  const RankStrides found = rank_strides(ordered(order, 3));
  return {found.tensor, found.context, found.data, found.replicas, found.pipeline};
}

}  // namespace

TEST_CASE("rank order: the stride is the product of what lies before") {
  CHECK(strides("tp-dp-pp") == Strides{1, 2, 8});
  CHECK(strides("tp-pp-dp") == Strides{1, 16, 2});
  CHECK(strides("dp-tp-pp") == Strides{4, 1, 8});
  CHECK(strides("dp-pp-tp") == Strides{32, 1, 4});
  CHECK(strides("pp-tp-dp") == Strides{8, 16, 1});
  CHECK(strides("pp-dp-tp") == Strides{32, 8, 1});
}

TEST_CASE("rank order: context lies inside data unless the order says otherwise") {
  // tensor 2, context 3, data 4, pipeline 8.
  CHECK(with_context("tp-dp-pp") == Strides{1, 2, 6, 2, 24});
  CHECK(with_context("tp-cp-dp-pp") == Strides{1, 2, 6, 2, 24});
  CHECK(with_context("tp-pp-dp") == Strides{1, 16, 48, 16, 2});
  CHECK(with_context("tp-dp-cp-pp") == Strides{1, 8, 2, 2, 24});
  CHECK(with_context("cp-tp-pp-dp") == Strides{3, 1, 48, 1, 6});
}

TEST_CASE("rank order: experts are laid over the ranks of a stage, expert-tensor ranks innermost") {
  // A stage has tensor 2 x data 4 = 8 ranks: 4 experts, apart by the tensor degree; one copy.
  Plan plan = ordered("tp-dp-pp");
  plan.expert.degree = 4;
  CHECK(rank_strides(plan).expert == 2);
  // Whole experts: neighbours hold different ones; the other copy is 4 ranks on.
  plan.expert.tensor = 1;
  CHECK(rank_strides(plan).expert == 1);
  CHECK(rank_strides(plan).expert_data == 4);
  // Data outside the pipeline's 8 stages: neighbours beyond the tensor ranks are 8 times as far.
  plan.placement = "tp-pp-dp";
  plan.expert.tensor = 2;
  CHECK(rank_strides(plan).expert == 16);
}

TEST_CASE("rank order: groups with a gap are named") {
  CHECK(uneven_groups(ordered("cp-tp-dp-pp", 3)) ==
        "context and data ranks hold the same parameters, and this order puts another dimension "
        "between them");
  CHECK(uneven_groups(ordered("tp-cp-dp-pp", 3)).empty());
  CHECK(uneven_groups(ordered("cp-tp-dp-pp")).empty());
  Plan plan = ordered("tp-pp-dp");
  plan.expert.degree = 8;
  plan.expert.tensor = 1;
  CHECK(uneven_groups(plan) ==
        "this order puts pipeline stages between the ranks of an expert group");
  plan.placement = "tp-dp-pp";
  CHECK(uneven_groups(plan).empty());
}

TEST_CASE("rank order: anything else is no order") {
  for (const char* order : {"", "tp", "tp-dp", "tp-dp-dp", "tp-dp-cp", "tp_dp_pp", "TP-DP-PP",
                            "tp-dp-pp-", "dp-pp-tp-tp", "cp-cp-tp-dp", "tp-cp-dp-pp-cp"})
    CHECK_FALSE(rank_order(order));
}

TEST_CASE("rank order: a plan says what is wrong with it") {
  Plan plan = plain_plan(4, 2, 2);
  plan.placement = "tensor-data-pipeline";
  const auto found = violations(small_gpt(), small_training(), plan, 16);
  REQUIRE(found.size() == 1);
  CHECK(found[0].code == "E418");
  CHECK(found[0].field == "placement");
  CHECK(found[0].message == "'tensor-data-pipeline' is not an order of tp, dp and pp (and cp)");
  CHECK(found[0].hint ==
        "each once, with hyphens, the first on neighbouring GPUs: tp-dp-pp (as Megatron places "
        "them), tp-cp-dp-pp, tp-pp-dp, ...");
}
