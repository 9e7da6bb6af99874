// Sweeps of collectives: sizes, repeats, intervals, agreement of the processes.
#include "tests/catch.hpp"

#include <cmath>

#include "tests/support/scripted_processes.hpp"
#include "tests/support/synthetic_backend.hpp"
#include "validate/measure/sweep.hpp"

using namespace lockstep;
using lockstep::test::ScriptedProcesses;
using lockstep::test::SyntheticBackend;

namespace {

constexpr double exact = 1e-9;  // of sums of a few doubles
const auto no_progress = std::function<void(std::size_t, std::size_t)>{};

SweepOptions sizes(std::int64_t smallest, std::int64_t largest, double factor) {
  SweepOptions options;
  options.smallest_bytes = smallest;
  options.largest_bytes = largest;
  options.factor = factor;
  return options;
}

std::vector<double> one_to(int last) {
  std::vector<double> values;
  for (int value = last; value >= 1; --value) values.push_back(value);
  return values;
}

// Gives the values one after the other, the last for ever; counts what it was asked for.
struct Script {
  std::vector<double> values;
  std::vector<std::int64_t> asked;
  double operator()(std::int64_t iterations) {
    const std::size_t at = std::min(asked.size(), values.size() - 1);
    asked.push_back(iterations);
    return values[at];
  }
};

}  // namespace

