// Order statistics and rank correlation.
#include "tests/catch.hpp"

#include <cmath>

#include "validate/statistics.hpp"

using namespace lockstep;

TEST_CASE("Statistics: quantiles interpolate between order statistics", "[unit]") {
  CHECK(quantile({}, 0.5) == 0.0);
  CHECK(quantile({3.0}, 0.9) == 3.0);
  CHECK(quantile({4.0, 1.0, 3.0, 2.0}, 0.5) == 2.5);
  CHECK(quantile({0.0, 10.0}, 0.9) == Approx(9.0));
  CHECK(median({1.0, 100.0, 3.0}) == 3.0);
  CHECK(mean({}) == 0.0);
  CHECK(mean({1.0, 2.0, 6.0}) == 3.0);
}

TEST_CASE("Statistics: Spearman's correlation is that of the ranks", "[unit]") {
  // Ranks 1 2 3 4 against 1 2 4 3: 1 - 6 (0 + 0 + 1 + 1) / (4 (16 - 1)) = 1 - 12/60
  CHECK(rank_correlation({10, 20, 30, 40}, {1, 2, 4, 3}) == Approx(0.8));
  CHECK(rank_correlation({1, 10, 100}, {1, 2, 3}) == Approx(1.0));
  CHECK(rank_correlation({1, 2, 3}, {9, 5, 1}) == Approx(-1.0));
  // Ties share their mean rank: 1 2.5 2.5 4 against 1 2 3 4, deviations -1.5 0 0 1.5 and -1.5 -0.5
  // 0.5 1.5: 4.5 / sqrt(4.5 * 5)
  CHECK(rank_correlation({1, 2, 2, 3}, {1, 2, 3, 4}) == Approx(4.5 / std::sqrt(22.5)));
}

TEST_CASE("Statistics: a correlation that is not defined is 0", "[unit]") {
  CHECK(rank_correlation({}, {}) == 0.0);
  CHECK(rank_correlation({1}, {1}) == 0.0);
  CHECK(rank_correlation({1, 1, 1}, {1, 2, 3}) == 0.0);
}
