// Curves of a sweep: efficiency, and where the winner changes.
#include "sim/report/display.hpp"
#include "sim/report/sweep_report.hpp"
#include "tests/catch.hpp"
#include "tests/support/hand_sweep.hpp"

using namespace lockstep;
using namespace lockstep::test;

namespace {

// The text with plain spaces.
std::string winners(const SweepReport& report) {
  return wrap(sweeping::winners_text(report, report.lines.front()), 1000, "", "");
}

constexpr double exact = 1e-12;  // of a division of round numbers

}  // namespace

TEST_CASE("sweep curves: strong scaling is the lost part of the GPUs' time") {
  // 10 s on 8 GPUs; twice the GPUs take 6 s instead of 5, four times 4 s instead of 2.5.
  const SweepReport report =
      hand_sweep("cluster.nodes", {hand_point("1", 8, {{"a", 10}}), hand_point("2", 16, {{"a", 6}}),
                                   hand_point("4", 32, {{"a", 4}})});
  CHECK(report.scaling == Scaling::strong);
  CHECK(report.points[0].efficiency == 1);
  CHECK(report.points[1].efficiency == Approx(5.0 / 6).epsilon(exact));
  CHECK(report.points[2].efficiency == Approx(2.5 / 4).epsilon(exact));
  CHECK(report.points[0].speedup == 1);
  CHECK(report.points[1].speedup == Approx(10.0 / 6).epsilon(exact));
  CHECK(report.points[2].speedup == Approx(10.0 / 4).epsilon(exact));
}

TEST_CASE("sweep curves: weak scaling is the first step time over this one") {
  // Twice the GPUs with twice the batch: 10 s and 12.5 s are 80 %, and 2 x 0.8 = 1.6 times the
  // tokens.
  SweepReport report = hand_sweep("cluster.nodes", {hand_point("1", 8, {{"a", 10}}, 1000),
                                                    hand_point("2", 16, {{"a", 12.5}}, 2000)});
  report.request.weak = true;
  add_curves(report);
  CHECK(report.scaling == Scaling::weak);
  CHECK(report.points[1].efficiency == Approx(0.8).epsilon(exact));
  CHECK(report.points[1].speedup == Approx(1.6).epsilon(exact));
}

TEST_CASE("sweep curves: the first point that counts is the first where something fits") {
  // `a` is too big on 8 GPUs. The best of 16 GPUs is b with 5 s, of 32 a with 4 s: 5 * 16 / (4 *
  // 32). a for itself: 8 * 16 / (4 * 32) = 1, and b: 5 * 16 / (4.5 * 32).
  const SweepReport report =
      hand_sweep("cluster.nodes", {hand_point("1", 8, {{"a", 0}, {"b", 0}}),
                                   hand_point("2", 16, {{"a", 8}, {"b", 5}}),
                                   hand_point("4", 32, {{"a", 4}, {"b", 4.5}})});
  CHECK(report.points[0].best() == nullptr);
  CHECK(report.points[0].efficiency == 0);
  CHECK(report.points[1].efficiency == 1);
  CHECK(report.points[2].efficiency == Approx(5.0 * 16 / (4 * 32)).epsilon(exact));
  CHECK(report.points[0].plans[0].efficiency == 0);
  CHECK(report.points[2].plans[0].efficiency == Approx(1).epsilon(exact));
  CHECK(report.points[2].plans[1].efficiency == Approx(5.0 * 16 / (4.5 * 32)).epsilon(exact));
}

TEST_CASE("sweep curves: what is no number of GPUs scales nothing") {
  const SweepReport report =
      hand_sweep("training.sequence_length",
                 {hand_point("1024", 8, {{"a", 1}}), hand_point("2048", 8, {{"a", 2}})});
  CHECK(report.scaling == Scaling::none);
  CHECK(report.points[1].efficiency == 0);
}

