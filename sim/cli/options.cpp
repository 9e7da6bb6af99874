#include "sim/cli/options.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/program_options.hpp>

#include "scenarios/diagnostics.hpp"
#include "scenarios/utf8.hpp"

namespace lockstep::cli {

namespace {

namespace po = boost::program_options;

// Help wins over every other mistake on the line, up to the "--" that ends the options.
bool asks_for_help(const std::vector<std::string>& arguments) {
  const auto end = std::find(arguments.begin(), arguments.end(), "--");
  return std::any_of(arguments.begin(), end, [](const std::string& a) { return a == "--help" || a == "-h"; });
}

std::string nearest_hint(const std::string& name, const std::vector<std::string>& valid, const std::string& before) {
  const std::string nearest = nearest_name(name, valid);
  return nearest.empty() ? std::string{} : fmt::format("did you mean {}{}?", before, nearest);
}

void check_choice(const std::string& what, const std::string& value, const std::vector<std::string>& choices) {
  if (choices.empty() || std::find(choices.begin(), choices.end(), value) != choices.end()) return;
  throw UsageError(fmt::format("{} cannot be '{}'; it is one of: {}", what, printable(value), join(choices)),
                   nearest_hint(value, choices, ""));
}

po::options_description description_of(const std::vector<Option>& options) {
  po::options_description description;
  for (const Option& option : options) {
    const std::string name = option.letter == 0 ? option.name : option.name + "," + option.letter;
    if (option.value_name.empty()) {
      description.add_options()(name.c_str(), "");
    } else {
      description.add_options()(name.c_str(), po::value<std::string>(), "");
    }
  }
  return description;
}

[[noreturn]] void unknown_option(const std::string& command, std::string given, const std::vector<Option>& options) {
  given = given.substr(0, given.find('='));
  std::vector<std::string> names{"help"};
  for (const Option& option : options) names.push_back(option.name);
  const std::string bare = given.substr(std::min(given.find_first_not_of('-'), given.size()));
  throw UsageError(fmt::format("{} has no option '{}'", command, printable(given)), nearest_hint(bare, names, "--"));
}

// Splits the line into options and the rest; what Boost reports becomes a UsageError.
std::vector<po::option> split(const std::string& command, const std::vector<std::string>& arguments,
                              const std::vector<Option>& options) {
  using po::command_line_style::style_t;
  const int style = style_t::allow_long | style_t::allow_short | style_t::allow_dash_for_short |
                    style_t::short_allow_next | style_t::long_allow_next | style_t::long_allow_adjacent;
  const po::options_description description = description_of(options);
  try {
    return po::command_line_parser(arguments).options(description).style(style).run().options;
  } catch (const po::unknown_option& error) {
    unknown_option(command, error.get_option_name(), options);
  } catch (const po::invalid_command_line_syntax& error) {
    const std::string name = error.get_option_name();
    if (error.kind() == po::invalid_syntax::extra_parameter) {
      throw UsageError(fmt::format("option '{}' is a switch and takes no value", printable(name)));
    }
    throw UsageError(fmt::format("option '{}' needs a value", printable(name)));
  } catch (const po::error& error) {
    throw UsageError(printable(error.what()));
  }
}

}  // namespace

std::string join(const std::vector<std::string>& names, const std::string& separator) {
  return fmt::format("{}", fmt::join(names, separator));
}

std::string Arguments::value(const std::string& option, const std::string& otherwise) const {
  const auto found = values_.find(option);
  return found == values_.end() || found->second.empty() ? otherwise : found->second.front();
}

std::vector<std::string> Arguments::values(const std::string& option) const {
  const auto found = values_.find(option);
  return found == values_.end() ? std::vector<std::string>{} : found->second;
}

Arguments parse_arguments(const std::string& command, const std::vector<std::string>& arguments,
                          const std::vector<Option>& options, const std::vector<Positional>& positionals) {
  Arguments result;
  if (asks_for_help(arguments)) {
    result.values_["help"] = {};
    return result;
  }
  for (const po::option& given : split(command, arguments, options)) {
    if (given.position_key >= 0 || given.string_key.empty()) {
      result.positionals_.insert(result.positionals_.end(), given.value.begin(), given.value.end());
      continue;
    }
    const auto known = std::find_if(options.begin(), options.end(),
                                    [&](const Option& option) { return option.name == given.string_key; });
    if (known == options.end()) unknown_option(command, given.string_key, options);
    if (result.has(known->name) && !known->repeatable) {
      throw UsageError(fmt::format("option '--{}' is given twice", known->name));
    }
    std::vector<std::string>& values = result.values_[known->name];
    if (known->value_name.empty()) continue;
    const std::string value = given.value.empty() ? std::string{} : given.value.front();
    if (value.empty()) throw UsageError(fmt::format("option '--{}' needs a value", known->name));
    check_choice(fmt::format("--{}", known->name), value, known->choices);
    values.push_back(value);
  }

  std::vector<std::string>& given = result.positionals_;
  for (std::size_t i = 0; i < given.size() && i < positionals.size(); ++i) {
    // "gpu" is "gpus", where that is one of the values.
    const std::vector<std::string>& choices = positionals[i].choices;
    if (std::find(choices.begin(), choices.end(), given[i] + "s") != choices.end()) given[i] += 's';
    if (given[i].empty()) throw UsageError(fmt::format("{} is empty", positionals[i].name));
    check_choice(positionals[i].name, given[i], positionals[i].choices);
  }
  if (given.size() > positionals.size()) {
    throw UsageError(fmt::format("{} takes {} argument{}; '{}' is one too many", command, positionals.size(),
                                 positionals.size() == 1 ? "" : "s", printable(given[positionals.size()])));
  }
  for (std::size_t i = given.size(); i < positionals.size(); ++i) {
    if (positionals[i].required) throw UsageError(fmt::format("{} needs a {}", command, positionals[i].name));
  }
  return result;
}

}  // namespace lockstep::cli
