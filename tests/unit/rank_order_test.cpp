#include "strategies/rank_order.hpp"

#include "tests/catch.hpp"
#include "tests/support/round_numbers.hpp"

using namespace lockstep;
using namespace lockstep::testing;

namespace {

// Strides of tensor 2, data 4, pipeline 8.
std::vector<std::int64_t> strides(const char* order) {
  const auto found = rank_strides(order, 2, 4, 8);
  if (!found) return {};
  return {found->tensor, found->data, found->pipeline};
}

using Strides = std::vector<std::int64_t>;

}  // namespace

TEST_CASE("rank order: the stride is the product of what lies before") {
  CHECK(strides("tp-dp-pp") == Strides{1, 2, 8});
  CHECK(strides("tp-pp-dp") == Strides{1, 16, 2});
  CHECK(strides("dp-tp-pp") == Strides{4, 1, 8});
  CHECK(strides("dp-pp-tp") == Strides{32, 1, 4});
  CHECK(strides("pp-tp-dp") == Strides{8, 16, 1});
  CHECK(strides("pp-dp-tp") == Strides{32, 8, 1});
}

TEST_CASE("rank order: anything else is no order") {
  for (const char* order : {"", "tp", "tp-dp", "tp-dp-dp", "tp-dp-cp", "tp_dp_pp", "TP-DP-PP",
                            "tp-dp-pp-", "dp-pp-tp-tp"})
    CHECK(strides(order).empty());
}

TEST_CASE("rank order: a plan says what is wrong with it") {
  Plan plan = plain_plan(4, 2, 2);
  plan.placement = "tensor-data-pipeline";
  const auto found = violations(small_gpt(), small_training(), plan, 16);
  REQUIRE(found.size() == 1);
  CHECK(found[0].code == "E418");
  CHECK(found[0].field == "placement");
  CHECK(found[0].message == "'tensor-data-pipeline' is not an order of tp, dp and pp");
  CHECK(found[0].hint ==
        "each once, with hyphens, the first on neighbouring GPUs: tp-dp-pp (as Megatron places "
        "them), "
        "tp-pp-dp, ...");
}
