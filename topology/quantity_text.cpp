#include "topology/quantity_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <locale>
#include <sstream>
#include <vector>

namespace lockstep {
namespace {

struct Unit {
  std::string_view name;
  Dimension dimension;
  double factor;  // base units per unit
};

constexpr double bit = 1.0 / 8.0;

// Every spelling that is accepted. Of several for one unit the first is the one that hints use.
constexpr std::array units{
    Unit{"%", Dimension::none, 0.01},
    Unit{"B", Dimension::bytes, 1.0},
    Unit{"kB", Dimension::bytes, 1e3},
    Unit{"MB", Dimension::bytes, 1e6},
    Unit{"GB", Dimension::bytes, 1e9},
    Unit{"TB", Dimension::bytes, 1e12},
    Unit{"PB", Dimension::bytes, 1e15},
    Unit{"KiB", Dimension::bytes, 0x1p10},
    Unit{"MiB", Dimension::bytes, 0x1p20},
    Unit{"GiB", Dimension::bytes, 0x1p30},
    Unit{"TiB", Dimension::bytes, 0x1p40},
    Unit{"PiB", Dimension::bytes, 0x1p50},
    Unit{"byte", Dimension::bytes, 1.0},
    Unit{"bytes", Dimension::bytes, 1.0},
    Unit{"s", Dimension::seconds, 1.0},
    Unit{"ms", Dimension::seconds, 1e-3},
    Unit{"us", Dimension::seconds, 1e-6},
    Unit{"\u00b5s", Dimension::seconds, 1e-6},  // micro sign
    Unit{"\u03bcs", Dimension::seconds, 1e-6},  // Greek mu
    Unit{"ns", Dimension::seconds, 1e-9},
    Unit{"min", Dimension::seconds, 60.0},
    Unit{"h", Dimension::seconds, 3600.0},
    Unit{"d", Dimension::seconds, 86400.0},
    Unit{"B/s", Dimension::bytes_per_second, 1.0},
    Unit{"kB/s", Dimension::bytes_per_second, 1e3},
    Unit{"MB/s", Dimension::bytes_per_second, 1e6},
    Unit{"GB/s", Dimension::bytes_per_second, 1e9},
    Unit{"TB/s", Dimension::bytes_per_second, 1e12},
    Unit{"PB/s", Dimension::bytes_per_second, 1e15},
    Unit{"KiB/s", Dimension::bytes_per_second, 0x1p10},
    Unit{"MiB/s", Dimension::bytes_per_second, 0x1p20},
    Unit{"GiB/s", Dimension::bytes_per_second, 0x1p30},
    Unit{"TiB/s", Dimension::bytes_per_second, 0x1p40},
    Unit{"MBps", Dimension::bytes_per_second, 1e6},
    Unit{"GBps", Dimension::bytes_per_second, 1e9},
    Unit{"TBps", Dimension::bytes_per_second, 1e12},
    Unit{"b/s", Dimension::bytes_per_second, bit},
    Unit{"kb/s", Dimension::bytes_per_second, 1e3 * bit},
    Unit{"Mb/s", Dimension::bytes_per_second, 1e6 * bit},
    Unit{"Gb/s", Dimension::bytes_per_second, 1e9 * bit},
    Unit{"Tb/s", Dimension::bytes_per_second, 1e12 * bit},
    Unit{"bit/s", Dimension::bytes_per_second, bit},
    Unit{"kbit/s", Dimension::bytes_per_second, 1e3 * bit},
    Unit{"Mbit/s", Dimension::bytes_per_second, 1e6 * bit},
    Unit{"Gbit/s", Dimension::bytes_per_second, 1e9 * bit},
    Unit{"Tbit/s", Dimension::bytes_per_second, 1e12 * bit},
    Unit{"kbps", Dimension::bytes_per_second, 1e3 * bit},
    Unit{"Mbps", Dimension::bytes_per_second, 1e6 * bit},
    Unit{"Gbps", Dimension::bytes_per_second, 1e9 * bit},
    Unit{"Tbps", Dimension::bytes_per_second, 1e12 * bit},
    Unit{"FLOP", Dimension::flops, 1.0},
    Unit{"MFLOP", Dimension::flops, 1e6},
    Unit{"GFLOP", Dimension::flops, 1e9},
    Unit{"TFLOP", Dimension::flops, 1e12},
    Unit{"PFLOP", Dimension::flops, 1e15},
    Unit{"EFLOP", Dimension::flops, 1e18},
    Unit{"ZFLOP", Dimension::flops, 1e21},
    Unit{"YFLOP", Dimension::flops, 1e24},
    Unit{"FLOP/s", Dimension::flops_per_second, 1.0},
    Unit{"MFLOP/s", Dimension::flops_per_second, 1e6},
    Unit{"GFLOP/s", Dimension::flops_per_second, 1e9},
    Unit{"TFLOP/s", Dimension::flops_per_second, 1e12},
    Unit{"PFLOP/s", Dimension::flops_per_second, 1e15},
    Unit{"EFLOP/s", Dimension::flops_per_second, 1e18},
    Unit{"GFLOPS", Dimension::flops_per_second, 1e9},
    Unit{"TFLOPS", Dimension::flops_per_second, 1e12},
    Unit{"PFLOPS", Dimension::flops_per_second, 1e15},
    Unit{"W", Dimension::watts, 1.0},
    Unit{"kW", Dimension::watts, 1e3},
    Unit{"MW", Dimension::watts, 1e6},
};

// Spellings that two readers would read differently, with both readings.
struct AmbiguousUnit {
  std::string_view name;
  std::string_view first, second;
};
constexpr std::array ambiguous_units{
    AmbiguousUnit{"GFLOPs", "GFLOP", "GFLOP/s"},
    AmbiguousUnit{"TFLOPs", "TFLOP", "TFLOP/s"},
    AmbiguousUnit{"PFLOPs", "PFLOP", "PFLOP/s"},
    AmbiguousUnit{"EFLOPs", "EFLOP", "EFLOP/s"},
};

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

std::string lower(std::string_view text) {
  std::string result{text};
  for (char& c : result) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return result;
}

// The text as a message may quote it: short, and control characters made visible.
std::string quoted(std::string_view text) {
  constexpr std::size_t longest = 40;
  std::string result = "\"";
  for (const char c : text.substr(0, longest)) {
    result += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c;
  }
  // A cut inside a UTF-8 sequence would leave half a character.
  if (text.size() > longest) {
    while (!result.empty() && (static_cast<unsigned char>(result.back()) & 0xc0U) == 0x80U)
      result.pop_back();
    if (!result.empty() && (static_cast<unsigned char>(result.back()) & 0x80U) != 0)
      result.pop_back();
    result += "...";
  }
  return result + "\"";
}

// Length of the decimal number [+-] digits [. digits] [e [+-] digits] at the start of the text; 0:
// none.
std::size_t number_length(std::string_view text) {
  const auto at = [&](std::size_t i) { return i < text.size() ? text[i] : '\0'; };
  std::size_t i = at(0) == '+' || at(0) == '-' ? 1 : 0;
  std::size_t digits = 0;
  for (; is_digit(at(i)); ++i) ++digits;
  if (at(i) == '.') {
    for (++i; is_digit(at(i)); ++i) ++digits;
  }
  if (digits == 0) return 0;
  if (at(i) == 'e' || at(i) == 'E') {
    const std::size_t sign = at(i + 1) == '+' || at(i + 1) == '-' ? 1 : 0;
    if (is_digit(at(i + 1 + sign))) {
      for (i += 1 + sign; is_digit(at(i)); ++i) {
      }
    }
  }
  return i;
}

// The value of a number of the grammar above; nothing where double cannot hold it.
std::optional<double> to_double(std::string_view number) {
  if (number.front() == '+') number.remove_prefix(1);
  std::istringstream stream{std::string{number}};
  stream.imbue(std::locale::classic());
  double value = 0.0;
  stream >> value;
  if (!stream.fail() && std::isfinite(value)) return value;
  return std::nullopt;
}

const Unit* find_unit(std::string_view name) {
  for (const Unit& unit : units) {
    if (unit.name == name) return &unit;
  }
  return nullptr;
}

// `"400 Gb/s" (50 GB/s) or "400 GB/s"?`
std::string bandwidth_hint(std::string_view number, char prefix) {
  const std::optional<double> bits = to_double(number);
  const std::string unit = prefix == '\0' ? "" : std::string(1, prefix);
  return fmt::format("\"{0} {1}b/s\" ({2:.6g} {1}B/s) or \"{0} {1}B/s\"?", number, unit,
                     bits.value_or(0.0) * bit);
}

std::string missing_unit_hint(std::string_view number, Dimension expected) {
  switch (expected) {
    case Dimension::bytes:
      return fmt::format("\"{0} GB\" (10^9 bytes) or \"{0} GiB\" (2^30 bytes)?", number);
    case Dimension::seconds:
      return fmt::format("\"{0} us\", \"{0} ms\" or \"{0} s\"?", number);
    case Dimension::bytes_per_second:
      return bandwidth_hint(number, 'G');
    case Dimension::flops:
      return fmt::format("\"{} TFLOP\"?", number);
    case Dimension::flops_per_second:
      return fmt::format("\"{} TFLOP/s\"?", number);
    case Dimension::watts:
      return fmt::format("\"{} W\"?", number);
    case Dimension::none:
      break;
  }
  return {};
}

std::string example_hint(Dimension expected) {
  switch (expected) {
    case Dimension::bytes:
      return "write it like \"80 GB\" or \"80 GiB\"";
    case Dimension::seconds:
      return "write it like \"5 us\", \"1.2 ms\" or \"3 s\"";
    case Dimension::bytes_per_second:
      return "write it like \"400 Gb/s\" or \"50 GB/s\"";
    case Dimension::flops:
      return "write it like \"1.5 TFLOP\"";
    case Dimension::flops_per_second:
      return "write it like \"989.4 TFLOP/s\"";
    case Dimension::watts:
      return "write it like \"700 W\"";
    case Dimension::none:
      break;
  }
  return "write it like 0.2 or \"20 %\"";
}

ParsedQuantity failure(std::string message, std::string hint) {
  return {std::nullopt, std::move(message), std::move(hint)};
}

// A unit of no table: the ones that differ only in case or in how bits, bytes and rates are spelt.
ParsedQuantity unknown_unit(std::string_view number, std::string_view name, Dimension expected) {
  const std::string message = fmt::format("has the unknown unit {}", quoted(name));
  for (const AmbiguousUnit& unit : ambiguous_units) {
    if (unit.name != name) continue;
    return failure(fmt::format("has the ambiguous unit {}", quoted(name)),
                   fmt::format("\"{0} {1}\" (an amount) or \"{0} {2}\" (a rate)?", number,
                               unit.first, unit.second));
  }
  if (expected == Dimension::bytes &&
      (name == "Mb" || name == "Gb" || name == "Tb" || name == "Pb")) {
    return failure(fmt::format("has the unit {}, which is bits", quoted(name)),
                   fmt::format("\"{0} {1}B\" or \"{0} {1}iB\"?", number, name.front()));
  }
  std::vector<const Unit*> near;
  for (const Unit& unit : units) {
    if (unit.dimension == expected && lower(unit.name) == lower(name)) near.push_back(&unit);
  }
  if (expected == Dimension::bytes_per_second && near.size() >= 2) {
    return failure(
        fmt::format("has the ambiguous unit {}", quoted(name)),
        bandwidth_hint(number, near.front()->name.size() > 3 ? near.front()->name.front() : '\0'));
  }
  if (!near.empty())
    return failure(message, fmt::format("did you mean \"{} {}\"?", number, near.front()->name));
  return failure(message, example_hint(expected));
}

}  // namespace

const char* to_string(Dimension dimension) {
  switch (dimension) {
    case Dimension::none:
      return "a plain number";
    case Dimension::bytes:
      return "a memory size";
    case Dimension::seconds:
      return "a duration";
    case Dimension::bytes_per_second:
      return "a bandwidth";
    case Dimension::flops:
      return "a number of operations";
    case Dimension::flops_per_second:
      return "a compute rate";
    case Dimension::watts:
      return "a power";
  }
  return "";
}

ParsedQuantity parse_quantity(std::string_view text, Dimension expected) {
  const std::string_view all = trimmed(text);
  if (all.empty()) return failure("is empty", example_hint(expected));

  const std::size_t length = number_length(all);
  if (length == 0) {
    // YAML's .nan and -.inf too.
    const std::string word = lower(all.substr(std::min(all.find_first_not_of("+-."), all.size())));
    const bool not_finite = word.starts_with("nan") || word.starts_with("inf");
    return failure(fmt::format("must be {}, not {}",
                               not_finite ? "a finite number" : to_string(expected), quoted(all)),
                   example_hint(expected));
  }
  const std::string_view number = all.substr(0, length);
  const std::string_view name = trimmed(all.substr(length));

  // 010 is eight to some readers and ten to others.
  const std::string_view unsigned_number =
      number.substr(number.front() == '-' || number.front() == '+' ? 1 : 0);
  if (unsigned_number.size() > 1 && unsigned_number[0] == '0' && is_digit(unsigned_number[1])) {
    std::string_view stripped = unsigned_number;
    while (stripped.size() > 1 && stripped[0] == '0' && is_digit(stripped[1]))
      stripped.remove_prefix(1);
    return failure(fmt::format("has a leading zero: {}", quoted(all)),
                   fmt::format("\"{}{}{}{}\"?", number.front() == '-' ? "-" : "", stripped,
                               name.empty() ? "" : " ", name));
  }
  const std::optional<double> parsed = to_double(number);
  if (!parsed) {
    return failure(fmt::format("is out of the range of numbers: {}", quoted(all)),
                   example_hint(expected));
  }

  if (name.empty()) {
    if (expected == Dimension::none || *parsed == 0.0) return {*parsed, {}, {}};
    return failure("needs a unit", missing_unit_hint(number, expected));
  }
  const Unit* unit = find_unit(name);
  if (unit == nullptr) return unknown_unit(number, name, expected);
  if (unit->dimension != expected) {
    return failure(fmt::format("must be {}, but {} is {}", to_string(expected), quoted(all),
                               name == "%" ? "a share" : to_string(unit->dimension)),
                   example_hint(expected));
  }
  // Dividing by a power of ten rounds once: 20 % is 0.2 and 5 us is 5e-6 to the last bit.
  const double value =
      unit->factor < 1.0 ? *parsed / std::round(1.0 / unit->factor) : *parsed * unit->factor;
  if (!std::isfinite(value)) {
    return failure(fmt::format("is out of the range of numbers: {}", quoted(all)),
                   example_hint(expected));
  }
  return {value, {}, {}};
}

}  // namespace lockstep
