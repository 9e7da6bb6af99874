// What groups of measured runs tell: repeats, order, what fits, the regret of the plan that is
// picked.
#include "tests/catch.hpp"

#include <string>
#include <vector>

#include "tests/support/run_rows.hpp"

using namespace lockstep;
using lockstep::testing::run_row;

namespace {

// Five plans of one choice: predicted 1 2 3 4 5 s, measured as given.
std::vector<RunResult> five_plans(const std::string& source, const std::vector<double>& measured,
                                  const std::string& choice = "c") {
  std::vector<RunResult> rows;
  for (std::size_t i = 0; i < measured.size(); ++i) {
    rows.push_back(run_row(source, static_cast<double>(i + 1), measured[i],
                           "plan" + std::to_string(i), choice));
  }
  return rows;
}

void add(std::vector<RunResult>& to, std::vector<RunResult> rows) {
  to.insert(to.end(), rows.begin(), rows.end());
}

RunResult memory_row(bool ran_out, bool predicted_to_fit) {
  RunResult row = run_row("a", 1, ran_out ? 0 : 1);
  row.ran_out_of_memory = ran_out;
  row.predicted_to_fit = predicted_to_fit;
  return row;
}

}  // namespace

TEST_CASE("Noise: the median difference of repeats, by source", "[unit]") {
  // p: 1.0 and 1.1 differ by 10 %. q: 1, 2 and 3: pairs 100 %, 50 %, 200 %, median 100 %. r stands
  // alone.
  const std::vector<RunResult> rows{run_row("a", 1, 1.0, "p"), run_row("a", 1, 1.1, "p"),
                                    run_row("a", 2, 1.0, "q"), run_row("a", 2, 2.0, "q"),
                                    run_row("a", 2, 3.0, "q"), run_row("a", 3, 9.0, "r"),
                                    run_row("b", 1, 5.0, "p")};
  const std::vector<NoiseFloor> noise = noise_floor(rows);
  REQUIRE(noise.size() == 1);  // b repeats nothing, though a has the same plan
  CHECK(noise[0].source == "a");
  CHECK(noise[0].configurations == 2);
  CHECK(noise[0].rows == 5);
  CHECK(noise[0].median_difference == Approx(0.55));  // between 10 % and 100 %
}

TEST_CASE("Noise: only a source with enough repeats that differ widely stays apart", "[unit]") {
  const NoiseFloor noisy{"noisy", 5, 10, 0.26};
  const NoiseFloor few{"few", 4, 8, 2.0};
  const NoiseFloor calm{"calm", 50, 100, 0.03};
  CHECK(noisy_sources({noisy, few, calm}) == std::vector<std::string>{"noisy"});
}

TEST_CASE("Order: Spearman and the quantiles of measured over predicted", "[unit]") {
  // predicted 1 2 3 4 5; measured 1 2 3 5 4 has ranks 1 2 3 5 4: 1 - 6 * 2 / (5 * 24) = 0.9
  const std::vector<RankSummary> ranks = rank_sources(five_plans("a", {1, 2, 3, 5, 4}));
  REQUIRE(ranks.size() == 1);
  CHECK(ranks[0].n == 5);
  CHECK(ranks[0].spearman == Approx(0.9));
  // ratios 1 1 1 1.25 0.8: sorted 0.8 1 1 1 1.25; 10 % lies 0.4 of the way from 0.8 to 1
  REQUIRE(ranks[0].quantiles.size() == 5);
  CHECK(ranks[0].quantiles[0] == Approx(0.88));
  CHECK(ranks[0].quantiles[2] == Approx(1.0));
  CHECK(ranks[0].quantiles[4] == Approx(1.15));
}

TEST_CASE("Fits or not: both kinds of a source's runs are told apart or not", "[unit]") {
  // Three ran out, of which one was seen; two ran, of which one was thought too big: 2 of 5 right.
  std::vector<RunResult> rows{memory_row(true, false), memory_row(true, true),
                              memory_row(true, true), memory_row(false, true),
                              memory_row(false, false)};
  rows.push_back(run_row("b", 1, 1));  // a source without runs that did not fit
  const std::vector<OutOfMemorySummary> matrix = count_out_of_memory(rows);
  REQUIRE(matrix.size() == 1);
  CHECK(matrix[0].source == "a");
  CHECK(matrix[0].n == 3);
  CHECK(matrix[0].predicted == 1);
  CHECK(matrix[0].fitted == 2);
  CHECK(matrix[0].fitted_predicted == 1);
  CHECK(matrix[0].accuracy() == Approx(0.4));
}

TEST_CASE("Regret: how much slower the plan is that is predicted to be fastest", "[unit]") {
  // plan0 is picked (predicted 1 s) and takes 11 s, the best 10 s: 10 %
  const std::vector<PlanChoice> choices = plan_choices(five_plans("a", {11, 10, 12, 13, 14}));
  REQUIRE(choices.size() == 1);
  CHECK(choices[0].plans == 5);
  CHECK(choices[0].regret == Approx(0.1));
  CHECK(choices[0].spearman == Approx(0.9));  // the first two change places
}

TEST_CASE("Regret: groups of fewer than five plans are no choice, and repeats are one plan",
          "[unit]") {
  CHECK(plan_choices(five_plans("a", {1, 2, 3, 4})).empty());
  std::vector<RunResult> rows = five_plans("a", {9, 10, 12, 13, 14});
  rows.push_back(
      run_row("a", 1, 13, "plan0"));  // plan0 measured again: its median is 11, the best 10
  const std::vector<PlanChoice> choices = plan_choices(rows);
  REQUIRE(choices.size() == 1);
  CHECK(choices[0].plans == 5);
  CHECK(choices[0].regret == Approx(0.1));
}

TEST_CASE("Regret: a plan that is predicted not to fit is not picked as compare ranks", "[unit]") {
  std::vector<RunResult> rows = five_plans("a", {30, 10, 12, 13, 14});
  rows[0].predicted_to_fit = false;
  CHECK(plan_choices(rows)[0].regret == Approx(2.0));  // it ran
  CHECK(plan_choices(rows)[0].fitting_regret == 0.0);
  for (RunResult& row : rows) row.predicted_to_fit = false;  // then the fastest is
  CHECK(plan_choices(rows)[0].fitting_regret == Approx(2.0));
}

TEST_CASE("Regret: summed up by source, and over all but those that stay apart", "[unit]") {
  std::vector<RunResult> rows = five_plans("a", {10, 11, 12, 13, 14}, "x");  // 0
  add(rows, five_plans("a", {12, 10, 12, 13, 14}, "y"));                     // 20 %
  add(rows, five_plans("b", {20, 10, 12, 13, 14}));                          // 100 %
  const std::vector<RegretSummary> regret = summarize_regret(plan_choices(rows), {"b"});
  REQUIRE(regret.size() == 3);
  CHECK(regret[0].source == "a");
  CHECK(regret[0].groups == 2);
  CHECK(regret[0].plans == 10);
  CHECK(regret[0].median_regret == Approx(0.1));
  CHECK(regret[0].mean_regret == Approx(0.1));
  CHECK(regret[0].best_picked == 1);
  CHECK(regret[0].mean_fitting_regret == Approx(0.1));  // all fit
  CHECK(regret[1].mean_regret == Approx(1.0));
  CHECK(regret[2].source == "all");
  CHECK(regret[2].groups == 2);  // without b
}
