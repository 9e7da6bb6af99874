// Does every lint come where its rule says, with what it costs?
#include "sim/explain/lint.hpp"

#include <string>

#include "tests/catch.hpp"
#include "tests/support/questions.hpp"

using namespace lockstep;
using namespace lockstep::testing;

namespace {

std::vector<Lint> lints_of(const Question& question) {
  const PlanReport report = predicted(question);
  INFO(report.infeasible_reason);
  REQUIRE(report.legal);
  return lints(question, report);
}

const Lint* find(const std::vector<Lint>& all, const std::string& name) {
  for (const Lint& one : all) {
    if (one.name == name) return &one;
  }
  return nullptr;
}

}  // namespace

// 16 GPUs of 8 a node: tp 16 spans two domains.
TEST_CASE("lints: tensor parallelism across domains, and what it costs") {
  Question question = question_on(2, plain_plan(1, 16));
  question.model.heads = 16;
  question.model.hidden = 2048;
  const std::vector<Lint> all = lints_of(question);
  const Lint* lint = find(all, "tensor-across-domains");
  REQUIRE(lint != nullptr);
  CHECK_THAT(lint->message, Catch::Matchers::Contains("spans 2 NVLink domains"));
  CHECK(*lint->seconds ==
        Approx(seconds_of(predicted(question), StepPart::tensor_exposed)).epsilon(1e-12));
  REQUIRE(lint->remedy);
  CHECK(lint->remedy->words == "tp 8, pp 2");
  CHECK(lint->remedy->gain > 0);
  // Inside a domain there is nothing to warn of.
  question.plan = plain_plan(2, 8);
  CHECK(find(lints_of(question), "tensor-across-domains") == nullptr);
}

// 4 stages, 2 micro-batches: at most half of the stages work at once.
TEST_CASE("lints: more stages than micro-batches") {
  Question question = question_on(1, plain_plan(2, 1, 4));
  question.training.global_batch = 4;
  const std::vector<Lint> all = lints_of(question);
  const Lint* lint = find(all, "stages-beyond-micro-batches");
  REQUIRE(lint != nullptr);
  CHECK(lint->message == "4 pipeline stages share 2 micro-batches: the pipeline never fills");
  CHECK(*lint->seconds == Approx(seconds_of(predicted(question), StepPart::bubble)));
  question.training.global_batch = 8;
  CHECK(find(lints_of(question), "stages-beyond-micro-batches") == nullptr);
}

TEST_CASE("lints: recompute that memory does not ask for") {
  Question question = question_on(1, plain_plan(8));
  question.plan.recompute = Recompute::full;
  const std::vector<Lint> all = lints_of(question);
  const Lint* lint = find(all, "needless-recompute");
  REQUIRE(lint != nullptr);
  CHECK(lint->remedy->words == "no recompute");
  CHECK(lint->remedy->answer.feasible);
  // What it costs is what the remedy saves.
  CHECK(*lint->seconds ==
        Approx(predicted(question).step_time_s.value - lint->remedy->answer.step_time_s).epsilon(1e-9));
  // Where nothing less fits, recompute is needed: 22 GB are the states and a little.
  question.plan.recompute = Recompute::none;
  const double needed = answer(question).peak_memory_bytes;
  question.plan.recompute = Recompute::full;
  question.cluster.system.gpu.memory_capacity = Constant(Bytes{needed * 0.999});
  CHECK(find(lints_of(question), "needless-recompute") == nullptr);
}

// Hidden 1000 over 8 heads of 125: no multiple of 64.
TEST_CASE("lints: widths that waste tiles") {
  Question question = question_on(1, plain_plan(8));
  question.model.hidden = 1000;
  const std::vector<Lint> all = lints_of(question);
  const Lint* lint = find(all, "ragged-widths");
  REQUIRE(lint != nullptr);
  CHECK_THAT(lint->message, Catch::Matchers::Contains("hidden 1000"));
  CHECK(*lint->seconds > 0);
  question.model.hidden = 1024;
  CHECK(find(lints_of(question), "ragged-widths") == nullptr);
}

TEST_CASE("lints: kernels that the host cannot launch fast enough") {
  Question question = question_on(1, plain_plan(8));
  question.plan.software.host_per_layer = Constant(Seconds{0.05});
  const std::vector<Lint> all = lints_of(question);
  REQUIRE(find(all, "launch-bound") != nullptr);
  CHECK(*find(all, "launch-bound")->seconds > 0);
  question.plan.software.host_per_layer = Constant(Seconds{0});
  CHECK(find(lints_of(question), "launch-bound") == nullptr);
}

TEST_CASE("lints: sequence parallelism left out, the optimizer replicated, FSDP under accumulation") {
  Question question = question_on(1, plain_plan(2, 4));
  std::vector<Lint> all = lints_of(question);
  REQUIRE(find(all, "no-sequence-parallel") != nullptr);
  CHECK(find(all, "no-sequence-parallel")->remedy->answer.peak_memory_bytes <
        predicted(question).peak_memory_bytes.value);
  REQUIRE(find(all, "replicated-optimizer") != nullptr);
  question.plan.sequence_parallel = true;
  question.plan.sharding = Sharding::optimizer;
  all = lints_of(question);
  CHECK(find(all, "no-sequence-parallel") == nullptr);
  CHECK(find(all, "replicated-optimizer") == nullptr);
  question = question_on(2, plain_plan(16));
  question.training.global_batch = 128;
  question.plan.sharding = Sharding::fsdp;
  question.cluster.system.nic_bandwidth = Constant(BytesPerSecond{1e9});
  all = lints_of(question);
  REQUIRE(find(all, "fsdp-under-accumulation") != nullptr);
  CHECK_THAT(find(all, "fsdp-under-accumulation")->message,
             Catch::Matchers::Contains("each of 8 micro-batches"));
}

// The dearest first, and every cost below the step.
TEST_CASE("lints: in the order of their costs") {
  Question question = question_on(2, plain_plan(2, 2, 4));
  question.training.global_batch = 4;
  const PlanReport report = predicted(question);
  const std::vector<Lint> all = lints(question, report);
  REQUIRE(all.size() >= 2);
  double last = report.step_time_s.value;
  for (const Lint& one : all) {
    CHECK(one.seconds.value_or(0) <= last);
    last = one.seconds.value_or(0);
  }
}

TEST_CASE("lints: tensor parallelism over PCIe") {
  Question question = question_on(1, plain_plan(1, 8));
  CHECK(find(lints_of(question), "tensor-over-pcie") == nullptr);
  question.cluster.system.intra_node = IntraNode::pcie;
  question.cluster.system.link_bandwidth = Constant(BytesPerSecond{10e9});
  const std::vector<Lint> all = lints_of(question);
  REQUIRE(find(all, "tensor-over-pcie") != nullptr);
  CHECK(*find(all, "tensor-over-pcie")->seconds ==
        Approx(seconds_of(predicted(question), StepPart::tensor_exposed)));
}
