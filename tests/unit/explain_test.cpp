// Is every part of an explanation what its header promises?
#include "sim/explain/explanation.hpp"

#include <cmath>
#include <string>

#include "sim/explain/scalars.hpp"
#include "sim/explain/step_curve.hpp"
#include "sim/report/explain_words.hpp"
#include "tests/catch.hpp"
#include "tests/support/round_numbers.hpp"

using namespace lockstep;
using namespace lockstep::testing;

namespace {

Question question_on(std::int64_t nodes, const Plan& plan) {
  Question question;
  question.model = small_gpt();
  question.training = small_training();
  question.cluster = round_cluster(nodes);
  question.plan = plan;
  return question;
}

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

const Counterfactual& find(const std::vector<Counterfactual>& all, const std::string& name) {
  for (const Counterfactual& one : all) {
    if (one.name == name) return one;
  }
  throw std::logic_error("no change " + name);
}

}  // namespace

TEST_CASE("answer: a rule that is broken, memory that is too small, and a plan that runs") {
  Question question = question_on(2, plain_plan(16));
  const Answer runs = answer(question);
  CHECK(runs.legal);
  CHECK(runs.feasible);
  CHECK(runs.problem.empty());
  CHECK(runs.step_time_s > 0);
  question.plan.tensor = 3;
  const Answer broken = answer(question);
  CHECK_FALSE(broken.legal);
  CHECK_FALSE(broken.problem.empty());
  CHECK(broken.step_time_s == 0);
  question.plan.tensor = 1;
  question.cluster.system.gpu.memory_capacity = Constant(Bytes{1e9});
  const Answer large = answer(question);
  CHECK(large.legal);
  CHECK_FALSE(large.feasible);
  CHECK_THAT(large.problem, Catch::Matchers::Contains("needs "));
  question.training.precision = Precision::fp8;
  CHECK(answer(question).problem == "the GPU has no fp8 matrix units");
}

TEST_CASE("answer: the data degree is what is left of the GPUs") {
  Question question = question_on(2, plain_plan(16));
  question.plan.tensor = 4;
  CHECK(predicted(question).plan.data == 4);
}

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

TEST_CASE("changes: each is the prediction with that change alone") {
  const Question question = question_on(2, plain_plan(2, 8));
  const PlanReport report = predicted(question);
  const std::vector<Counterfactual> all = counterfactuals(question, report);
  Question nic = question;
  nic.cluster.system.nic_bandwidth.value /= 2;
  const Counterfactual& half = find(all, "NICs half as fast");
  CHECK(half.answer.step_time_s == predicted(nic).step_time_s.value);
  CHECK(half.gain == Approx(report.step_time_s.value / half.answer.step_time_s - 1));
  CHECK(half.may_go_unseen);
  CHECK(half.setting == "cluster.system.nic_bandwidth = 5.00 GB/s");
  CHECK_FALSE(find(all, "NICs twice as fast").may_go_unseen);
  Question dead = question;
  dead.cluster.failed = {"node0.nic0"};
  CHECK(find(all, "a dead NIC").answer.step_time_s == predicted(dead).step_time_s.value);
  Question parallel = question;
  parallel.plan.sequence_parallel = true;
  CHECK(find(all, "with sequence parallelism").answer.step_time_s ==
        predicted(parallel).step_time_s.value);
  // A batch twice as large takes longer, and counts by its tokens.
  const Counterfactual& batch = find(all, "twice the global batch");
  CHECK(batch.answer.step_time_s > report.step_time_s.value);
  CHECK(batch.gain > 0);
  // What breaks a rule has no numbers, and stands last.
  CHECK_FALSE(all.back().answer.legal);
  CHECK(all.front().answer.feasible);
}

