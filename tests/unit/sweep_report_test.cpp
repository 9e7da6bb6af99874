// The texts of a sweep whose numbers were made up.
#include "sim/report/sweep_report.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <sstream>

#include "sim/report/display.hpp"
#include "tests/catch.hpp"
#include "tests/support/hand_sweep.hpp"

using namespace lockstep;
using namespace lockstep::test;

namespace {

TextOptions narrow(int width) {
  TextOptions options;
  options.width = width;
  return options;
}

std::string spaces(std::size_t count) {
  return std::string(count, ' ');
}

// Text on one line.
std::string unwrapped(const std::string& text) {
  std::string line;
  for (const char c : text) line += c == '\n' ? ' ' : c;
  while (line.find("  ") != std::string::npos) line.erase(line.find("  "), 1);
  return line;
}

SweepReport two_rates() {
  SweepReport report =
      hand_sweep("cluster.system.nic_bandwidth", {hand_point("100 Gb/s", 8, {{"a", 10}, {"b", 20}}),
                                                  hand_point("400 Gb/s", 8, {{"a", 5}, {"b", 0}})});
  report.points[0].numbers = {12.5e9};
  report.points[1].numbers = {50e9};
  return report;
}

}  // namespace

TEST_CASE("sweep text: the curve is drawn to scale from zero") {
  // 70 columns less 2 of margin, 13 of labels, 2 and 2 between and 10 of values leave 41 for 0 to
  // 20 s: half a second each. 10 s is column 20, its interval 9 to 11 s columns 18 to 22; 20 s is
  // the last.
  const SweepReport report = two_rates();
  CHECK(sweeping::chart(report, report.lines.front(), narrow(70)) ==
        "  step time: ● the best plan, ├ ┤ its 90 % interval, ○ the others\n"
        "  nic_bandwidth  0" +
            spaces(34) +
            "20.0 s\n"
            "       100 Gb/s  ┊" +
            spaces(17) + "├─●─┤" + spaces(17) + "○  " + spaces(4) +
            "10.0 s\n"
            "       400 Gb/s  ┊" +
            spaces(8) + "├●┤" + spaces(29) + "  " + spaces(4) + "5.00 s\n");
}

TEST_CASE("sweep text: tokens per second where the GPUs differ, and a row where nothing fits") {
  const SweepReport report = hand_sweep(
      "cluster.nodes", {hand_point("1", 8, {{"a", 0}}), hand_point("2", 16, {{"a", 1}})});
  // 1000 tokens in 1 s on 16 GPUs: 62.5; the interval ends at 68.75.
  const std::string chart = sweeping::chart(report, report.lines.front(), narrow(70));
  CHECK_THAT(chart, Matchers::Contains("  tokens/s/GPU: ● the plan, ├ ┤ its 90 % interval\n") &&
                        Matchers::Contains("68.8\n") &&
                        Matchers::Contains("     1  ┊" + spaces(48) + "   none fits\n") &&
                        Matchers::Contains("      62.5\n"));
}

TEST_CASE("sweep text: why plans are missing, once for each plan") {
  SweepReport report = hand_sweep(
      "cluster.nodes",
      {hand_point("1", 8, {{"a", 0}, {"b", 1}}), hand_point("2", 16, {{"a", 0}, {"b", 1}}),
       hand_point("3", 24, {{"a", 0}, {"b", 1}}), hand_point("4", 32, {{"a", 1}, {"b", 1}})});
  SweepPlan& illegal = report.points[3].plans[1];
  illegal.legal = illegal.feasible = false;
  illegal.infeasible_reason = "not legal: heads do not divide";
  CHECK(unwrapped(sweeping::notes(report, {})) ==
        " a is too big at 8 to 24 GPUs; at 8 GPUs: needs 91.3 GiB, the device has 80.0. b is not "
        "legal at "
        "32 GPUs: heads do not divide. ");
}

TEST_CASE("sweep text: points without plans, and data degrees that follow") {
  SweepReport report = hand_sweep(
      "cluster.nodes", {hand_point("1", 8, {{"a", 1}}), hand_point("2", 16, {{"a", 1}})});
  report.points[0].plans.clear();
  report.points[0].ranking.clear();
  report.points[0].problem = "nothing is there";
  report.points[1].plans[0].data_follows = true;
  add_curves(report);
  CHECK(unwrapped(sweeping::notes(report, {})) ==
        " At 8 GPUs: nothing is there. The data degree that the scenario states for a does not "
        "fill the "
        "cluster at every point: there it is what the other degrees leave of the GPUs. ");
}

