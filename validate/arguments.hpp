// Options of lockstep-validate's commands, as a table; strict: no abbreviations, nothing ignored.
#pragma once

#include <map>
#include <stdexcept>
#include <string>
#include <vector>

namespace lockstep::validation {

// The command line is wrong (exit code 2). `hint` may be empty.
class UsageError : public std::runtime_error {
 public:
  explicit UsageError(const std::string& message, std::string hint = {})
      : std::runtime_error(message), hint_(std::move(hint)) {}
  [[nodiscard]] const std::string& hint() const { return hint_; }

 private:
  std::string hint_;
};

struct Option {
  std::string name;                  // without dashes
  std::string value_name;            // "DIR"; empty: a switch
  std::string doc;
  std::vector<std::string> choices;  // the only values; empty: any
  bool repeatable = false;
  char letter = 0;  // "-o" for "--output"; 0: none
};

struct Arguments {
  std::map<std::string, std::vector<std::string>> values;
  std::vector<std::string> files;
  bool help = false;

  [[nodiscard]] std::string value(const std::string& option, const std::string& otherwise = {}) const;
};

// Reads `--name value`, `--name=value`, `-l value` and files; `--` ends the options. Throws
// UsageError.
Arguments parse_arguments(const std::vector<std::string>& arguments, const std::vector<Option>& options);

}  // namespace lockstep::validation
