#include "topology/quantity_text.hpp"

#include <clocale>
#include <limits>
#include <locale>

#include "tests/catch.hpp"

using namespace lockstep;

namespace {

// The value, which must be there.
double value_of(std::string_view text, Dimension dimension) {
  const ParsedQuantity parsed = parse_quantity(text, dimension);
  INFO(text << ": " << parsed.message);
  REQUIRE(parsed);
  return *parsed.value;
}

struct Rejection {
  std::string message, hint;
  bool operator==(const Rejection&) const = default;
};

std::ostream& operator<<(std::ostream& out, const Rejection& rejection) {
  return out << '{' << rejection.message << " | " << rejection.hint << '}';
}

Rejection rejection_of(std::string_view text, Dimension dimension) {
  const ParsedQuantity parsed = parse_quantity(text, dimension);
  INFO(text);
  REQUIRE_FALSE(parsed);
  return {parsed.message, parsed.hint};
}

}  // namespace

TEST_CASE("quantity text: units scale to base units") {
  // 400 gigabits are 50 gigabytes.
  CHECK(value_of("400 Gb/s", Dimension::bytes_per_second) == 50e9);
  CHECK(value_of("50 GB/s", Dimension::bytes_per_second) == 50e9);
  CHECK(value_of("3.35 TB/s", Dimension::bytes_per_second) == Approx(3.35e12));
  CHECK(value_of("80 GiB", Dimension::bytes) == 85899345920.0);
  CHECK(value_of("80 GB", Dimension::bytes) == 80e9);
  CHECK(value_of("989.4 TFLOP/s", Dimension::flops_per_second) == Approx(989.4e12));
  CHECK(value_of("1.5 PFLOP", Dimension::flops) == 1.5e15);
  CHECK(value_of("5 us", Dimension::seconds) == 5e-6);
  CHECK(value_of("1.2e-3 s", Dimension::seconds) == 1.2e-3);
  CHECK(value_of("2 h", Dimension::seconds) == 7200.0);
  CHECK(value_of("700 W", Dimension::watts) == 700.0);
  CHECK(value_of("20 %", Dimension::none) == 0.2);
  CHECK(value_of("0.2", Dimension::none) == 0.2);
}

TEST_CASE("quantity text: a micro sign and a Greek mu are the same unit") {
  CHECK(value_of("5 \u00b5s", Dimension::seconds) == 5e-6);
  CHECK(value_of("5 \u03bcs", Dimension::seconds) == 5e-6);
}

TEST_CASE("quantity text: Gbps and Gbit/s are Gb/s, and GBps is GB/s") {
  for (const char* text : {"400 Gbps", "400 Gbit/s", "400Gb/s", "  400   Gb/s\t"}) {
    CHECK(value_of(text, Dimension::bytes_per_second) == 50e9);
  }
  CHECK(value_of("400 GBps", Dimension::bytes_per_second) == 400e9);
}

TEST_CASE("quantity text: numbers take signs, exponents and open ends") {
  CHECK(value_of("+5 s", Dimension::seconds) == 5.0);
  CHECK(value_of("-5 s", Dimension::seconds) == -5.0);
  CHECK(value_of(".5 s", Dimension::seconds) == 0.5);
  CHECK(value_of("5. s", Dimension::seconds) == 5.0);
  CHECK(value_of("5E2s", Dimension::seconds) == 500.0);
  CHECK(value_of("5 EFLOP", Dimension::flops) == 5e18);
  CHECK(value_of("5EFLOP", Dimension::flops) == 5e18);
  CHECK(value_of("0.1", Dimension::none) == 0.1);
}

TEST_CASE("quantity text: only a zero may go without a unit") {
  CHECK(value_of("0", Dimension::bytes_per_second) == 0.0);
  CHECK(value_of("0.0", Dimension::seconds) == 0.0);
  CHECK(rejection_of("400", Dimension::bytes_per_second) ==
        Rejection{"needs a unit", "\"400 Gb/s\" (50 GB/s) or \"400 GB/s\"?"});
  CHECK(rejection_of("80", Dimension::bytes) ==
        Rejection{"needs a unit", "\"80 GB\" (10^9 bytes) or \"80 GiB\" (2^30 bytes)?"});
  CHECK(rejection_of("5", Dimension::seconds) ==
        Rejection{"needs a unit", "\"5 us\", \"5 ms\" or \"5 s\"?"});
  CHECK(rejection_of("989.4", Dimension::flops_per_second) ==
        Rejection{"needs a unit", "\"989.4 TFLOP/s\"?"});
  CHECK(rejection_of("700", Dimension::watts) == Rejection{"needs a unit", "\"700 W\"?"});
}

