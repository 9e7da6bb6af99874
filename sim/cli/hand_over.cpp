#include <fmt/format.h>

#include <ostream>
#include <system_error>

#include "sim/cli/commands.hpp"

namespace lockstep::cli {

namespace {

constexpr const char* validate_program = "lockstep-validate";

}  // namespace

int hand_over(const std::string& command, const std::vector<std::string>& arguments, std::ostream& err,
              const Environment& environment) {
  const std::filesystem::path folder = environment.program.parent_path();
  const std::filesystem::path program = folder / validate_program;
  std::error_code error;
  if (environment.program.empty() || !std::filesystem::exists(program, error)) {
    err << fmt::format(
        "lockstep: '{}' is done by the program {}, which is not in {}\n"
        "  = hint: build or install it too: cmake --build --preset release\n",
        command, validate_program, folder.empty() ? "the folder of lockstep" : folder.string());
    return exit_internal_error;
  }
  // `lockstep validate runs F` is `lockstep-validate runs F`; any other command keeps its name.
  std::vector<std::string> argv{program.string()};
  if (command != "validate") argv.push_back(command);
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  const std::string problem = environment.execute ? environment.execute(program, argv) : "no way to start a program";
  err << fmt::format("lockstep: {} cannot be started: {}\n", program.string(), problem);
  return exit_internal_error;
}

}  // namespace lockstep::cli
