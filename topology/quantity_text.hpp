// Quantities as people write them, "400 Gb/s" or "80 GiB", into base units and back.
// Nothing here depends on the locale.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "topology/quantity.hpp"

namespace lockstep {

// What a text must measure. `none` is a plain number or a percentage.
enum class Dimension { none, bytes, seconds, bytes_per_second, flops, flops_per_second, watts };

// "a bandwidth", "a memory size" …: with the article, for messages.
const char* to_string(Dimension dimension);

// A number in base units (bytes, seconds, FLOP, watts), or why the text is none. `message` is a
// predicate that reads on after the name of the key: "needs a unit"; `hint` says what to write
// instead.
struct ParsedQuantity {
  std::optional<double> value;
  std::string message;
  std::string hint;

  [[nodiscard]] explicit operator bool() const { return value.has_value(); }
};

// Reads "400 Gb/s", "80GiB", "1.2e-3 s", "20 %". The unit is case-sensitive: b is a bit, B a byte;
// GB is 10^9 bytes, GiB 2^30. Gbps = Gbit/s = Gb/s and GBps = GB/s. A zero may go without its unit,
// no other number may. Signs pass: ranges are the caller's matter. NaN, infinities and numbers
// beyond double are errors.
ParsedQuantity parse_quantity(std::string_view text, Dimension expected);

// Three significant digits and the unit that suits the size: "41.3 GiB", "18.3 ms", "4.10 µs",
// "50.0 GB/s".
std::string to_text(Bytes bytes);
std::string to_text(Seconds time);
std::string to_text(BytesPerSecond bandwidth);
std::string to_text(Flops flops);
std::string to_text(FlopsPerSecond rate);
std::string to_text(Watts power);

// A network bandwidth as the field quotes it: "400 Gb/s".
std::string to_bit_rate_text(BytesPerSecond bandwidth);

// Three significant digits, no exponent: "0.0123", "1.20", "45.0", "1234".
std::string to_text(double number);

}  // namespace lockstep
