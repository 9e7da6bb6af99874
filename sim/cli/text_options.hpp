// How a command's text is written.
#pragma once

#include "sim/cli/environment.hpp"
#include "sim/cli/options.hpp"
#include "sim/report/render.hpp"

namespace lockstep::cli {

// --color, the terminal and NO_COLOR; --ops.
TextOptions text_options(const Arguments& arguments, const Environment& environment);

}  // namespace lockstep::cli