TEST_CASE("quantity text: a unit in the wrong case is not guessed") {
  CHECK(rejection_of("400 gb/s", Dimension::bytes_per_second) ==
        Rejection{"has the ambiguous unit \"gb/s\"", "\"400 Gb/s\" (50 GB/s) or \"400 GB/s\"?"});
  CHECK(rejection_of("25 gbps", Dimension::bytes_per_second) ==
        Rejection{"has the ambiguous unit \"gbps\"", "\"25 Gb/s\" (3.125 GB/s) or \"25 GB/s\"?"});
  CHECK(rejection_of("8 B/S", Dimension::bytes_per_second) ==
        Rejection{"has the ambiguous unit \"B/S\"", "\"8 b/s\" (1 B/s) or \"8 B/s\"?"});
  CHECK(rejection_of("5 MS", Dimension::seconds) ==
        Rejection{"has the unknown unit \"MS\"", "did you mean \"5 ms\"?"});
  CHECK(rejection_of("80 gib", Dimension::bytes) ==
        Rejection{"has the unknown unit \"gib\"", "did you mean \"80 GiB\"?"});
  CHECK(rejection_of("700 w", Dimension::watts) ==
        Rejection{"has the unknown unit \"w\"", "did you mean \"700 W\"?"});
}

TEST_CASE("quantity text: TFLOPs may be an amount or a rate") {
  CHECK(rejection_of("989 TFLOPs", Dimension::flops_per_second) ==
        Rejection{"has the ambiguous unit \"TFLOPs\"",
                  "\"989 TFLOP\" (an amount) or \"989 TFLOP/s\" (a rate)?"});
  CHECK(value_of("989 TFLOPS", Dimension::flops_per_second) == 989e12);
}

TEST_CASE("quantity text: bits are no memory size") {
  CHECK(rejection_of("80 Gb", Dimension::bytes) ==
        Rejection{"has the unit \"Gb\", which is bits", "\"80 GB\" or \"80 GiB\"?"});
}

TEST_CASE("quantity text: the wrong dimension is named") {
  CHECK(rejection_of("80 GiB", Dimension::bytes_per_second) ==
        Rejection{"must be a bandwidth, but \"80 GiB\" is a memory size",
                  "write it like \"400 Gb/s\" or \"50 GB/s\""});
  CHECK(rejection_of("50 GB/s", Dimension::bytes) ==
        Rejection{"must be a memory size, but \"50 GB/s\" is a bandwidth",
                  "write it like \"80 GB\" or \"80 GiB\""});
  CHECK(rejection_of("5 us", Dimension::none) ==
        Rejection{"must be a plain number, but \"5 us\" is a duration",
                  "write it like 0.2 or \"20 %\""});
  CHECK(rejection_of("5 %", Dimension::seconds) ==
        Rejection{"must be a duration, but \"5 %\" is a share",
                  "write it like \"5 us\", \"1.2 ms\" or \"3 s\""});
  CHECK(rejection_of("3 TFLOP", Dimension::flops_per_second) ==
        Rejection{"must be a compute rate, but \"3 TFLOP\" is a number of operations",
                  "write it like \"989.4 TFLOP/s\""});
}

TEST_CASE("quantity text: what is no finite number is rejected") {
  const std::string hint = "write it like \"5 us\", \"1.2 ms\" or \"3 s\"";
  CHECK(rejection_of("", Dimension::seconds) == Rejection{"is empty", hint});
  CHECK(rejection_of("   ", Dimension::seconds) == Rejection{"is empty", hint});
  CHECK(rejection_of("nan", Dimension::seconds) ==
        Rejection{"must be a finite number, not \"nan\"", hint});
  CHECK(rejection_of("-.inf", Dimension::seconds) ==
        Rejection{"must be a finite number, not \"-.inf\"", hint});
  CHECK(rejection_of("Infinity s", Dimension::seconds) ==
        Rejection{"must be a finite number, not \"Infinity s\"", hint});
  CHECK(rejection_of("fast", Dimension::seconds) ==
        Rejection{"must be a duration, not \"fast\"", hint});
  CHECK(rejection_of("1e400 s", Dimension::seconds) ==
        Rejection{"is out of the range of numbers: \"1e400 s\"", hint});
  CHECK(rejection_of("1e308 h", Dimension::seconds) ==
        Rejection{"is out of the range of numbers: \"1e308 h\"", hint});
}

TEST_CASE("quantity text: what follows a number is a unit or an error") {
  const std::string hint = "write it like \"80 GB\" or \"80 GiB\"";
  CHECK(rejection_of("80 GB x", Dimension::bytes) ==
        Rejection{"has the unknown unit \"GB x\"", hint});
  CHECK(rejection_of("1,000 GB", Dimension::bytes) ==
        Rejection{"has the unknown unit \",000 GB\"", hint});
  CHECK(rejection_of("0x10", Dimension::bytes) == Rejection{"has the unknown unit \"x10\"", hint});
  CHECK(rejection_of("1.2.3 GB", Dimension::bytes) ==
        Rejection{"has the unknown unit \".3 GB\"", hint});
  CHECK(rejection_of(std::string_view("8\0GB", 4), Dimension::bytes).message ==
        "has the unknown unit \"?GB\"");
}

