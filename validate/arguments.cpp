#include "validate/arguments.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "scenarios/diagnostics.hpp"
#include "scenarios/utf8.hpp"

namespace lockstep::validation {
namespace {

const Option& find_option(const std::string& name, const std::vector<Option>& options) {
  std::vector<std::string> names;
  for (const Option& option : options) {
    if (option.name == name) return option;
    names.push_back(option.name);
  }
  const std::string near = nearest_name(name, names);
  throw UsageError(fmt::format("there is no option --{}", printable(name)),
                   near.empty() ? fmt::format("the options: --{}", fmt::join(names, ", --"))
                                : fmt::format("did you mean --{}?", near));
}

// The option that "-o" is short for; null where there is none.
const Option* option_of_letter(const std::string& argument, const std::vector<Option>& options) {
  if (argument.size() != 2 || argument[0] != '-') return nullptr;
  const auto found = std::find_if(options.begin(), options.end(), [&](const Option& option) {
    return option.letter == argument[1];
  });
  return found == options.end() ? nullptr : &*found;
}

void check_choice(const Option& option, const std::string& value) {
  if (value.empty()) throw UsageError(fmt::format("--{} has an empty value", option.name));
  const auto& choices = option.choices;
  if (choices.empty() || std::find(choices.begin(), choices.end(), value) != choices.end()) return;
  throw UsageError(fmt::format("--{} is '{}'", option.name, printable(value)),
                   fmt::format("one of {}", fmt::join(choices, ", ")));
}

}  // namespace

std::string Arguments::value(const std::string& option, const std::string& otherwise) const {
  const auto found = values.find(option);
  return found == values.end() ? otherwise : found->second.back();
}

Arguments parse_arguments(const std::vector<std::string>& arguments, const std::vector<Option>& options) {
  Arguments out;
  for (const std::string& argument : arguments) {
    if (argument == "--") break;
    if (argument == "--help" || argument == "-h") out.help = true;
  }
  if (out.help) return out;

  bool only_files = false;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string& argument = arguments[i];
    if (only_files || argument.compare(0, 1, "-") != 0) {
      out.files.push_back(argument);
      continue;
    }
    if (argument == "--") {
      only_files = true;
      continue;
    }
    const Option* with_letter = option_of_letter(argument, options);
    if (with_letter == nullptr && argument.compare(0, 2, "--") != 0) {
      throw UsageError(fmt::format("there is no option {}", printable(argument)), "options begin with two dashes");
    }
    const std::size_t equals = with_letter == nullptr ? argument.find('=') : std::string::npos;
    const Option& option =
        with_letter != nullptr
            ? *with_letter
            : find_option(argument.substr(2, equals == std::string::npos ? equals : equals - 2),
                          options);
    std::string value;
    if (option.value_name.empty()) {
      if (equals != std::string::npos)
        throw UsageError(fmt::format("--{} takes no value", option.name));
      out.values[option.name] = {"yes"};
      continue;
    }
    if (equals != std::string::npos) {
      value = argument.substr(equals + 1);
    } else if (i + 1 < arguments.size() && arguments[i + 1].compare(0, 2, "--") != 0) {
      value = arguments[++i];
    } else {
      throw UsageError(fmt::format("--{} needs a value: --{} {}", option.name, option.name, option.value_name));
    }
    check_choice(option, value);
    std::vector<std::string>& given = out.values[option.name];
    if (!given.empty() && !option.repeatable) throw UsageError(fmt::format("--{} is given twice", option.name));
    given.push_back(std::move(value));
  }
  return out;
}

}  // namespace lockstep::validation
