// Latency/bandwidth pieces of a measured curve.
#include "tests/catch.hpp"

#include <cmath>
#include <stdexcept>

#include "validate/piecewise_fit.hpp"

using namespace lockstep;

namespace {

constexpr double exact = 0.01;  // of the optimiser's stop
constexpr double noisy = 0.04;  // of 2 % noise on some ten points

// Times at 8 B, 16 B … 2^last, of lines; `noise` alternates over five values with mean 1.
std::vector<TimedSize> curve(const std::vector<CalibrationPiece>& pieces, int last, double noise) {
  constexpr double pattern[] = {1.0, -0.5, 0.5, -1.0, 0.0};
  std::vector<TimedSize> points;
  for (int power = 3; power <= last; ++power) {
    const double bytes = std::exp2(power);
    const double factor = 1.0 + noise * pattern[power % 5];
    points.push_back({bytes, evaluate(pieces, bytes) * factor});
  }
  return points;
}

const std::vector<CalibrationPiece> one{{Bytes{8}, Seconds{10e-6}, 1e-10}};
// 10 us up to 64 KiB, then 30 us and 10 GB/s
const std::vector<CalibrationPiece> two{{Bytes{8}, Seconds{10e-6}, 0},
                                        {Bytes{65536}, Seconds{30e-6}, 1e-10}};
// then, from 16 MiB on (1.7 ms), 4 ms and 100 GB/s
const std::vector<CalibrationPiece> three{{Bytes{8}, Seconds{10e-6}, 0},
                                          {Bytes{65536}, Seconds{30e-6}, 1e-10},
                                          {Bytes{16777216}, Seconds{4e-3}, 1e-11}};

}  // namespace

TEST_CASE("piecewise fit: one line is recovered as one", "[unit]") {
  const PiecewiseFit fit = fit_pieces(curve(one, 30, 0));
  REQUIRE(fit.pieces.size() == 1);
  CHECK(fit.pieces[0].from.value() == 8);
  CHECK(fit.pieces[0].latency.value() == Approx(10e-6).epsilon(exact));
  CHECK(fit.pieces[0].seconds_per_byte == Approx(1e-10).epsilon(exact));
  CHECK(fit.left_out_median < exact);
}

TEST_CASE("piecewise fit: two pieces, their latencies, bandwidth and step", "[unit]") {
  for (const double noise : {0.0, 0.02}) {
    const double near = noise > 0 ? noisy : exact;
    const PiecewiseFit fit = fit_pieces(curve(two, 32, noise));
    REQUIRE(fit.pieces.size() == 2);
    CHECK(fit.pieces[0].latency.value() == Approx(10e-6).epsilon(near));
    // Between 32 KiB and 64 KiB: the geometric middle.
    CHECK(fit.pieces[1].from.value() == Approx(65536 / std::sqrt(2.0)));
    CHECK(fit.pieces[1].latency.value() == Approx(30e-6).epsilon(near));
    CHECK(fit.pieces[1].seconds_per_byte == Approx(1e-10).epsilon(near));
  }
}

TEST_CASE("piecewise fit: three pieces", "[unit]") {
  for (const double noise : {0.0, 0.02}) {
    const double near = noise > 0 ? noisy : exact;
    const PiecewiseFit fit = fit_pieces(curve(three, 34, noise));
    REQUIRE(fit.pieces.size() == 3);
    CHECK(fit.pieces[1].from.value() == Approx(65536 / std::sqrt(2.0)));
    CHECK(fit.pieces[2].from.value() == Approx(16777216 / std::sqrt(2.0)));
    CHECK(fit.pieces[2].latency.value() == Approx(4e-3).epsilon(near));
    CHECK(fit.pieces[2].seconds_per_byte == Approx(1e-11).epsilon(near));
  }
}

TEST_CASE("piecewise fit: one slow point does not bend a line", "[unit]") {
  std::vector<TimedSize> points = curve(one, 30, 0);
  points[5].seconds *= 3;  // of 28
  const PiecewiseFit fit = fit_pieces(points);
  CHECK(evaluate(fit.pieces, 8.0) == Approx(10e-6).epsilon(0.05));
  CHECK(evaluate(fit.pieces, 1e9) == Approx(10e-6 + 0.1).epsilon(0.02));
}

TEST_CASE("piecewise fit: a curve never falls", "[unit]") {
  // 100, 200, 400, 800 us up to 64 B, then 100 us again: pooled.
  std::vector<TimedSize> points;
  for (int power = 3; power < 20; ++power) {
    points.push_back({std::exp2(power), (power < 7 ? 100e-6 * std::exp2(power - 3) : 100e-6)});
  }
  const PiecewiseFit fit = fit_pieces(points);
  double before = 0;
  for (double bytes = 1; bytes < 1e7; bytes *= 1.3) {
    CHECK(evaluate(fit.pieces, bytes) >= before);
    before = evaluate(fit.pieces, bytes);
  }
  // 13 of 17 sizes took 100 us.
  CHECK(evaluate(fit.pieces, 1e6) == Approx(100e-6).epsilon(0.05));
}

TEST_CASE("piecewise fit: too few sizes, sizes out of order, no time", "[unit]") {
  CHECK_THROWS_WITH(fit_pieces({{8, 1e-6}, {16, 1e-6}, {32, 1e-6}}),
                    "a fit needs four rising sizes with times above 0");
  CHECK_THROWS_AS(fit_pieces({{8, 1e-6}, {16, 1e-6}, {16, 1e-6}, {32, 1e-6}}),
                  std::invalid_argument);
  CHECK_THROWS_AS(fit_pieces({{8, 1e-6}, {16, 0}, {24, 1e-6}, {32, 1e-6}}), std::invalid_argument);
}
