// Does an explanation of every bundled scenario agree with predictions and with itself?
#include "sim/explain/explanation.hpp"

#include <cmath>
#include <string>

#include "sim/explain/changed_settings.hpp"
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
    CAPTURE(one.what);
    CHECK(one.exposed_s <= one.in_all_s * (1 + sums) + sums * step);
    CHECK(one.tokens.has_value() == (one.threshold == Threshold::from));
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

// What --set is told to reproduce a change does: the scenario is read anew with it.
TEST_CASE("explain: the settings of a change give the step that is told of it") {
  for (const char* name : {"llama3-70b-64xh100", "zero-bubble-vs-interleaved", "offload-small-box",
                           "hsdp-slow-fabric", "mixtral-8x7b-64xh100", "pcie-or-nvlink"}) {
    const std::string folder = std::string(LOCKSTEP_TEST_SOURCE_DIR) + "/scenarios";
    const std::string file = folder + "/" + name + ".yaml";
    const Report report = report_of(file);
    for (const std::size_t place : {report.ranking.front(), report.ranking.back()}) {
      const PlanReport& plan = report.plans[place];
      if (!plan.legal) continue;
      const Question question = question_of(report.scenario, plan);
      std::size_t checked = 0;
      for (const Counterfactual& one : counterfactuals(question, plan)) {
        if (!one.answer.legal || one.name.rfind("linears in", 0) == 0) continue;
        CAPTURE(name, plan.plan.name, one.name, settings_text(one.settings));
        const Scenario changed = load_scenario(file, Catalog(folder, one.settings), IllegalPlans::keep);
        const auto entry =
            std::find_if(changed.plans.begin(), changed.plans.end(),
                         [&](const ScenarioPlan& p) { return p.plan.name == plan.plan.name; });
        REQUIRE(entry != changed.plans.end());
        REQUIRE(entry->not_legal == "");
        CHECK(predict(changed.model, changed.training, entry->cluster, entry->plan).step_time_s.value ==
              Approx(one.answer.step_time_s).epsilon(sums));
        ++checked;
      }
      CHECK(checked > 10);
    }
  }
}

// Well above the threshold with the ends nothing of FSDP is waited for, well below it something is.
TEST_CASE("explain: FSDP's thresholds are where predictions stop to wait, tensor parallel or not") {
  const Report report =
      report_of(std::string(LOCKSTEP_TEST_SOURCE_DIR) + "/scenarios/llama3-70b-64xh100.yaml");
  std::size_t found = 0;
  for (const PlanReport& plan : report.plans) {
    if (!plan.legal || plan.plan.sharding != Sharding::fsdp) continue;
    CAPTURE(plan.plan.name);
    Question question = question_of(report.scenario, plan);
    for (const Hiding& one : hidings(question, plan)) {
      if (one.threshold != Threshold::from || one.rule != HidingRule::beside_units) continue;
      REQUIRE(one.tokens_with_ends);
      ++found;
      const auto waited = [&](double tokens) {
        const std::int64_t unit = 2 * plan.plan.tensor;
        question.training.sequence_length =
            static_cast<std::int64_t>(tokens / static_cast<double>(plan.plan.micro_batch * unit)) * unit;
        return seconds_of(predicted(question), StepPart::fsdp_exposed);
      };
      CHECK(waited(1.05 * *one.tokens_with_ends) < 2e-3 * one.in_all_s);
      CHECK(waited(0.8 * *one.tokens) > 0.01 * one.in_all_s);
    }
  }
  CHECK(found >= 3);
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
