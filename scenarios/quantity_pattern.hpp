// Quantities as a JSON Schema sees them: what parse_quantity() accepts, as a regular expression.
#pragma once

#include <string>

#include "topology/quantity_text.hpp"

namespace lockstep {

// Anchored, in the common part of ECMA-262 and other dialects.
std::string quantity_pattern(Dimension dimension);

// A text that the pattern matches.
const char* quantity_example(Dimension dimension);

}  // namespace lockstep
