// A command line again, as a shell reads it.
#pragma once

#include <string>
#include <vector>

#include "sim/cli/options.hpp"

namespace lockstep::cli {

// As a shell reads it as one word.
std::string shell_word(const std::string& word);

// An option as it was given, a word or two each time: "--fix tensor=8".
void add_given(const Arguments& arguments, const Option& option, std::vector<std::string>& words);

// "lockstep", the command, its first positional and its options, but for the options left out.
std::vector<std::string> command_words(const std::string& command, const Arguments& arguments,
                                       const std::vector<std::string>& left_out);

}  // namespace lockstep::cli
