#include "validate/command_line.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <exception>
#include <ostream>

#include "lockstep_build_info.hpp"
#include "scenarios/utf8.hpp"
#include "sim/report/display.hpp"
#include "validate/command.hpp"
#include "validate/failure_text.hpp"

namespace lockstep::validation {
namespace {

std::string overview() {
  std::string out = "usage: lockstep-validate <command> [arguments]\n\n";
  std::size_t width = 0;
  for (const Command& command : commands()) {
    width = std::max(width, display_width(fmt::format("{} {}", command.name, command.arguments)));
  }
  for (const Command& command : commands()) {
    const std::string words = fmt::format("{} {}", command.name, command.arguments);
    out += fmt::format("  {}  {}\n", pad_right(words, width), command.summary);
  }
  out +=
      "\n  --help, -h  this text; lockstep-validate <command> --help (or: help <command>) says more\n"
      "  --version   the version\n\n"
      "`lockstep validate <command> …` is the same.\n\n";
  for (const Command& command : commands()) out += fmt::format("  lockstep-validate {}\n", command.example);
  return out;
}

Outcome dispatch(const std::vector<std::string>& arguments, const std::filesystem::path& program,
                 std::ostream* progress_to) {
  if (arguments.empty()) return {{}, usage, overview()};
  const std::string& first = arguments.front();
  if (first == "help" && arguments.size() == 1) return {overview(), ok, {}};
  if (first == "help" && arguments.size() == 2) return dispatch({arguments[1], "--help"}, program, progress_to);
  if (first == "--help" || first == "-h") return {overview(), ok, {}};
  if (first == "--version") return {fmt::format("lockstep-validate {}\n", build_info::version), ok, {}};
  std::vector<std::string> names;
  for (const Command& command : commands()) {
    if (first == command.name) return command.run({arguments.begin() + 1, arguments.end()}, program, progress_to);
    names.emplace_back(command.name);
  }
  const std::string near = nearest_name(first, names);
  throw UsageError(fmt::format("unknown command '{}'", printable(first)),
                   near.empty() ? fmt::format("the commands of lockstep-validate: {}", fmt::join(names, ", "))
                                : fmt::format("did you mean {}?", near));
}

}  // namespace

int run(const std::vector<std::string>& arguments, std::ostream& out, std::ostream& err,
        const std::filesystem::path& program, bool show_progress) {
  try {
    const Outcome outcome = dispatch(arguments, program, show_progress ? &err : nullptr);
    err << outcome.remark;
    errno = 0;
    out.write(outcome.output.data(), static_cast<std::streamsize>(outcome.output.size()));
    out.flush();
    if (out.good()) return outcome.code;
    if (errno == EPIPE) return broken_pipe;
    err << "lockstep-validate: the result could not be written to standard output (closed, or the disk is full)\n";
  } catch (...) {
    const Failure failure = failure_of(std::current_exception());
    err << failure.text;
    return failure.code;
  }
  return internal_error;
}

}  // namespace lockstep::validation
