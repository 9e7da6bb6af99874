// Do numbers show three significant digits, and do printed parts sum to the printed total?
#include "sim/report/numbers.hpp"

#include <numeric>

#include "tests/catch.hpp"

using namespace lockstep;

TEST_CASE("three significant digits", "[unit][numbers]") {
  CHECK(three_digits(71.234) == "71.2");
  CHECK(three_digits(920.4) == "920");
  CHECK(three_digits(9.996) == "10.0");
  CHECK(three_digits(99.96) == "100");
  CHECK(three_digits(1234.5) == "1 230");
  CHECK(three_digits(3232128) == "3 230 000");
  CHECK(three_digits(0.04213) == "0.0421");
  CHECK(three_digits(4) == "4");
  CHECK(three_digits(0) == "0");
  CHECK(three_digits(-71.234) == "-71.2");
  CHECK(three_digits(1.0 / 0.0) == "—");
}

TEST_CASE("suffixes, times, memory, shares and probabilities", "[unit][numbers]") {
  CHECK(scaled(4194304) == "4.19 M");
  CHECK(scaled(15e12) == "15 T");
  CHECK(scaled(999.9) == "1.00 k");
  CHECK(scaled(920) == "920");
  CHECK(duration(71.234) == "71.2 s");
  CHECK(duration(0.8402) == "840 ms");
  CHECK(duration(0.00005) == "50.0 µs");
  CHECK(duration(41 * 86400.0) == "41.0 days");
  CHECK(duration(0) == "0 s");
  CHECK(memory(41.3 * 0x1p30) == "41.3 GiB");
  CHECK(memory(0.5 * 0x1p30) == "512 MiB");
  CHECK(memory(0) == "0 GiB");
  CHECK(percent(0.434) == "43 %");
  CHECK(percent(0.0242) == "2.4 %");
  CHECK(percent(0.0001) == "<0.1 %");
  CHECK(percent(0) == "0 %");
  CHECK(percent(1.5) == "150 %");
  CHECK(probability(0.834) == "P = 0.83");
  CHECK(probability(0.999) == "P > 0.99");
  CHECK(probability(0.001) == "P < 0.01");
}

TEST_CASE("an interval shows two digits of its width", "[unit][numbers]") {
  const DisplayUnit seconds{1, "s"};
  CHECK(interval({71.2, 66.1, 80.4}, seconds) == "[66 … 80]");       // 14 wide: units
  CHECK(interval({41.3, 39.42, 45.04}, seconds) == "[39.4 … 45.0]");  // 5.6 wide: tenths
  CHECK(interval({1.42, 1.351, 1.492}, seconds) == "[1.35 … 1.49]");
  CHECK(interval({5, 5, 5}, seconds) == "[5.00 … 5.00]");
}

TEST_CASE("rounded parts sum to the rounded total", "[unit][numbers]") {
  // Three thirds of 10.0: two get 3.3, one the tenth that is missing.
  const std::vector<double> parts = round_to_sum({10.0 / 3, 10.0 / 3, 10.0 / 3}, 10.0, 1);
  CHECK(std::accumulate(parts.begin(), parts.end(), 0.0) == Approx(10.0).epsilon(1e-12));
  CHECK(parts[0] == Approx(3.4));
  CHECK(parts[1] == Approx(3.3));
  // A part below half a step shows that it is there.
  CHECK(part(0.0, 0.01, 1) == "<0.1");
  CHECK(part(0.0, 0.0, 1) == "0");
  CHECK(part(3.4, 3.36, 1) == "3.4");
  // 105 needs no decimals, but its parts of two digits get one.
  CHECK(decimals_of_parts({50.2, 55.0}, 105.2) == 1);
  CHECK(decimals_of_parts({150.2, 55.0}, 205.2) == 0);
  CHECK(decimals_of_parts({1.02, 0.4}, 1.42) == 2);
  // Decimals of the total may be negative: steps of ten.
  CHECK(round_to_sum({624.0, 626.0}, 1250.0, -1) == std::vector<double>{620.0, 630.0});
}
