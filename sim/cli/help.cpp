// The texts of --help and --version, from the table of commands.
#include <fmt/format.h>

#include <algorithm>

#include "lockstep_build_info.hpp"
#include "sim/cli/commands.hpp"
#include "sim/report/display.hpp"

namespace lockstep::cli {

namespace {

constexpr std::size_t help_width = 100;

std::string usage(const Command& command) {
  std::string text = fmt::format("lockstep {}", command.name);
  for (const Positional& positional : command.positionals) {
    text += positional.required ? " " + positional.name : " [" + positional.name + "]";
  }
  return text + (command.run == nullptr ? " …" : " [options]");
}

// Many choices go into the text.
bool fit_beside_name(const Option& option) {
  return !option.choices.empty() && join(option.choices, "|").size() <= 24;
}

std::string option_doc(const Option& option) {
  if (option.choices.empty() || fit_beside_name(option)) return option.doc;
  return fmt::format("{}; one of {}", option.doc, join(option.choices));
}

std::string option_name(const Option& option) {
  std::string text = option.letter == 0 ? "--" + option.name : std::string{'-', option.letter} + ", --" + option.name;
  if (fit_beside_name(option)) {
    text += " " + join(option.choices, "|");
  } else if (!option.value_name.empty()) {
    text += " " + option.value_name;
  }
  return text;
}

std::string described(const std::vector<std::pair<std::string, std::string>>& rows) {
  std::size_t width = 0;
  for (const auto& row : rows) width = std::max(width, display_width(row.first));
  std::string text;
  for (const auto& [name, doc] : rows) {
    text += wrap(doc, help_width, "  " + pad_right(name, width + 2), std::string(width + 4, ' ')) + '\n';
  }
  return text;
}

}  // namespace

std::string overview() {
  std::string text =
      "Lockstep predicts what one training step of a large language model costs on a GPU cluster:\n"
      "its time, its memory, and why.\n\n"
      "usage: lockstep <command> [arguments]\n\n";
  std::vector<std::pair<std::string, std::string>> rows;
  for (const Command& command : commands()) rows.emplace_back(command.name, command.summary);
  text += described(rows);
  text +=
      "\n  --help, -h  this text; lockstep <command> --help (or: help <command>) says more on a command\n"
      "  --version   the version and what was built in\n\n"
      "Exit codes: 0 ok, 1 internal error, 2 usage, 3 invalid input, 4 no plan fits,\n"
      "5 out of tolerance (validate … --tolerance), 77 skipped for want of hardware, 130 interrupted.\n\n"
      "  lockstep compare scenarios/llama3-70b-64xh100.yaml\n"
      "  lockstep list gpus\n";
  return text;
}

std::string help_of(const Command& command) {
  std::string text = "usage: " + usage(command) + "\n\n" + wrap(command.description, help_width, "", "") + "\n\n";
  std::vector<std::pair<std::string, std::string>> rows;
  for (const Positional& positional : command.positionals) rows.emplace_back(positional.name, positional.doc);
  for (const Option& option : command.options) {
    rows.emplace_back(option_name(option), option_doc(option) + (option.repeatable ? " (repeatable)" : ""));
  }
  if (!rows.empty()) text += described(rows) + '\n';
  text += "examples:\n";
  for (const std::string& example : command.examples) text += "  " + example + '\n';
  return text;
}

std::string version_text() {
  std::string text = fmt::format("lockstep {}\n", build_info::version);
  text += fmt::format("  built with {}, {}", build_info::compiler, build_info::build_type);
  if (!build_info::sanitizers.empty()) text += fmt::format(", sanitizers: {}", build_info::sanitizers);
  text += '\n';
  for (const build_info::OptionalPart& part : build_info::optional_parts) {
    std::string state = "not found at build time";
    if (part.name == "MPI") state += ": no lockstep-search";
    if (part.found) state = part.version.empty() ? "found" : std::string(part.version);
    text += fmt::format("  {:<6} {}\n", part.name, state);
  }
  return text;
}

}  // namespace lockstep::cli
