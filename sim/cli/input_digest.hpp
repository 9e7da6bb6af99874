// Whether two processes run the same program on the same input.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "sim/cli/environment.hpp"

namespace lockstep::cli {

// Of a file's bytes; "" where it cannot be read. Tells accidents apart, not forgeries.
std::string file_digest(const std::filesystem::path& file);

// Of everything that `lockstep search ARGUMENTS` may read: the arguments, the scenario and the
// files that it names, the catalog's files, those of --calibration. Where the arguments are wrong
// or a file is missing, of what there is: the command itself complains.
std::string input_digest(const std::vector<std::string>& arguments, const Environment& environment);

}  // namespace lockstep::cli
