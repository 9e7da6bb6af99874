// Are the draws those that the documentation says, on every platform?
#include "sim/draws.hpp"

#include <algorithm>
#include <numeric>

#include "tests/catch.hpp"

using namespace lockstep;

TEST_CASE("splitmix64 gives the numbers of its published test vector", "[unit][certainty]") {
  std::uint64_t state = 1234567;
  CHECK(splitmix64(state) == 6457827717110365317ULL);
  CHECK(splitmix64(state) == 3203168211198807973ULL);
  CHECK(splitmix64(state) == 9817491932198370423ULL);
  CHECK(splitmix64(state) == 4593380528125082431ULL);
  CHECK(splitmix64(state) == 16408922859458223821ULL);
}

TEST_CASE("fnv1a gives the hashes of its authors' table", "[unit][certainty]") {
  CHECK(fnv1a("") == 0xcbf29ce484222325ULL);
  CHECK(fnv1a("a") == 0xaf63dc4c8601ec8cULL);
  CHECK(fnv1a("foobar") == 0x85944171f73967e8ULL);
}

TEST_CASE("the draws of a name are the quantiles of the normal distribution in its order",
          "[unit][certainty]") {
  const Draws draws = draws_of("gpu.memory_efficiency");
  Draws sorted = draws;
  std::sort(sorted.begin(), sorted.end());
  // Tables: the 0.5/256 = 0.001953125 quantile is -2.8856; the middle ones are at 0.498046875,
  // which is -0.0048957 (0.001953125 times sqrt(2 pi) = 2.5066).
  CHECK(sorted.front() == Approx(-2.8856).epsilon(1e-4));
  CHECK(sorted.back() == -sorted.front());
  CHECK(sorted[draw_count / 2] == Approx(0.0048957).epsilon(1e-4));
  CHECK(sorted[draw_count / 2 - 1] == -sorted[draw_count / 2]);
  CHECK(std::accumulate(draws.begin(), draws.end(), 0.0) == Approx(0).margin(1e-12));
  CHECK(draws != sorted);
}

TEST_CASE("a name always has the same draws, and another name others", "[unit][certainty]") {
  CHECK(draws_of("a") == draws_of("a"));
  CHECK(draws_of("a") != draws_of("b"));
  // Uncorrelated: the mean product of 256 independent pairs has a deviation of 1/16.
  const Draws a = draws_of("a");
  const Draws b = draws_of("b");
  CHECK(std::inner_product(a.begin(), a.end(), b.begin(), 0.0) / 256 == Approx(0).margin(0.2));
}