TEST_CASE("changes: what does not fit stands behind what does, by gain") {
  Question question = question_on(1, plain_plan(8));
  question.plan.recompute = Recompute::full;
  question.cluster.system.gpu.memory_capacity =
      Constant(Bytes{answer(question).peak_memory_bytes * 1.001});
  const std::vector<Counterfactual> all = counterfactuals(question, predicted(question));
  const Counterfactual& none = find(all, "no recompute");
  CHECK(none.answer.legal);
  CHECK_FALSE(none.answer.feasible);
  CHECK(none.gain > 0);
  int rank = 0;
  double gain = 1e9;
  for (const Counterfactual& one : all) {
    const int here = !one.answer.legal ? 2 : one.answer.feasible ? 0 : 1;
    CHECK(here >= rank);
    if (here > rank) gain = 1e9;
    rank = here;
    if (here == 2) continue;
    CHECK(one.gain <= gain);
    gain = one.gain;
  }
}

TEST_CASE("against: terms sum to the difference, of time and of memory") {
  const Question a = question_on(2, plain_plan(2, 8));
  Plan sharded = plain_plan(16);
  sharded.name = "fsdp";
  sharded.sharding = Sharding::fsdp;
  sharded.micro_batch = 1;
  const Question b = question_on(2, sharded);
  const PlanReport of_a = predicted(a);
  const PlanReport of_b = predicted(b);
  const Against result = against(a, of_a, of_b);
  double seconds = 0;
  for (const DifferenceTerm& term : result.terms) seconds += term.difference();
  CHECK(seconds == Approx(of_a.step_time_s.value - of_b.step_time_s.value).margin(1e-9 * of_a.step_time_s.value));
  double bytes = 0;
  for (const DifferenceTerm& term : result.memory) bytes += term.difference();
  CHECK(bytes == Approx(of_a.peak_memory_bytes.value - of_b.peak_memory_bytes.value).epsilon(1e-9));
  // tp 1, and sharding, each alone in the first plan.
  REQUIRE(result.changes.size() == 2);
  for (const SingleChange& change : result.changes) {
    Question changed = a;
    if (change.difference.key == "tensor") changed.plan.tensor = 1;
    if (change.difference.key == "sharding") changed.plan.sharding = Sharding::fsdp;
    CHECK(change.seconds ==
          Approx(predicted(changed).step_time_s.value - of_a.step_time_s.value).margin(1e-12));
  }
}

TEST_CASE("measured: inside the interval nothing needs explaining") {
  const Question question = question_on(1, plain_plan(8));
  PlanReport report = predicted(question);
  report.step_time_s.low = report.step_time_s.value * 0.9;
  report.step_time_s.high = report.step_time_s.value * 1.1;
  report.distribution.lower = report.distribution.upper = 0.06;
  const Measured measured{MeasuredQuantity::step_time, report.step_time_s.value * 1.05};
  const MeasuredGap gap = measured_gap(question, report, measured, {}, "s.yaml");
  CHECK(gap.inside);
  CHECK(gap.next == "nothing: the measurement lies within the 90 % interval");
  // P(longer than 5 % more) with one standard deviation of 6 %.
  CHECK(gap.probability == Approx(0.5 * std::erfc(std::log(1.05) / 0.06 / std::sqrt(2.0))).epsilon(1e-6));
}

// Twice the throughput is half the step; both say the same of the model itself.
TEST_CASE("measured: throughput and MFU are step times") {
  const Question question = question_on(1, plain_plan(8));
  PlanReport report = predicted(question);
  report.distribution.lower = report.distribution.upper = 0.1;
  const auto deviations = [&](const Measured& measured) {
    const MeasuredGap gap = measured_gap(question, report, measured, {}, "s.yaml");
    for (const Hypothesis& one : gap.hypotheses) {
      if (one.name == "the model itself") return one.deviations;
    }
    return -1.0;
  };
  const double wanted = std::log(2.0) / 0.1;
  CHECK(deviations({MeasuredQuantity::step_time, report.step_time_s.value / 2}) == Approx(wanted));
  CHECK(deviations({MeasuredQuantity::tokens_per_s_per_gpu,
                    report.tokens_per_s_per_gpu.value * 2}) == Approx(wanted));
  CHECK(deviations({MeasuredQuantity::mfu, report.mfu.value * 2}) == Approx(wanted));
}