TEST_CASE("quantity text: a leading zero may mean octal") {
  CHECK(rejection_of("010 GB", Dimension::bytes) ==
        Rejection{"has a leading zero: \"010 GB\"", "\"10 GB\"?"});
  CHECK(value_of("0.5 GB", Dimension::bytes) == 5e8);
}

TEST_CASE("quantity text: long garbage is quoted in part and whole characters") {
  const std::string message =
      rejection_of("1 " + std::string(39, 'x') + "\u00b5\u00b5\u00b5", Dimension::bytes).message;
  CHECK(message == "has the unknown unit \"" + std::string(39, 'x') + "...\"");
}

TEST_CASE("quantity text: sizes and times are written with three digits") {
  CHECK(to_text(Bytes{0}) == "0 B");
  CHECK(to_text(512_B) == "512 B");
  CHECK(to_text(41.3_GiB) == "41.3 GiB");
  CHECK(to_text(1_MiB) == "1.00 MiB");
  CHECK(to_text(1000_GiB) == "1000 GiB");
  CHECK(to_text(2048_GiB) == "2.00 TiB");
  CHECK(to_text(Bytes{-3.0 * 0x1p30}) == "-3.00 GiB");
  CHECK(to_text(71.2_s) == "71.2 s");
  CHECK(to_text(Seconds{0.0183}) == "18.3 ms");
  CHECK(to_text(4.1_us) == "4.10 \u00b5s");
  CHECK(to_text(Seconds{0}) == "0 s");
  CHECK(to_text(Seconds{0.9999}) == "1.00 s");
  CHECK(to_text(Seconds{9.996}) == "10.0 s");
  CHECK(to_text(Seconds{999.4}) == "999 s");
  CHECK(to_text(1800_s) == "30.0 min");
  CHECK(to_text(Seconds{36000}) == "10.0 h");
  CHECK(to_text(Seconds{12.3 * 86400}) == "12.3 days");
}

TEST_CASE("quantity text: rates are written in the unit that the field uses") {
  CHECK(to_text(50_GBps) == "50.0 GB/s");
  CHECK(to_text(3350_GBps) == "3350 GB/s");
  CHECK(to_bit_rate_text(50_GBps) == "400 Gb/s");
  CHECK(to_text(989.4_TFLOPs) == "989 TFLOP/s");
  CHECK(to_text(2250_TFLOPs) == "2250 TFLOP/s");
  CHECK(to_text(FlopsPerSecond{63.3e15}) == "63.3 PFLOP/s");
  CHECK(to_text(Flops{4.54e21}) == "4.54 ZFLOP");
  CHECK(to_text(Watts{700}) == "700 W");
  CHECK(to_text(Watts{10200}) == "10.2 kW");
  CHECK(to_text(Seconds{std::numeric_limits<double>::infinity()}) == "inf");
}

TEST_CASE("quantity text: what is written is read back") {
  for (const double bytes : {1.0, 1500.0, 3e6, 7.7e9, 8e12, 4.2e15}) {
    CHECK(value_of(to_text(Bytes{bytes}), Dimension::bytes) == Approx(bytes).epsilon(0.005));
  }
  for (const double time : {2e-9, 3.3e-6, 0.02, 5.0, 500.0, 5000.0, 50000.0}) {
    CHECK(value_of(to_text(Seconds{time}), Dimension::seconds) == Approx(time).epsilon(0.005));
  }
}

TEST_CASE("quantity text: the locale changes nothing") {
  // Streams and, where the machine has that locale, the C library would read and write 1,5.
  struct CommaPoint : std::numpunct<char> {
    char do_decimal_point() const override { return ','; }
    char do_thousands_sep() const override { return '.'; }
    std::string do_grouping() const override { return "\3"; }
  };
  const std::string c_before = std::setlocale(LC_ALL, nullptr);
  const std::locale before =
      std::locale::global(std::locale(std::locale::classic(), new CommaPoint));
  std::setlocale(LC_ALL, "de_DE.UTF-8");
  CHECK(value_of("1.5 GB", Dimension::bytes) == 1.5e9);
  CHECK(value_of("1234567.5 s", Dimension::seconds) == 1234567.5);
  CHECK(to_text(1.5_s) == "1.50 s");
  CHECK(to_text(3350_GBps) == "3350 GB/s");
  std::locale::global(before);
  std::setlocale(LC_ALL, c_before.c_str());
}
