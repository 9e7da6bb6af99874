// Are the flows of a plan those that its groups and calls make by hand?
#include "sim/engine/plan_traffic.hpp"

#include "tests/catch.hpp"
#include "tests/support/round_numbers.hpp"

using namespace lockstep;
using lockstep::testing::plain_plan;
using lockstep::testing::small_gpt;
using lockstep::testing::small_training;

namespace {

const Flow* flow_named(const std::vector<Flow>& flows, const std::string& name) {
  for (const Flow& flow : flows) {
    if (flow.name == name) return &flow;
  }
  return nullptr;
}

}  // namespace

TEST_CASE("ranks lie tensor innermost, then shard, replicate, pipeline", "[model][plan_traffic]") {
  Plan plan = plain_plan(8, 4, 2);
  plan.sharding = Sharding::fsdp;
  plan.shard_group = 2;
  const auto check = [&](GroupKind kind, std::int64_t degree, std::int64_t stride) {
    CHECK(group_grid(plan, kind).degree == degree);
    CHECK(group_grid(plan, kind).stride == stride);
  };
  check(GroupKind::tensor, 4, 1);
  check(GroupKind::data, 8, 4);
  check(GroupKind::shard, 2, 4);
  check(GroupKind::replicate, 4, 8);
  check(GroupKind::pipeline_neighbor, 2, 32);
  check(GroupKind::pipeline_ends, 2, 32);
  CHECK(group_grid(plan, GroupKind::pipeline_ends).ends_only);
}

TEST_CASE("a plan's flows count calls over layers and micro-batches", "[model][plan_traffic]") {
  // 4 layers, hidden 1024, 16 sequences of 1024; tp 2, pp 2, dp 2: 8 micro-batches of one sequence.
  const Plan plan = plain_plan(2, 2, 2);
  const std::vector<Flow> flows = plan_flows(plan, lower(small_gpt(), small_training(), plan));

  // Activations of 1024 * 1024 * 2 B = 2 MiB. Two all-reduces a layer forward and two backward, two
  // layers a stage, 8 micro-batches: 64 calls; embedding and head add to them on the ends.
  const Flow* tensor = flow_named(flows, "tensor all-reduce");
  REQUIRE(tensor != nullptr);
  CHECK(tensor->degree == 2);
  CHECK(tensor->stride == 1);
  CHECK(tensor->bytes.value() == Approx(0x1p21));
  CHECK(tensor->calls >= 64);
  CHECK(tensor->calls <= 64 + 16);

  // One call a step of the gradients of a stage.
  const Flow* gradient = flow_named(flows, "gradient all-reduce");
  REQUIRE(gradient != nullptr);
  CHECK(gradient->degree == 2);
  CHECK(gradient->stride == 2);
  CHECK(gradient->calls == 1);

  // One activation on and one gradient back for every micro-batch, no wrap.
  const Flow& pipeline = flows.back();
  CHECK(pipeline.collective == Collective::send_recv);
  CHECK(pipeline.degree == 2);
  CHECK(pipeline.stride == 4);
  CHECK(pipeline.calls == 8);
  CHECK(pipeline.wrap_calls == 0);
}

TEST_CASE("interleaving sends once per chunk and wraps round", "[model][plan_traffic]") {
  Plan plan = plain_plan(1, 1, 2);
  plan.pipeline.interleave = 2;
  const std::vector<Flow> flows = plan_flows(plan, lower(small_gpt(), small_training(), plan));
  REQUIRE_FALSE(flows.empty());
  CHECK(flows.back().calls == 2 * 16);
  CHECK(flows.back().wrap_calls == 16);
}

TEST_CASE("one GPU sends nothing", "[model][plan_traffic]") {
  const Plan plan = plain_plan(1);
  const LinkLoads loads = link_loads(lockstep::testing::round_cluster(1),
                                     plan_flows(plan, lower(small_gpt(), small_training(), plan)));
  CHECK(loads.classes.empty());
}
