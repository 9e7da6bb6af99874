// The groups that a row belongs to.
#include "tests/catch.hpp"

#include "validate/run_facts.hpp"

using namespace lockstep;

namespace {

Plan plan(std::int64_t tensor, std::int64_t stages, std::int64_t data,
          Sharding sharding = Sharding::none) {
  Plan plan;
  plan.tensor = tensor;
  plan.pipeline.stages = stages;
  plan.data = data;
  plan.sharding = sharding;
  return plan;
}

}  // namespace

TEST_CASE("Facts: the rarest technique names a plan's parallelism", "[unit]") {
  CHECK(parallelism_class(plan(1, 1, 1)) == "one GPU");
  CHECK(parallelism_class(plan(1, 1, 8)) == "DP/ZeRO");
  CHECK(parallelism_class(plan(1, 1, 8, Sharding::optimizer)) == "DP/ZeRO");
  CHECK(parallelism_class(plan(1, 1, 8, Sharding::fsdp)) == "FSDP");
  CHECK(parallelism_class(plan(8, 1, 8, Sharding::fsdp)) == "TP");
  CHECK(parallelism_class(plan(1, 4, 1)) == "PP");
  CHECK(parallelism_class(plan(2, 4, 1)) == "TP+PP");
  Plan context = plan(2, 4, 1);
  context.context.degree = 2;
  CHECK(parallelism_class(context) == "CP");
  context.expert.degree = 8;
  CHECK(parallelism_class(context) == "EP");
}

TEST_CASE("Facts: a software family is the first word of the profile", "[unit]") {
  CHECK(software_family("aleph-flash2-fused-norm") == "aleph");
  CHECK(software_family("nemo") == "nemo");
}

TEST_CASE("Facts: plans that differ in anything a user chooses have different keys", "[unit]") {
  const Plan base = plan(2, 4, 8);
  CHECK(plan_key(base) == plan_key(plan(2, 4, 8)));
  Plan changed = base;
  changed.micro_batch = 2;
  CHECK(plan_key(changed) != plan_key(base));
  changed = base;
  changed.recompute = Recompute::full;
  CHECK(plan_key(changed) != plan_key(base));
  changed = base;
  changed.pipeline.interleave = 2;
  CHECK(plan_key(changed) != plan_key(base));
}
