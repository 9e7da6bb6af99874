// Does an explanation of every bundled scenario agree with predictions and with itself?
#include "sim/explain/explanation.hpp"

#include <cmath>
#include <string>

#include "sim/explain/scalars.hpp"
#include "sim/explain/step_curve.hpp"
#include "tests/catch.hpp"
#include "tests/scenario/bundled.hpp"

using namespace lockstep;

namespace {

constexpr double sums = 1e-9;
constexpr double rounding = 1e-10;

Report report_of(const std::filesystem::path& file) {
  const Catalog catalog(std::string(LOCKSTEP_TEST_SOURCE_DIR) + "/scenarios");
  return simulate(load_scenario(file, catalog, IllegalPlans::keep));
}

void check(const Report& report, const Explanation& why) {
  const PlanReport& plan = report.plans[why.plan];
  const double step = plan.step_time_s.value;
  double partition = 0;
  for (const PartitionLine& line : plan.step.partition) partition += line.time.value();
  CHECK(partition == Approx(step).epsilon(sums));
  double shares = 0;
  for (const LedgerEntry& entry : why.ledger) shares += entry.share;
  CHECK(shares == Approx(1.0).epsilon(sums));
  double last = 1e9;
  for (const ScalarEffect& one : why.sensitivities.scalars) {
    CHECK(one.largest() <= last);
    last = one.largest();
    CAPTURE(one.path);
    for (const auto* side : {&one.down, &one.up}) {
      if (!*side || !(*side)->answer.legal) continue;
      CHECK(std::isfinite((*side)->effect));
      CHECK((*side)->answer.step_time_s > 0);
    }
  }
  for (const Hiding& one : why.hidings) {
    CHECK(one.exposed_s <= one.in_all_s * (1 + sums) + sums * step);
    CHECK_FALSE(statement_of(one).empty());
  }
  for (const Lint& one : why.lints) {
    CAPTURE(one.name);
    CHECK(one.seconds.value_or(0) >= 0);
    CHECK(one.seconds.value_or(0) <= step);
  }
  CHECK(why.peak.bytes == Approx(plan.peak_memory_bytes.value).epsilon(sums));
  if (why.second) CHECK(why.second->bytes <= why.peak.bytes);
  for (const BreakEven& one : why.break_evens) {
    CAPTURE(one.path, one.against);
    CHECK(one.value.has_value() == (one.crossings > 0));
    CHECK((one.wins_below == one.wins_above) == !one.value);
  }
}

}  // namespace

TEST_CASE("explain: the best plan of every bundled scenario, against its second") {
  for (const auto& file : test::bundled_scenarios()) {
    CAPTURE(file.filename().string());
    const Report report = report_of(file);
    if (report.ranking.empty()) continue;  // only `search:`
    const std::size_t best = report.ranking.front();
    if (!report.plans[best].legal) continue;
    ExplainOptions options;
    options.scenario_file = "s.yaml";
    if (report.ranking.size() > 1 && report.plans[report.ranking[1]].legal) {
      options.against = report.plans[report.ranking[1]].plan.name;
    }
    options.measured = Measured{MeasuredQuantity::step_time, report.plans[best].step_time_s.value * 1.3};
    const Explanation why = explain(report, best, options);
    check(report, why);
    if (!why.against) continue;
    double terms = 0;
    for (const DifferenceTerm& term : why.against->terms) terms += term.difference();
    CHECK(terms == Approx(why.against->step_time_s - why.against->against_step_time_s)
                       .margin(sums * why.against->step_time_s));
  }
}

// The curves that sensitivities, kinks and break-evens are taken from are the engine's own.
TEST_CASE("explain: a constant's curve is what predicting with it gives") {
  for (const char* name : {"llama3-70b-64xh100", "mixtral-8x7b-64xh100", "korthikanti-530b"}) {
    const Report report = report_of(std::string(LOCKSTEP_TEST_SOURCE_DIR) + "/scenarios/" + name + ".yaml");
    const PlanReport& plan = report.plans[report.ranking.front()];
    const Question question = question_of(report.scenario, plan);
    StepCurves curves(question, plan);
    for (const Dial& dial : dials(question)) {
      if (!curves.has(dial.path)) continue;
      Question moved = question;
      double& value = dial.in(moved);
      const double now = value;
      for (const double factor : {0.6, 1.0}) {
        value = now * factor;
        CAPTURE(name, dial.path, factor);
        CHECK(curves.at(dial.path, value) ==
              Approx(predicted(moved).step_time_s.value).epsilon(rounding));
      }
      value = now;
    }
  }
}

// More bandwidth, and more of the peak, never take longer, but where NCCL's tables of speeds step.
TEST_CASE("explain: faster matrix units and memory never slow a step") {
  for (const auto& file : test::bundled_scenarios()) {
    const Report report = report_of(file);
    if (report.ranking.empty() || !report.plans[report.ranking.front()].legal) continue;
    const PlanReport& plan = report.plans[report.ranking.front()];
    const Question question = question_of(report.scenario, plan);
    CAPTURE(file.filename().string());
    StepCurves curves(question, plan);
    Question copy = question;
    for (const std::string& path :
         {peak_path(question.training.linear_dtype()), std::string("gpu.memory_bandwidth")}) {
      const double now = dial(path, question).in(copy);
      double last = curves.at(path, now / 4);
      for (const double factor : {0.5, 1.0, 2.0, 4.0}) {
        const double seconds = curves.at(path, now * factor);
        CHECK(seconds <= last * (1 + rounding));
        last = seconds;
      }
    }
  }
}
