// Does every plan show what the whole run takes, where its length or a price is stated?
#include <nlohmann/json.hpp>

#include "sim/report/display.hpp"
#include "sim/report/insight.hpp"
#include "sim/report/render.hpp"
#include "tests/catch.hpp"
#include "tests/unit/sample_report.hpp"

using namespace lockstep;

namespace {

// Sums and quotients hold up to the rounding of double arithmetic.
constexpr double tolerance = 1e-9;

// 15e9 tokens of a million a step: 15 000 steps. Of 10 s on 8 GPUs: 150 000 s = 41.7 h = 1.736
// days, 333.3 GPU-hours, 833.3 USD at 2.5; a step is 8 x 10 / 3600 GPU-hours = 0.0556 USD per
// million tokens.
Report with_run(double tokens, double price) {
  Report report = test::sample_report();
  report.scenario.training.total_tokens = tokens;
  report.scenario.price.per_gpu_hour = price;
  report.scenario.price.currency = "USD";
  report.scenario.price.date = "2026-11-01";
  report.scenario.price.source = "a price list";
  return report;
}

}  // namespace

TEST_CASE("the length of a run in days, GPU-hours and money", "[unit][report]") {
  const Report report = with_run(15e9, 2.5);
  const RunLength run = run_length(report.scenario, report.plans[1]);
  CHECK(run.steps == Approx(15000).epsilon(tolerance));
  CHECK(run.time_s.value == Approx(150000).epsilon(tolerance));
  CHECK(run.time_s.low == Approx(135000).epsilon(tolerance));  // 9 s a step
  CHECK(run.gpu_time_s.value == Approx(1.2e6).epsilon(tolerance));
  CHECK(run.cost.value == Approx(1.2e6 / 3600 * 2.5).epsilon(tolerance));
  CHECK(run.cost_per_million_tokens.value == Approx(80.0 / 3600 * 2.5).epsilon(tolerance));
  const Report priced = with_run(0, 2.5);
  CHECK(run_length(priced.scenario, priced.plans[1]).steps == 0);
  CHECK(run_length(priced.scenario, priced.plans[1]).cost.value == 0);
  CHECK(run_length(priced.scenario, priced.plans[1]).cost_per_million_tokens.value ==
        Approx(80.0 / 3600 * 2.5).epsilon(tolerance));
}

TEST_CASE("simulate says what the run takes", "[unit][report]") {
  const auto text = [](const Report& report) {
    Report one = report;
    one.plans = {report.plans[1]};
    one.ranking = {0};
    one.comparisons.clear();
    return simulate_text(one, {});
  };
  CHECK_THAT(text(with_run(15e9, 0)),
             Matchers::Contains(
                 "\n  RUN    15 G tokens in 15 k steps: 41.7 h [37.5 … 45.8], 333 GPU-hours\n"));
  CHECK_THAT(
      text(with_run(15e9, 2.5)),
      Matchers::Contains(
          "\n  RUN    15 G tokens in 15 k steps: 41.7 h [37.5 … 45.8], 333 GPU-hours, 833 USD, "
          "0.0556 USD per\n"
          "         million tokens (at 2.50 USD a GPU-hour, 2026-11-01)\n"));
  CHECK_THAT(
      text(with_run(0, 2.5)),
      Matchers::Contains(
          "\n  RUN    0.0556 USD per million tokens (at 2.50 USD a GPU-hour, 2026-11-01)\n"));
  CHECK(text(with_run(0, 0)).find("RUN") == std::string::npos);
}

TEST_CASE("compare has a row of every plan that fits", "[unit][report]") {
  const std::string text = compare_text(with_run(15e9, 2.5), {});
  CHECK_THAT(text,
             Matchers::Contains(
                 "\n  the whole run   takes [90 %]         GPU-hours  USD  USD per million tokens\n"
                 "  fast           41.7 h [37.5 … 45.8]        333  833                  0.0556\n"
                 "  second         42.1 h [37.9 … 46.3]        337  842                  0.0561\n"
                 "  The run is 15 G tokens in 15 k steps, at 2.50 USD a GPU-hour, 2026-11-01 (a "
                 "price list).\n"));
  CHECK_THAT(compare_text(with_run(15e9, 0), {}),
             Matchers::Contains("\n  the whole run   takes [90 %]         GPU-hours\n"));
  const std::string priced = compare_text(with_run(0, 2.5), {});
  CHECK_THAT(priced, Matchers::Contains("\n  the whole run  USD per million tokens\n"));
  CHECK_THAT(priced,
             Matchers::Contains(
                 "\n  Tokens are paid for at 2.50 USD a GPU-hour, 2026-11-01 (a price list).\n"));
  CHECK(compare_text(with_run(0, 0), {}).find("the whole run") == std::string::npos);
}

TEST_CASE("JSON and CSV have days, GPU-hours and cost", "[unit][report]") {
  const auto plan = [](const Report& report) {
    return nlohmann::json::parse(report_json(report, "compare"))["plans"][1];
  };
  const nlohmann::json full = plan(with_run(15e9, 2.5));
  CHECK(full["run"]["days"]["value"].get<double>() == Approx(150000.0 / 86400).epsilon(tolerance));
  CHECK(full["run"]["gpu_hours"]["value"].get<double>() == Approx(1.2e6 / 3600).epsilon(tolerance));
  CHECK(full["run"]["cost"]["high"].get<double>() ==
        Approx(1.1 * 1.2e6 / 3600 * 2.5).epsilon(tolerance));
  CHECK(full["cost_per_million_tokens"]["value"].get<double>() ==
        Approx(80.0 / 3600 * 2.5).epsilon(tolerance));
  const nlohmann::json unpriced = plan(with_run(15e9, 0));
  CHECK(unpriced["run"]["cost"].is_null());
  CHECK(unpriced["cost_per_million_tokens"].is_null());
  CHECK(plan(with_run(0, 2.5))["run"].is_null());
  const auto price = [](const Report& report) {
    return nlohmann::json::parse(report_json(report, "compare"))["scenario"]["price"];
  };
  CHECK(price(with_run(0, 2.5))["per_gpu_hour"] == 2.5);
  CHECK(price(with_run(0, 2.5))["date"] == "2026-11-01");
  CHECK(price(with_run(0, 0)).is_null());

  const std::string csv = report_csv(with_run(15e9, 0));
  CHECK_THAT(
      csv, Matchers::Contains(
               ",infeasible_reason,days,days_low,days_high,gpu_hours,gpu_hours_low,gpu_hours_high,"
               "cost,cost_low,cost_high,cost_per_million_tokens,"));
  CHECK_THAT(csv, Matchers::Contains("\nfast,1,true,10,9,11,"));
  CHECK_THAT(csv, Matchers::Contains(",,1.7361111111111112,1.5625,1.90972222222222"));
  CHECK_THAT(csv,
             Matchers::Contains(",,,,,,\nsecond"));  // neither cost nor cost per million tokens
}