TEST_CASE("sweep curves: winners, and where they change") {
  const SweepReport report = hand_sweep(
      "cluster.nodes",
      {hand_point("1", 8, {{"a", 0}, {"b", 0}}), hand_point("2", 16, {{"a", 8}, {"b", 5}}),
       hand_point("4", 32, {{"a", 4}, {"b", 4.5}}), hand_point("8", 64, {{"a", 2}, {"b", 4}})});
  const std::vector<WinnerRange>& ranges = report.lines.front().winners;
  REQUIRE(ranges.size() == 3);
  CHECK(ranges[0].winner.empty());
  CHECK(ranges[1].winner == "b");
  CHECK(ranges[1].first == 1);
  CHECK(ranges[1].last == 1);
  CHECK(ranges[2].winner == "a");
  CHECK(ranges[2].first == 2);
  CHECK(ranges[2].last == 3);
  CHECK(winners(report) == "no plan fits at 8 GPUs; b wins at 16 GPUs; a wins from 32 GPUs on.");
}

TEST_CASE("sweep curves: a winner that comes back has two ranges") {
  const SweepReport report = hand_sweep(
      "cluster.nodes",
      {hand_point("1", 8, {{"a", 1}, {"b", 2}}), hand_point("2", 16, {{"a", 1}, {"b", 2}}),
       hand_point("3", 24, {{"a", 1}, {"b", 2}}), hand_point("4", 32, {{"a", 2}, {"b", 1}}),
       hand_point("8", 64, {{"a", 1}, {"b", 2}})});
  CHECK(winners(report) == "a wins at 8 to 24 GPUs; b wins at 32 GPUs; a wins at 64 GPUs.");
}

TEST_CASE("sweep curves: ties are called so, and where") {
  SweepPoint tied = hand_point("2", 16, {{"a", 1}, {"b", 1.01}, {"c", 1.02}});
  tied.ties = {1, 2};
  SweepReport report =
      hand_sweep("cluster.nodes", {hand_point("1", 8, {{"a", 1}, {"b", 2}, {"c", 3}}), tied});
  CHECK(winners(report) == "a wins at every point (a tie with b at 16 GPUs and c at 16 GPUs).");
  report.points[0].ties = {1};
  add_curves(report);
  CHECK(winners(report) == "a wins at every point (a tie with b and c at 16 GPUs).");
}

TEST_CASE("sweep curves: names have no order, so that no range is said") {
  SweepReport report = hand_sweep(
      "cluster.system",
      {hand_point("x", 8, {{"a", 1}, {"b", 2}}), hand_point("y", 8, {{"a", 1}, {"b", 2}}),
       hand_point("z", 8, {{"a", 1}, {"b", 2}}), hand_point("w", 8, {{"a", 2}, {"b", 1}})});
  for (SweepPoint& point : report.points) point.numbers = {std::nullopt};
  CHECK(winners(report) == "a wins at system x, y and z; b wins at system w.");
}

TEST_CASE("sweep curves: a grid has a line for each value of the axis that counts no GPUs") {
  // Points: the first axis outermost. Lines go along the nodes.
  SweepReport report;
  report.request.axes = {{"cluster.system.nic_bandwidth", {"100 Gb/s", "400 Gb/s"}},
                         {"cluster.nodes", {"1", "2", "4"}}};
  for (std::size_t nic = 0; nic < 2; ++nic) {
    for (const std::int64_t gpus : {8, 16, 32}) {
      report.points.push_back(hand_point("", gpus, {{"a", 8.0 / static_cast<double>(gpus)}}));
      report.points.back().values = {report.request.axes[0].values[nic], std::to_string(gpus / 8)};
      report.points.back().numbers = {static_cast<double>(nic), static_cast<double>(gpus) / 8};
    }
  }
  add_curves(report);
  CHECK(report.along == 1);
  REQUIRE(report.lines.size() == 2);
  CHECK(report.lines[0].points == std::vector<std::size_t>{0, 1, 2});
  CHECK(report.lines[1].points == std::vector<std::size_t>{3, 4, 5});
  for (const SweepPoint& point : report.points) CHECK(point.efficiency == Approx(1).epsilon(exact));

  // The other way round every third point is on the same line.
  std::swap(report.request.axes[0], report.request.axes[1]);
  add_curves(report);
  CHECK(report.along == 0);
  REQUIRE(report.lines.size() == 2);
  CHECK(report.lines[0].points == std::vector<std::size_t>{0, 2, 4});
}
