#include "strategies/plan.hpp"

#include "tests/catch.hpp"
#include "tests/support/round_numbers.hpp"

using namespace lockstep;
using namespace lockstep::testing;

namespace {

std::vector<std::string> codes(const Plan& plan, std::int64_t gpus, std::int64_t global_batch = 16,
                               const Model& model = small_gpt()) {
  std::vector<std::string> result;
  for (const Violation& violation : violations(model, small_training(global_batch), plan, gpus)) {
    result.push_back(violation.code);
    CHECK_FALSE(violation.message.empty());
    CHECK_FALSE(violation.hint.empty());
  }
  return result;
}

using Codes = std::vector<std::string>;

}  // namespace

TEST_CASE("plan: a legal plan breaks no rule") {
  CHECK(codes(plain_plan(4, 2, 2), 16) == Codes{});
}

TEST_CASE("plan: degrees must multiply to the GPUs, and the message does the sum") {
  const auto found = violations(small_gpt(), small_training(), plain_plan(2, 2, 2), 16);
  REQUIRE(found.size() == 1);
  CHECK(found[0].code == "E401");
  CHECK(found[0].message ==
        "data 2 x tensor 2 x pipeline stages 2 = 8 ranks, but the cluster has 16 GPUs");
  CHECK(found[0].hint == "data: 4 would fill the cluster (or leave data out: it is derived)");
}

TEST_CASE("plan: huge degrees do not overflow into a legal product") {
  Plan plan = plain_plan(std::int64_t{1} << 40, std::int64_t{1} << 40, 1);
  const Codes found = codes(plan, 16);
  CHECK(std::find(found.begin(), found.end(), "E401") != found.end());
}

TEST_CASE("plan: heads and widths must divide by tensor") {
  Model model = small_gpt();
  model.heads = 9;
  CHECK(codes(plain_plan(8, 2), 16, 16, model) == Codes{"E402"});
  model = small_gpt();
  model.kv_heads = 3;
  CHECK(codes(plain_plan(8, 2), 16, 16, model) == Codes{"E403"});
  model.kv_heads = 1;  // one key/value head is replicated
  CHECK(codes(plain_plan(8, 2), 16, 16, model) == Codes{});
  model = small_gpt();
  model.ffn_hidden = 1001;
  CHECK(codes(plain_plan(8, 2), 16, 16, model) == Codes{"E404"});
}

TEST_CASE("plan: sequence parallelism needs tensor parallelism and a divisible sequence") {
  Plan plan = plain_plan(16);
  plan.sequence_parallel = true;
  CHECK(codes(plan, 16) == Codes{"E408"});
  plan = plain_plan(2, 8);
  plan.sequence_parallel = true;
  Training training = small_training();
  training.sequence_length = 1023;
  CHECK(violations(small_gpt(), training, plan, 16).front().code == "E412");
}

TEST_CASE("plan: pipeline rules") {
  CHECK(codes(plain_plan(2, 1, 8), 16) == Codes{"E405"});  // 4 layers on 8 stages
  Plan plan = plain_plan(16);
  plan.pipeline.interleave = 2;
  CHECK(codes(plan, 16) == Codes{"E413"});
  plan = plain_plan(8, 1, 2);
  plan.pipeline.schedule = "1f1c";
  CHECK(codes(plan, 16) == Codes{"E407"});
  plan.pipeline.schedule = "gpipe";
  plan.pipeline.interleave = 2;
  CHECK(codes(plan, 16) == Codes{"E414"});
  Violation broken = violations(small_gpt(), small_training(), plan, 16).front();
  CHECK(broken.message == "schedule gpipe has one chunk per stage");
  CHECK(broken.hint == "set interleave: 1 or schedule: 1f1b");
  plan.pipeline.schedule = "zb-h1";
  CHECK(codes(plan, 16) == Codes{"E414"});
  plan.pipeline.schedule = "zb-v";  // two chunks of one layer on each of two stages
  CHECK(codes(plan, 16) == Codes{});
  CHECK(codes(plan, 16, 24) == Codes{});  // 3 micro-batches: its order has no groups
  plan.pipeline.interleave = 1;
  CHECK(codes(plan, 16) == Codes{"E414"});
  broken = violations(small_gpt(), small_training(), plan, 16).front();
  CHECK(broken.message == "schedule zb-v has two chunks per stage");
  CHECK(broken.hint == "set interleave: 2 or schedule: 1f1b");
  plan.pipeline.stages = 1;
  plan.data = 16;
  broken = violations(small_gpt(), small_training(), plan, 16).front();
  CHECK(broken.hint == "set stages above 1 and interleave: 2, or schedule: 1f1b");
  plan.pipeline.interleave = 2;
  broken = violations(small_gpt(), small_training(), plan, 16).front();
  CHECK(broken.code == "E413");
  CHECK(broken.hint == "set stages above 1, or interleave: 1 and schedule: 1f1b");
  plan = plain_plan(8, 1, 2);
  plan.pipeline.interleave = 2;
  CHECK(codes(plan, 16, 24) == Codes{"E415"});  // 3 micro-batches on 2 interleaved stages
  CHECK(codes(plan, 16, 32) == Codes{});
}

TEST_CASE("plan: the batch must divide") {
  Plan plan = plain_plan(16);
  plan.micro_batch = 3;
  CHECK(codes(plan, 16) == Codes{"E406"});
}

TEST_CASE("plan: sharding and recompute keys that contradict each other") {
  Plan plan = plain_plan(16);
  plan.shard_group = 8;
  CHECK(codes(plan, 16) == Codes{"E410"});
  plan.sharding = Sharding::fsdp;
  CHECK(codes(plan, 16) == Codes{});
  plan.shard_group = 5;
  CHECK(codes(plan, 16) == Codes{"E409"});
  plan = plain_plan(16);
  plan.recompute_every = 2;
  CHECK(codes(plan, 16) == Codes{"E416"});
  plan.recompute = Recompute::full;
  plan.recompute_layers = 1;
  CHECK(codes(plan, 16) == Codes{"E417"});
}

TEST_CASE("plan: every broken rule is reported at once") {
  Plan plan = plain_plan(3, 16, 3);
  plan.shard_group = 2;
  CHECK(codes(plan, 64) == Codes{"E401", "E402", "E405", "E406", "E410", "E409"});
}

TEST_CASE("plan: the data degree is what the GPUs leave") {
  CHECK(resolve_data_degree(plain_plan(0, 4, 2), 64) == 8);
  CHECK(resolve_data_degree(plain_plan(3, 4, 2), 64) == 3);
  CHECK(resolve_data_degree(plain_plan(0, 128), 64) == 1);
}
