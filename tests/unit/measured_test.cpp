// Is a measurement explained by what could explain it?
#include "sim/explain/measured.hpp"

#include <algorithm>
#include <cmath>
#include <string>

#include "tests/catch.hpp"
#include "tests/support/questions.hpp"

using namespace lockstep;
using namespace lockstep::testing;

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

TEST_CASE("measured: the prediction itself leaves nothing to explain") {
  const Question question = question_on(2, plain_plan(2, 8));
  PlanReport report = predicted(question);
  report.distribution.lower = report.distribution.upper = 0.05;
  const MeasuredGap gap = measured_gap(question, report, {MeasuredQuantity::step_time, report.step_time_s.value},
                                       counterfactuals(question, report), "s.yaml");
  CHECK(gap.hypotheses.empty());
  CHECK(gap.error == 0);
}

TEST_CASE("measured: a plan that cannot have run explains nothing") {
  Question question = question_on(1, plain_plan(8));
  question.plan.recompute = Recompute::full;
  question.cluster.system.gpu.memory_capacity = Constant(Bytes{answer(question).peak_memory_bytes * 1.001});
  PlanReport report = predicted(question);
  report.distribution.lower = report.distribution.upper = 0.05;
  const std::vector<Counterfactual> changes = counterfactuals(question, report);
  const double measured = find(changes, "no recompute").answer.step_time_s;
  const MeasuredGap gap =
      measured_gap(question, report, {MeasuredQuantity::step_time, measured}, changes, "s.yaml");
  for (const Hypothesis& one : gap.hypotheses) CHECK(one.name != "no recompute");
}

TEST_CASE("measured: what looks like a slip, and what a GPU does not have, is said") {
  const Question question = question_on(1, plain_plan(8));
  const PlanReport report = predicted(question);
  const auto note = [&](const Measured& measured) {
    return measured_gap(question, report, measured, {}, "s.yaml").note;
  };
  CHECK(note({MeasuredQuantity::step_time, 100 * report.step_time_s.value}) ==
        "That is more than ten times off: is it the right plan, and the right unit?");
  CHECK_THAT(note({MeasuredQuantity::peak_memory, 1.01 * report.usable_memory_bytes}),
             Catch::Matchers::Contains("A GPU here has 93.1 GiB only.") ||
                 Catch::Matchers::Contains("ten times off"));
  CHECK(note({MeasuredQuantity::step_time, report.step_time_s.value}).empty());
}
