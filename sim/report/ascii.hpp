// The reports on terminals that show ASCII alone.
#pragma once

#include <string>
#include <string_view>

namespace lockstep {

// Every character of the reports and drawings as one of ASCII that takes as many columns; what has
// none as "?". Escape sequences of colours stay.
std::string to_ascii(std::string_view text);

}  // namespace lockstep
