#include "sim/cli/shell_words.hpp"

#include <algorithm>

#include "scenarios/utf8.hpp"
#include "sim/cli/commands.hpp"

namespace lockstep::cli {

std::string shell_word(const std::string& word) {
  constexpr const char* plain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789@%+=:,./_-";
  if (!word.empty() && word.find_first_not_of(plain) == std::string::npos) return word;
  std::string quoted = "'";
  for (const char c : word) {
    if (c == '\'') {
      quoted += "'\\''";
    } else {
      quoted += c;
    }
  }
  return printable(quoted + "'");
}

void add_given(const Arguments& arguments, const Option& option, std::vector<std::string>& words) {
  if (option.value_name.empty() && arguments.has(option.name)) words.push_back("--" + option.name);
  for (const std::string& value : arguments.values(option.name)) {
    words.push_back("--" + option.name + " " + shell_word(value));
  }
}

std::vector<std::string> command_words(const std::string& command, const Arguments& arguments,
                                       const std::vector<std::string>& left_out) {
  std::vector<std::string> words{"lockstep", command, shell_word(arguments.positionals().front())};
  for (const Option& option : find_command(command)->options) {
    if (std::find(left_out.begin(), left_out.end(), option.name) != left_out.end()) continue;
    add_given(arguments, option, words);
  }
  return words;
}

}  // namespace lockstep::cli