// An event that predicts just what was measured is given the odds of two standard deviations.
TEST_CASE("measured: an event that fits exactly counts two standard deviations") {
  Question question = question_on(2, plain_plan(2, 8));
  PlanReport report = predicted(question);
  report.distribution.lower = report.distribution.upper = 0.05;
  const std::vector<Counterfactual> changes = counterfactuals(question, report);
  const double measured = find(changes, "NVLink half as fast").answer.step_time_s;
  const MeasuredGap gap = measured_gap(question, report, {MeasuredQuantity::step_time, measured},
                                       changes, "s.yaml");
  const auto event = std::find_if(gap.hypotheses.begin(), gap.hypotheses.end(), [](const Hypothesis& one) {
    return one.name == "NVLink half as fast";
  });
  REQUIRE(event != gap.hypotheses.end());
  CHECK(event->deviations == Approx(2.0).epsilon(1e-9));
  CHECK(event->explained == Approx(1.0).epsilon(1e-9));
  double last = 0;
  for (const Hypothesis& one : gap.hypotheses) {
    CHECK(one.deviations >= last);
    last = one.deviations;
    CHECK(one.plausibility == Approx(std::erfc(one.deviations / std::sqrt(2.0))));
  }
}

TEST_CASE("measured: memory is explained by what memory depends on") {
  Question question = question_on(1, plain_plan(8));
  question.plan.software.context_bytes = Constant(Bytes{1e9}, Provenance::assumed, 0.2, "x");
  const PlanReport report = predicted(question);
  const double measured = report.peak_memory_bytes.value + 1e9;
  const MeasuredGap gap = measured_gap(question, report, {MeasuredQuantity::peak_memory, measured}, {}, "s.yaml");
  const auto context = std::find_if(gap.hypotheses.begin(), gap.hypotheses.end(), [](const Hypothesis& one) {
    return one.name == "software.context_bytes";
  });
  REQUIRE(context != gap.hypotheses.end());
  CHECK(*context->needed == Approx(2e9).epsilon(1e-6));
  CHECK(context->deviations == Approx(std::log(2.0) / 0.2).epsilon(1e-6));
}

TEST_CASE("explain words: what turns no order is a sentence for each scalar") {
  BreakEven a;
  a.plan = "mine";
  a.against = "slow";
  a.path = "system.link_bandwidth";
  a.text = "bandwidth of a link";
  a.dimension = Dimension::bytes_per_second;
  a.low = 1e9;
  a.high = 2e9;
  a.wins_below = a.wins_above = "mine";
  BreakEven b = a;
  b.against = "fast";
  b.wins_below = b.wins_above = "fast";
  BreakEven crossing = a;
  crossing.value = 1.5e9;
  const std::vector<std::string> words = without_break_even({a, b, crossing});
  REQUIRE(words.size() == 1);
  CHECK(words[0] ==
        "no bandwidth of a link between 1.00 GB/s and 2.00 GB/s turns the order: mine is always faster "
        "than slow, and slower than fast");
}

TEST_CASE("explain words: a break-even says who beats whom where") {
  BreakEven one;
  one.plan = "a";
  one.against = "b";
  one.path = "system.nic_bandwidth";
  one.text = "bandwidth of a NIC";
  one.dimension = Dimension::bytes_per_second;
  one.now = 50e9;
  one.value = 10e9;
  one.crossings = 1;
  one.wins_below = "b";
  one.wins_above = "a";
  one.effective = EffectiveBandwidth{"layer all-gather across nodes", 320e9, 43e9};
  CHECK(statement_of(one) ==
        "a beats b while the bandwidth of a NIC exceeds 80.0 Gb/s (now 400 Gb/s): the layer all-gather "
        "across nodes at 43.0 GB/s, now 320 GB/s");
  one.value = 100e9;
  one.effective.reset();
  one.crossings = 3;
  CHECK(statement_of(one) ==
        "b beats a while the bandwidth of a NIC stays below 800 Gb/s (now 400 Gb/s); the order turns 3 "
        "times in all");
}
