// Is every part of an explanation what its header promises?
#include "sim/explain/explanation.hpp"

#include <algorithm>
#include <cmath>
#include <string>

#include "sim/explain/changed_settings.hpp"
#include "sim/report/explain_words.hpp"
#include "tests/catch.hpp"
#include "tests/support/questions.hpp"

using namespace lockstep;
using namespace lockstep::testing;

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
  CHECK(settings_text(half.settings) == "cluster.system.nic_bandwidth=5.00 GB/s");
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

// 1979 TFLOP/s is not 1978.8: a text that people read is taken only where it is the number.
TEST_CASE("settings: values read back as the same numbers") {
  CHECK(exact_text(900e9, Dimension::bytes_per_second) == "900 GB/s");
  for (const double value : {1978.8e12, 989.4e12 / 3, 1.0 / 3}) {
    const ParsedQuantity read =
        parse_quantity(exact_text(value, Dimension::flops_per_second), Dimension::flops_per_second);
    REQUIRE(read);
    CHECK(*read.value == Approx(value).epsilon(1e-15));
  }
}

TEST_CASE("settings: everything that a change touches is named") {
  Question question = question_on(1, plain_plan(2, 4));
  question.plan.sequence_parallel = true;
  question.plan.name = "a";
  const std::vector<Counterfactual> all = counterfactuals(question, predicted(question));
  CHECK(settings_text(find(all, "tp 2 instead of 4").settings) == "plans.a.data=4, plans.a.tensor=2");
  CHECK(settings_text(find(all, "without sequence parallelism").settings) ==
        "plans.a.sequence_parallel=false");
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
  one.crossings = 2;
  one.other_values = {2e9};
  CHECK(statement_of(one) ==
        "b beats a while the bandwidth of a NIC stays below 800 Gb/s (now 400 Gb/s); the order turns "
        "also at 16.0 Gb/s");
  one.other_values.clear();
  one.wins_above.clear();
  CHECK(statement_of(one) ==
        "b beats a while the bandwidth of a NIC stays below 800 Gb/s (now 400 Gb/s); else they are "
        "equally fast");
  // Where it stands they tie: who wins beyond is said.
  one.wins_below.clear();
  one.wins_above = "a";
  CHECK(statement_of(one) ==
        "a beats b while the bandwidth of a NIC exceeds 800 Gb/s (now 400 Gb/s); else they are "
        "equally fast");
}
