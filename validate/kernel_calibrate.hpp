// `calibrate --corpus kernels`.
#pragma once

#include <filesystem>

#include "validate/command.hpp"

namespace lockstep::validation {

// Fits the tables that the arguments name, or those of the source tree beside `catalog`; --output
// writes the constants. Throws InputError.
Outcome run_corpus_kernels(const Arguments& arguments, const std::filesystem::path& catalog);

// Writes the whole text. Throws InputError E530, which calls it by `what`.
void write_result(const std::string& path, const std::string& text, const std::string& what);

}  // namespace lockstep::validation
