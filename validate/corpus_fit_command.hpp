// lockstep-validate calibrate --corpus runs
#pragma once

#include <filesystem>
#include <iosfwd>

#include "validate/command.hpp"

namespace lockstep::validation {

// Fits to the tables that the arguments name, or to that of the source tree beside `catalog`.
// --output names a folder for runs.yaml and evidence.yaml. Throws InputError.
Outcome run_corpus_runs(const Arguments& arguments, const std::filesystem::path& catalog,
                        std::ostream* progress_to);

}  // namespace lockstep::validation
