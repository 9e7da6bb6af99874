#include "topology/quantity.hpp"

#include <type_traits>

#include "tests/catch.hpp"

using namespace lockstep;

TEST_CASE("Quantity: a ratio has the dimension that arithmetic gives it") {
  // 100 GB at 50 GB/s is 2 s.
  CHECK((100_GB / 50_GBps).value() == Approx(2.0));
  CHECK((50_GBps * 2_s).value() == Approx(100e9));
  CHECK((100_GB / 2_s).value() == Approx(50e9));
  STATIC_REQUIRE(std::is_same_v<decltype(100_GB / 50_GBps), Seconds>);
  STATIC_REQUIRE(std::is_same_v<decltype(Flops{1.0} / 1_TFLOPs), Seconds>);
  STATIC_REQUIRE(std::is_same_v<decltype(Joules{1.0} / 1_s), Watts>);
  STATIC_REQUIRE(std::is_same_v<decltype(1.0 / 2_s), Hertz>);
}

TEST_CASE("Quantity: a ratio of equal dimensions is a plain number") {
  STATIC_REQUIRE(std::is_same_v<decltype(4_s / 2_s), double>);
  CHECK(4_s / 2_s == 2.0);
}

TEST_CASE("Quantity: GiB and GB differ by 7.4 percent") {
  CHECK((1_GiB).value() == 1073741824.0);
  CHECK((1_GB).value() == 1e9);
  CHECK(80_GiB / 80_GB == Approx(1.073741824));
}

TEST_CASE("Quantity: literals scale to base units") {
  CHECK((3_KiB).value() == 3072.0);
  CHECK((2_MiB).value() == 2097152.0);
  CHECK((5_us).value() == Approx(5e-6));
  CHECK((1.5_us).value() == Approx(1.5e-6));
  CHECK((7_ms).value() == Approx(7e-3));
  CHECK((2.5_GBps).value() == 2.5e9);
  CHECK((989.4_TFLOPs).value() == Approx(989.4e12));
}

TEST_CASE("Quantity: sums, factors and order stay inside one dimension") {
  Bytes sum = 1_GB + 2_GB;
  sum += 3_GB;
  sum -= 1_GB;
  sum *= 4.0;
  sum /= 2.0;
  CHECK(sum == 10_GB);
  CHECK(1_GB < 1_GiB);
  CHECK((-1_GB).value() == -1e9);
  STATIC_REQUIRE_FALSE(std::is_convertible_v<double, Bytes>);
  STATIC_REQUIRE_FALSE(std::is_convertible_v<Bytes, Seconds>);
}

TEST_CASE("Quantity: algorithm and bus bandwidth are different types") {
  STATIC_REQUIRE_FALSE(std::is_convertible_v<AlgorithmBandwidth, BusBandwidth>);
  STATIC_REQUIRE_FALSE(std::is_constructible_v<BusBandwidth, AlgorithmBandwidth>);
  CHECK(BusBandwidth{50_GBps}.rate() == 50_GBps);
  CHECK(BusBandwidth{50_GBps} < BusBandwidth{51_GBps});
}
