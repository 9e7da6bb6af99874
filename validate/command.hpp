// What the commands of lockstep-validate have in common, and their table.
#pragma once

#include <filesystem>
#include <iosfwd>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "scenarios/scenario.hpp"
#include "validate/arguments.hpp"

namespace lockstep::validation {

enum ExitCode : int {
  ok = 0,
  internal_error = 1,  // or a measurement that failed
  usage = 2,
  invalid_input = 3,
  out_of_tolerance = 5,
  skipped = 77,  // no such hardware here
  interrupted = 130,
  broken_pipe = 141
};

struct Outcome {
  std::string output;
  int code = ok;
  std::string remark;   // for stderr
};

struct Command {
  const char* name;
  const char* arguments;   // "FILE..."
  const char* summary;     // one line
  const char* example;     // one that runs in the source tree
  // `progress_to`: where a long run says how far it is; null where nobody would see it.
  Outcome (*run)(const std::vector<std::string>& words, const std::filesystem::path& program,
                 std::ostream* progress_to);
};

Outcome run_runs(const std::vector<std::string>& words, const std::filesystem::path& program,
                 std::ostream* progress_to);
Outcome run_collectives(const std::vector<std::string>& words, const std::filesystem::path& program,
                        std::ostream* progress_to);

Outcome run_accuracy(const std::vector<std::string>& words, const std::filesystem::path& program,
                     std::ostream* progress_to);

Outcome run_nccl(const std::vector<std::string>& words, const std::filesystem::path& program,
                 std::ostream* progress_to);
Outcome run_mpi(const std::vector<std::string>& words, const std::filesystem::path& program,
                std::ostream* progress_to);
Outcome run_kernels(const std::vector<std::string>& words, const std::filesystem::path& program,
                    std::ostream* progress_to);
Outcome run_step(const std::vector<std::string>& words, const std::filesystem::path& program,
                 std::ostream* progress_to);
Outcome run_discover(const std::vector<std::string>& words, const std::filesystem::path& program,
                     std::ostream* progress_to);

Outcome run_calibrate(const std::vector<std::string>& words, const std::filesystem::path& program,
                      std::ostream* progress_to);

std::span<const Command> commands();

// The options as lines of a help text.
std::string option_lines(const std::vector<Option>& options);

// --tolerance: "0.1" or "10%". Throws UsageError.
std::optional<double> tolerance_of(const Arguments& arguments);

// Every --calibration.
std::vector<std::string> calibration_files(const Arguments& arguments);

// --nodes: a whole number from 1 on. Throws UsageError.
std::optional<std::int64_t> nodes_of(const Arguments& arguments);

// --set, of the form path=value; `example` is one that fits the command. Throws UsageError.
std::vector<Setting> settings_of(const Arguments& arguments, const std::string& example);

// Reads each entry that a setting names, since a setting of one that nothing uses would never be looked at. Throws
// UsageError for what is not in one of these folders of the catalog; `otherwise` says where the rest comes from.
void check_settings(const Catalog& catalog, const std::vector<std::string>& folders, const std::string& otherwise);

// --catalog, else the installed one beside the program, else the source tree's. Throws InputError.
std::filesystem::path catalog_folder(const Arguments& arguments, const std::filesystem::path& program);

}  // namespace lockstep::validation
