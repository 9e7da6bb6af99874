// The completion script of bash, from the table of commands.
#include <fmt/format.h>

#include <set>

#include "sim/cli/commands.hpp"

namespace lockstep::cli {

namespace {

std::string case_of_values(const Option& option) {
  if (!option.choices.empty()) {
    return fmt::format("    --{}) COMPREPLY=($(compgen -W '{}' -- \"$word\")); return ;;\n", option.name,
                       join(option.choices, " "));
  }
  if (option.value_name == "DIR") {
    return fmt::format("    --{}) COMPREPLY=($(compgen -d -- \"$word\")); return ;;\n", option.name);
  }
  if (option.value_name == "FILE") {
    return fmt::format("    --{}) COMPREPLY=($(compgen -f -- \"$word\")); return ;;\n", option.name);
  }
  return option.value_name.empty() ? std::string{} : fmt::format("    --{}) return ;;\n", option.name);
}

std::string case_of_command(const Command& command) {
  std::string words = "--help";
  for (const Option& option : command.options) words += " --" + option.name;
  for (const Positional& positional : command.positionals) {
    if (!positional.choices.empty()) words += " " + join(positional.choices, " ");
  }
  return fmt::format("    {}) words='{}' ;;\n", command.name, words);
}

}  // namespace

Outcome run_completion(const Arguments& /*arguments*/, const Environment& /*environment*/) {
  std::string names;
  std::string values;
  std::string cases;
  std::set<std::string> seen;
  for (const Command& command : commands()) {
    names += (names.empty() ? "" : " ") + std::string(command.name);
    cases += case_of_command(command);
    for (const Option& option : command.options) {
      if (seen.insert(option.name).second) values += case_of_values(option);
    }
  }
  std::string script = "# Completion of lockstep for bash: source <(lockstep completion bash)\n"
                       "_lockstep() {\n"
                       "  local word=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]} words=\n"
                       "  if ((COMP_CWORD == 1)); then\n";
  script += fmt::format("    COMPREPLY=($(compgen -W '{} --help --version' -- \"$word\"))\n", names);
  script += "    return\n  fi\n  case $previous in\n" + values + "  esac\n  case ${COMP_WORDS[1]} in\n" + cases +
            "  esac\n"
            "  COMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n"
            "  [[ $word == -* ]] || COMPREPLY+=($(compgen -f -- \"$word\"))\n"
            "}\n"
            "complete -o filenames -o bashdefault -F _lockstep lockstep\n";
  return {script, exit_ok};
}

}  // namespace lockstep::cli
