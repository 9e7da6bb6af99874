// The environment of this process, for main().
#pragma once

#include "sim/cli/environment.hpp"

namespace lockstep::cli {

Environment process_environment();

}  // namespace lockstep::cli