TEST_CASE("Sizes are nccl-tests': whole elements, equal parts on 16 bytes", "[measure]") {
  CHECK(call_size(Collective::all_reduce, 10, 8, 4) == 8);
  CHECK(call_size(Collective::all_reduce, 3, 8, 4) == 0);
  // 80 ranks: 2^25 B / 80 = 419,430.4 B each, 26,214 times 16 B; 26,214 * 16 * 80 = 33,553,920,
  // which is the size that nccl-tests prints
  CHECK(call_size(Collective::all_gather, std::int64_t{1} << 25, 80, 4) == 33'553'920);
  CHECK(call_size(Collective::reduce_scatter, 127, 8, 4) == 0);
  CHECK(call_size(Collective::all_to_all, 128, 8, 4) == 128);
  CHECK(call_size(Collective::send_recv, 127, 8, 4) == 124);
  CHECK(call_count(Collective::all_reduce, 128, 8, 4) == 32);
  CHECK(call_count(Collective::broadcast, 128, 8, 4) == 32);
  CHECK(call_count(Collective::all_gather, 128, 8, 4) == 4);
  CHECK(call_count(Collective::reduce_scatter, 128, 8, 4) == 4);
  CHECK(call_count(Collective::all_to_all, 33'553'920, 80, 4) == 104'856);
}

TEST_CASE("A sweep has each possible size once, rising", "[measure]") {
  using Sizes = std::vector<std::int64_t>;
  CHECK(sweep_sizes(Collective::all_reduce, sizes(8, 64, 2), 4, 4) == Sizes{8, 16, 32, 64});
  CHECK(sweep_sizes(Collective::all_reduce, sizes(8, 63, 2), 4, 4) == Sizes{8, 16, 32});
  // below 4 ranks * 16 B nothing is possible
  CHECK(sweep_sizes(Collective::all_gather, sizes(8, 256, 2), 4, 4) == Sizes{64, 128, 256});
  // 96, 144, 216, 324 round down to 64, 128, 192, 320
  CHECK(sweep_sizes(Collective::all_gather, sizes(96, 400, 1.5), 4, 4) == Sizes{64, 128, 192, 320});
  // 8, 9, 10, 11 … are the same 8
  CHECK(sweep_sizes(Collective::all_reduce, sizes(8, 11, 1.1), 4, 4) == Sizes{8});
  CHECK(sweep_sizes(Collective::all_gather, sizes(8, 32, 2), 4, 4).empty());
  CHECK_THROWS_WITH(sweep_sizes(Collective::all_reduce, sizes(8, 64, 1.0), 4, 4),
                    "a sweep's factor is not above 1");
}

TEST_CASE("The interval of the median comes from order statistics", "[measure]") {
  // n = 10: P(B <= 1) = 11/1024, so leaving out one at each end holds with 97.9 %; leaving out two,
  // P(B <= 2) = 56/1024, with 89.1 % only. The median is 5.5; quartiles 3.25 and 7.75.
  const RepeatedTime ten = repeated_time(one_to(10), 7);
  CHECK(ten.median_s == Approx(5.5).epsilon(exact));
  CHECK(ten.low_s == 2.0);
  CHECK(ten.high_s == 9.0);
  CHECK(ten.spread == Approx(4.5 / 1.349 / 5.5).epsilon(exact));
  CHECK(ten.repeats == 10);
  CHECK(ten.iterations == 7);
  // n = 20: P(B <= 5) = 21,700 / 2^20 = 2.07 %, P(B <= 6) = 60,460 / 2^20 = 5.77 %: five go.
  const RepeatedTime twenty = repeated_time(one_to(20), 1);
  CHECK(twenty.low_s == 6.0);
  CHECK(twenty.high_s == 15.0);
  // n = 8: P(B <= 1) = 9/256 = 3.5 %: one goes. n = 7: 8/128 = 6.25 %: none.
  CHECK(repeated_time(one_to(8), 1).low_s == 2.0);
  CHECK(repeated_time(one_to(7), 1).low_s == 1.0);
  // Fewer than five reach no 90 %: all of them are the interval.
  CHECK(repeated_time(one_to(4), 1).high_s == 4.0);
  const RepeatedTime one = repeated_time({3.0}, 1);
  CHECK(one.low_s == 3.0);
  CHECK(one.high_s == 3.0);
  CHECK(one.spread == 0.0);
  CHECK(repeated_time({0.0, 0.0}, 1).spread == 0.0);
}

TEST_CASE("Nine of ten intervals hold the true median", "[measure]") {
  std::mt19937 random(7);
  std::exponential_distribution<double> times(std::log(2.0));  // with the median 1
  constexpr int trials = 4000;
  for (const int repeats : {5, 8, 15, 40}) {
    int held = 0;
    for (int trial = 0; trial < trials; ++trial) {
      std::vector<double> seconds(static_cast<std::size_t>(repeats));
      for (double& value : seconds) value = times(random);
      const RepeatedTime time = repeated_time(seconds, 1);
      held += time.low_s <= 1.0 && 1.0 <= time.high_s ? 1 : 0;
    }
    // at least 90 %; four standard deviations of the count are 2 %
    CHECK(held >= trials * 88 / 100);
  }
}

TEST_CASE("Repeats stop as soon as the interval is narrow", "[measure]") {
  SweepOptions options;
  // A call of 1 ms: 5 to warm up, 5 more to see how long one takes, then repeats of 2 calls.
  Script steady{{1e-3}, {}};
  const RepeatedTime at_once = measure_repeats(options, std::ref(steady));
  CHECK(at_once.repeats == options.fewest_repeats);
  CHECK(steady.asked == std::vector<std::int64_t>{5, 5, 2, 2, 2, 2, 2});
  // The first repeat takes twice as long. With up to 7 repeats the interval holds all of them;
  // with 8 one at each end is left out.
  Script first_slow{{1e-3, 1e-3, 2e-3, 1e-3}, {}};
  const RepeatedTime after_one = measure_repeats(options, std::ref(first_slow));
  CHECK(after_one.repeats == 8);
  CHECK(after_one.median_s == 1e-3);
}

TEST_CASE("Repeats stop at their number and at their seconds", "[measure]") {
  SweepOptions options;
  std::vector<double> wild;
  for (int i = 0; i < 100; ++i) wild.push_back(i % 2 == 0 ? 1e-3 : 2e-3);
  Script never_narrow{wild, {}};
  const RepeatedTime at_limit = measure_repeats(options, std::ref(never_narrow));
  CHECK(at_limit.repeats == options.most_repeats);
  CHECK(at_limit.median_s == Approx(1.5e-3).epsilon(exact));
  // A call of 1 s is longer than a repeat, so there is one warm-up; after 2 calls 2 s are used.
  Script long_calls{{1.0}, {}};
  const RepeatedTime out_of_time = measure_repeats(options, std::ref(long_calls));
  CHECK(out_of_time.repeats == 2);
  CHECK(long_calls.asked == std::vector<std::int64_t>{5, 1, 1});
}

TEST_CASE("Short calls are repeated a thousand times at most", "[measure]") {
  SweepOptions options;
  Script short_calls{{1e-9}, {}};
  CHECK(measure_repeats(options, std::ref(short_calls)).iterations == 1000);
  Script no_time{{0.0}, {}};
  CHECK(measure_repeats(options, std::ref(no_time)).iterations == 1000);
  // 2 ms / 10 us
  Script medium{{10e-6}, {}};
  CHECK(measure_repeats(options, std::ref(medium)).iterations == 200);
}

TEST_CASE("A sweep finds latency and bandwidth of a known curve", "[measure]") {
  SyntheticBackend backend;
  const auto processes = single_process();
  const RankGroups world = rank_groups("world", 4, 4);
  const CollectiveSweep sweep = measure_collective(backend, *processes, Collective::all_reduce, world,
                                                   sizes(1000, 1'000'000, 1000), no_progress);
  CHECK(sweep.backend == "synthetic");
  CHECK(sweep.type == "float");
  CHECK(sweep.redop == "sum");
  CHECK(sweep.group == "world");
  CHECK(sweep.ranks == 4);
  CHECK(sweep.nodes == 1);
  CHECK(sweep.groups == 1);
  REQUIRE(sweep.points.size() == 2);
  // 10 us + 1 kB at 1 GB/s is 11 us; + 1 MB is 1010 us
  CHECK(sweep.points[0].size_bytes == 1000);
  CHECK(sweep.points[0].count == 250);
  CHECK(sweep.points[0].out_of_place->time.median_s == Approx(11e-6).epsilon(exact));
  CHECK(sweep.points[0].nccl_estimate_s == 10e-6);
  CHECK(sweep.points[1].out_of_place->time.median_s == Approx(1010e-6).epsilon(exact));
  CHECK(sweep.points[1].in_place->time.median_s == Approx(1010e-6).epsilon(exact));
  CHECK(sweep.points[1].out_of_place->wrong == 0);
  CHECK(sweep.rank_slowness == std::vector<double>{1, 1, 1, 1});
}

TEST_CASE("Noise widens the interval, and the curve is found within it", "[measure]") {
  SyntheticBackend backend;
  backend.noise = 0.05;
  const auto processes = single_process();
  const CollectiveSweep sweep = measure_collective(backend, *processes, Collective::all_reduce,
                                                   rank_groups("world", 4, 4), sizes(8, 1 << 20, 2), no_progress);
  std::size_t held = 0;
  for (const CollectivePoint& point : sweep.points) {
    const RepeatedTime& time = point.out_of_place->time;
    const double truth = 10e-6 + static_cast<double>(point.size_bytes) / 1e9;
    held += time.low_s <= truth && truth <= time.high_s ? 1 : 0;
    CHECK(time.repeats > 5);
    CHECK(time.spread > 0.02);
    CHECK(time.spread < 0.1);
  }
  REQUIRE(sweep.points.size() == 18);
  CHECK(held >= 14);  // of 18, where 16 are expected
}

TEST_CASE("The slowest rank's time counts, and each rank's slowness is told", "[measure]") {
  SyntheticBackend backend;
  backend.slower = {1.0, 1.0, 1.5, 1.0};
  const auto processes = single_process();
  const CollectiveSweep sweep = measure_collective(backend, *processes, Collective::all_reduce,
                                                   rank_groups("world", 4, 4), sizes(1000, 1000, 2), no_progress);
  CHECK(sweep.points[0].out_of_place->time.median_s == Approx(16.5e-6).epsilon(exact));
  REQUIRE(sweep.rank_slowness.size() == 4);
  CHECK(sweep.rank_slowness[2] == Approx(1.5).epsilon(exact));
  CHECK(sweep.rank_slowness[3] == Approx(1.0).epsilon(exact));
}

TEST_CASE("Processes agree on the slowest one's time and on the sum of wrong elements", "[measure]") {
  SyntheticBackend backend;
  backend.wrong = 3;
  ScriptedProcesses processes;
  processes.others = [](double value) { return std::vector<double>{2.0 * value}; };
  processes.other_texts = {"0.0001 0.00005"};
  const CollectiveSweep sweep = measure_collective(backend, processes, Collective::all_reduce,
                                                   rank_groups("world", 4, 4), sizes(1000, 1000, 2), no_progress);
  // twice 11 us; 3 + 6 elements
  CHECK(sweep.points[0].out_of_place->time.median_s == Approx(22e-6).epsilon(exact));
  CHECK(sweep.points[0].out_of_place->wrong == 9);
  // four ranks here and two there, whose second is the fastest unless these are
  CHECK(sweep.rank_slowness.size() == 6);
}

TEST_CASE("What nccl-tests does not check in place is not checked", "[measure]") {
  SyntheticBackend backend;
  backend.wrong = 1;
  const auto processes = single_process();
  const auto wrong_of = [&](Collective collective, SweepOptions options) {
    const CollectiveSweep sweep = measure_collective(backend, *processes, collective,
                                                     rank_groups("world", 4, 4), options, no_progress);
    return std::pair{sweep.points[0].out_of_place->wrong, sweep.points[0].in_place->wrong};
  };
  const SweepOptions options = sizes(1024, 1024, 2);
  using Wrong = std::optional<std::int64_t>;
  CHECK(wrong_of(Collective::all_gather, options) == std::pair{Wrong(1), Wrong(1)});
  CHECK(wrong_of(Collective::all_to_all, options) == std::pair{Wrong(1), Wrong()});
  CHECK(wrong_of(Collective::send_recv, options) == std::pair{Wrong(1), Wrong()});
  SweepOptions unchecked = options;
  unchecked.check = false;
  CHECK(wrong_of(Collective::all_gather, unchecked) == std::pair{Wrong(), Wrong()});
}

TEST_CASE("Only the sides that were asked for are measured", "[measure]") {
  SyntheticBackend backend;
  const auto processes = single_process();
  SweepOptions options = sizes(1024, 1024, 2);
  options.in_place = false;
  const CollectiveSweep sweep = measure_collective(backend, *processes, Collective::broadcast,
                                                   rank_groups("world", 4, 4), options, no_progress);
  CHECK(sweep.redop == "none");
  CHECK(sweep.points[0].out_of_place);
  CHECK_FALSE(sweep.points[0].in_place);
  REQUIRE(backend.prepared.size() == 1);
  CHECK_FALSE(backend.prepared[0].in_place);
}

TEST_CASE("Groups are selected once, and their nodes are those that one group touches", "[measure]") {
  SyntheticBackend backend;
  backend.rank_count = 8;
  backend.node_count = 2;
  const auto processes = single_process();
  const auto sweep_on = [&](const char* words) {
    return measure_collective(backend, *processes, Collective::all_gather, rank_groups(words, 8, 4),
                              sizes(1024, 4096, 2), no_progress);
  };
  CHECK(sweep_on("world").nodes == 2);
  const CollectiveSweep blocks = sweep_on("blocks:4");
  CHECK(blocks.group == "blocks of 4");
  CHECK(blocks.ranks == 4);
  CHECK(blocks.nodes == 1);
  CHECK(blocks.groups == 1);
  CHECK(blocks.rank_slowness.size() == 4);
  const CollectiveSweep rails = sweep_on("rails+");
  CHECK(rails.ranks == 2);
  CHECK(rails.nodes == 2);
  CHECK(rails.groups == 4);
  CHECK(rails.rank_slowness.size() == 8);
  CHECK(backend.selected.size() == 3);
}

TEST_CASE("Progress counts sizes", "[measure]") {
  SyntheticBackend backend;
  const auto processes = single_process();
  std::vector<std::pair<std::size_t, std::size_t>> shown;
  static_cast<void>(measure_collective(backend, *processes, Collective::all_reduce,
                                       rank_groups("world", 4, 4), sizes(8, 32, 2),
                                       [&](std::size_t done, std::size_t all) { shown.emplace_back(done, all); }));
  CHECK(shown == std::vector<std::pair<std::size_t, std::size_t>>{{1, 3}, {2, 3}, {3, 3}});
}