TEST_CASE("sweep text: the whole") {
  const SweepReport report = two_rates();
  const std::string text = sweep_text(report, {});
  CHECK_THAT(text,
             Matchers::StartsWith(
                 "by hand\nsmall · cluster.system.nic_bandwidth 100 Gb/s to 400 Gb/s · the "
                 "fastest of 2 plans at each point\n\n") &&
                 Matchers::Contains(
                     "  nic_bandwidth  best plan    step [90 %]       tok/s/GPU   MFU      peak\n"
                     "       100 Gb/s  a          10.0 s [9.0 … 11.0]      12.5  40 %  64.0 GiB\n"
                     "       400 Gb/s  a          5.00 s [4.5 … 5.5]         25  40 %  64.0 GiB\n"
                     "\n"
                     "  a wins at every point.\n") &&
                 Matchers::Contains("  every plan, step time; * wins\n"
                                    "  nic_bandwidth  100 Gb/s  400 Gb/s\n"
                                    "  a              * 10.0 s  * 5.00 s\n"
                                    "  b                20.0 s   too big\n"));
}

TEST_CASE("sweep text: what the whole run takes, where its length and a price are stated") {
  SweepReport report = two_rates();
  report.base.price = {2.5, "USD", "2026-11-01", "list price"};
  for (SweepPoint& point : report.points) {
    point.total_tokens = 1e9;
    for (SweepPlan& plan : point.plans) {
      Training training;
      training.sequence_length = 10;
      training.global_batch = 100;
      training.total_tokens = 8.64e8;
      const auto run = [&](double seconds) {
        return run_cost(training, report.base.price, 8, seconds);
      };
      plan.run = run(plan.step_time_s.value);
      plan.run_low = run(plan.step_time_s.low);
      plan.run_high = run(plan.step_time_s.high);
    }
  }
  // 864 M tokens are 864 000 steps of 1000: at 10 s 100 days, times 8 GPUs and 24 hours 19 200
  // GPU-hours, 48 000 USD; a million tokens 48 000 / 864 = 55.6. At 5 s half of it.
  const std::string text = sweep_text(report, {});
  CHECK_THAT(
      text,
      Matchers::Contains(
          "  nic_bandwidth  the whole run [90 %]      GPU-hours  cost, USD  per million tokens\n"
          "       100 Gb/s       100 days [90 … 110]     19.2 k       48 k                55.6\n"
          "       400 Gb/s      50.0 days [45 … 55]      9.60 k       24 k                27.8\n"
          "  Costs are at 2.50 USD a GPU-hour, 2026-11-01.\n"));
}

TEST_CASE("sweep JSON: points, plans, winners") {
  const nlohmann::json json = nlohmann::json::parse(sweep_json(two_rates()));
  CHECK(json["schema_version"] == 1);
  CHECK(json["command"] == "sweep");
  CHECK(json["axes"][0]["path"] == "cluster.system.nic_bandwidth");
  CHECK(json["axes"][0]["unit"] == "bytes_per_s");
  CHECK(json["scaling"] == "none");
  REQUIRE(json["points"].size() == 2);
  const nlohmann::json& first = json["points"][0];
  CHECK(first["over"][0]["value"] == 12.5e9);
  CHECK(first["over"][0]["text"] == "100 Gb/s");
  CHECK(first["best"] == "a");
  CHECK(first["plans"][0]["step_time_s"]["low"] == 9.0);
  CHECK(first["plans"][1]["feasible"] == true);
  CHECK(json["points"][1]["plans"][1]["infeasible_reason"] ==
        "needs 91.3 GiB, the device has 80.0");
  CHECK(json["points"][1]["ranking"] == nlohmann::json{"a", "b"});
  CHECK(json["winners"][0]["ranges"][0]["winner"] == "a");
  CHECK(json["winners"][0]["ranges"][0]["to"]["text"] == "400 Gb/s");
}

TEST_CASE("sweep CSV: a row for each point and plan, and one for a point without") {
  SweepReport report = two_rates();
  report.points[1].plans.clear();
  report.points[1].ranking.clear();
  report.points[1].problem = "a, b";
  const std::string csv = sweep_csv(report);
  std::vector<std::string> lines;
  std::istringstream text(csv);
  for (std::string line; std::getline(text, line);) lines.push_back(line);
  REQUIRE(lines.size() == 4);
  CHECK_THAT(lines[0],
             Matchers::StartsWith("cluster.system.nic_bandwidth,cluster.system.nic_bandwidth_value,"
                                  "nodes,gpus,global_batch,sequence_length,plan,rank,best,legal,"
                                  "feasible,step_time_s,step_time_s_low,step_time_s_high,"));
  CHECK_THAT(lines[1],
             Matchers::StartsWith("100 Gb/s,12500000000,1,8,100,10,a,1,true,true,true,10,9,11,"));
  CHECK_THAT(lines[2],
             Matchers::StartsWith("100 Gb/s,12500000000,1,8,100,10,b,2,false,true,true,20,18,22,"));
  CHECK_THAT(lines[3],
             Matchers::StartsWith("400 Gb/s,50000000000,1,8,100,10,,,false,false,false,,") &&
                 Matchers::EndsWith(",\"a, b\""));
  for (const std::string& line : lines) {
    // The reason has a comma of its own.
    const auto commas = std::count(line.begin(), line.end(), ',');
    CHECK(commas == std::count(lines[0].begin(), lines[0].end(), ',') + (line == lines[3] ? 1 : 0));
  }
}
