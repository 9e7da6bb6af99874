// Numbers of a file: counts and quantities within their ranges, or why the text is none.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "scenarios/fields.hpp"
#include "scenarios/node.hpp"

namespace lockstep {

// Without a value: `message` reads on after the key ("must be a whole number …").
template <class Number>
struct ParsedText {
  std::optional<Number> value;
  std::string code;
  std::string message;
  std::string hint;
};
using CountText = ParsedText<std::int64_t>;
using NumberText = ParsedText<double>;

CountText parse_count(const Node& scalar, std::int64_t low, std::int64_t high);
NumberText parse_number(const Node& scalar, Dimension dimension, Range range);

// A value in base units as a message shows it: "1 GB/s", "0.5".
std::string quantity_for_message(double value, Dimension dimension);

}  // namespace lockstep
