// The options of a command as a table: the parser, the help and the completion script read it.
#pragma once

#include <map>
#include <stdexcept>
#include <string>
#include <vector>

namespace lockstep::cli {

// The command line is wrong (exit code 2). `hint` may be empty.
class UsageError : public std::runtime_error {
 public:
  explicit UsageError(const std::string& message, std::string hint = {})
      : std::runtime_error(message), hint_(std::move(hint)) {}
  [[nodiscard]] const std::string& hint() const { return hint_; }

 private:
  std::string hint_;
};

// One option. Without a value name it is a switch.
struct Option {
  std::string name;                  // without dashes
  std::string value_name;            // "FILE"; empty: a switch
  std::string doc;
  std::vector<std::string> choices;  // the only values; empty: any
  bool repeatable = false;
  char letter = 0;                   // "-g" for "--gpus"; 0: none
};

// One argument that is no option.
struct Positional {
  std::string name;                  // "SCENARIO"
  std::string doc;
  bool required = true;
  std::vector<std::string> choices;
};

// What was given.
class Arguments {
 public:
  [[nodiscard]] bool has(const std::string& option) const { return values_.count(option) > 0; }
  [[nodiscard]] std::string value(const std::string& option, const std::string& otherwise = {}) const;
  [[nodiscard]] std::vector<std::string> values(const std::string& option) const;
  [[nodiscard]] const std::vector<std::string>& positionals() const { return positionals_; }

 private:
  friend Arguments parse_arguments(const std::string& command, const std::vector<std::string>& arguments,
                                   const std::vector<Option>& options, const std::vector<Positional>& positionals);
  std::map<std::string, std::vector<std::string>> values_;
  std::vector<std::string> positionals_;
};

// Reads the arguments after the command's name. Strict where Boost.Program_options is not: no abbreviations, no
// empty value, no option twice unless repeatable, no further positionals. A positional's values may be given in the
// singular ("gpu" for "gpus"). `--help` (or -h) among them ends the
// checks: has("help") is then all that counts. Throws UsageError.
Arguments parse_arguments(const std::string& command, const std::vector<std::string>& arguments,
                          const std::vector<Option>& options, const std::vector<Positional>& positionals);

// "a, b, c".
std::string join(const std::vector<std::string>& names, const std::string& separator = ", ");

}  // namespace lockstep::cli
