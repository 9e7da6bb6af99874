// Which catalog a command reads.
#pragma once

#include <filesystem>
#include <vector>

#include "scenarios/scenario.hpp"
#include "sim/cli/environment.hpp"
#include "sim/cli/options.hpp"

namespace lockstep::cli {

// --set as the scenario library takes it. Throws UsageError where one has no "=".
std::vector<Setting> settings_of(const Arguments& arguments);

// The folder of --catalog; without it the one that was installed beside the program, else the source tree's.
// Throws InputError where the folder is none or holds no catalog.
Catalog open_catalog(const Arguments& arguments, const Environment& environment, std::vector<Setting> settings);

}  // namespace lockstep::cli
