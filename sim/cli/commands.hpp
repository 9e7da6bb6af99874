// The commands of `lockstep` in one table, and the function that runs a command line.
#pragma once

#include <iosfwd>
#include <span>
#include <string>
#include <vector>

#include "sim/cli/environment.hpp"
#include "sim/cli/options.hpp"

namespace lockstep::cli {

enum ExitCode : int {
  exit_ok = 0,
  exit_internal_error = 1,
  exit_usage = 2,
  exit_invalid_input = 3,
  exit_infeasible = 4,
  exit_out_of_tolerance = 5,  // of lockstep-validate alone
  exit_skipped = 77,
  exit_interrupted = 130,
  exit_broken_pipe = 141      // nobody reads the result any more; as if SIGPIPE had ended the program
};

// What a command returns: everything for stdout at once, the exit code, and notes for stderr.
struct Outcome {
  std::string output;
  int code = exit_ok;
  std::string remark = {};
};

struct Command {
  const char* name;
  const char* summary;       // one line in the list of commands
  const char* description;   // prose of its help
  std::vector<Positional> positionals;
  std::vector<Option> options;
  std::vector<std::string> examples;  // two, ready to run in a checkout
  // Null: the command is handed over to lockstep-validate, with all its arguments as they are.
  Outcome (*run)(const Arguments& arguments, const Environment& environment);
};

std::span<const Command> commands();
const Command* find_command(const std::string& name);

// Runs `lockstep <arguments>` (without argv[0]). The result goes to `out` in one write, everything else to
// `err`; returns the exit code. Never throws.
int run(const std::vector<std::string>& arguments, std::ostream& out, std::ostream& err,
        const Environment& environment);

// -- the commands (one file for each subject)
Outcome run_simulate(const Arguments& arguments, const Environment& environment);
Outcome run_compare(const Arguments& arguments, const Environment& environment);
Outcome run_explain(const Arguments& arguments, const Environment& environment);
Outcome run_search(const Arguments& arguments, const Environment& environment);
Outcome run_collectives(const Arguments& arguments, const Environment& environment);
Outcome run_topology(const Arguments& arguments, const Environment& environment);
Outcome run_list(const Arguments& arguments, const Environment& environment);
Outcome run_schema(const Arguments& arguments, const Environment& environment);
Outcome run_completion(const Arguments& arguments, const Environment& environment);
Outcome run_help(const Arguments& arguments, const Environment& environment);

// Entries of the table that their own files make.
Command sweep_command();

// Replaces the process by lockstep-validate, which lies beside the program. Returns only where that fails.
int hand_over(const std::string& command, const std::vector<std::string>& arguments, std::ostream& err,
              const Environment& environment);

// -- their help
std::string overview();
std::string help_of(const Command& command);
std::string version_text();

}  // namespace lockstep::cli
