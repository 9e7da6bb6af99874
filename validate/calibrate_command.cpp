// lockstep-validate calibrate
#include <fmt/format.h>

#include "scenarios/calibration_file.hpp"
#include "scenarios/cluster_file.hpp"
#include "scenarios/utf8.hpp"
#include "sim/report/display.hpp"
#include "validate/calibrate_files.hpp"
#include "validate/command.hpp"
#include "validate/corpus_fit_command.hpp"
#include "validate/kernel_calibrate.hpp"

namespace lockstep::validation {
namespace {

constexpr std::size_t help_width = 100;

const std::vector<Option>& options() {
  static const std::vector<Option> options{
      {"output", "FILE", "write the calibration there, for --calibration", {}, false, 'o'},
      {"corpus",
       "CORPUS",
       "instead: refit what ships, from published training runs or from tables of single kernels "
       "(those of validate/corpus, or the files named)",
       {"runs", "kernels"},
       false},
      {"cluster",
       "CLUSTER",
       "a system of the catalog or a YAML file (default: what the log's .meta.yaml says)",
       {},
       false},
      {"nodes",
       "N",
       "nodes of each log (default: .meta.yaml, else GPUs / GPUs per node)",
       {},
       false},
      {"transfer",
       "",
       "instead: every log predicted with the calibration of every other of its system and fabric",
       {},
       false},
      {"format",
       "FORMAT",
       "how the report is written (default: text)",
       {"text", "json", "markdown"},
       false},
      {"catalog", "DIR", "the folder with gpus/, systems/ and aliases/", {}, false},
  };
  return options;
}

std::string help() {
  return "usage: lockstep-validate calibrate FILE... [-o FILE] [options]\n"
         "       lockstep-validate calibrate --corpus runs [TABLE...] [-o FOLDER]\n"
         "       lockstep-validate calibrate --corpus kernels [TABLE...] [-o FILE]\n\n" +
         wrap(
             "Fits any mix of what was measured on a machine, each file by its content: logs and "
             "JSON of nccl-tests, measurements of `lockstep validate nccl|kernels|mpi`, tables of "
             "kernels. Collectives become a few latency/bandwidth lines each, in log space, "
             "robustly; kernels and copies become constants of the catalog's GPU and system. "
             "Reports the fits, their residuals, what a size is predicted to within without it, "
             "and how far to trust them; refuses what a broken run shows: wrong results, rates "
             "that contradict the times or exceed the hardware, times that fall with size, a GPU "
             "far slower than its siblings, two ways of timing that disagree, too few sizes. A "
             "refused part does not stop the others. With --output every point is written to "
             "FILE.points.csv too, with what the fit makes of it. With --corpus runs: the "
             "parameters of calibrations/parameters.yaml from published runs, with the errors of "
             "models and sources that took no part; minutes. With --corpus kernels: the constants "
             "of kernels' shapes from tables of single kernels, with the errors of each kind.",
             help_width, "", "") +
         "\n\n" + option_lines(options()) +
         "\nExit codes: 0 ok, 1 internal error, 2 usage, 3 nothing could be fitted, "
         "or a file that\ncannot be read or written.\n\n"
         "examples:\n"
         "  lockstep-validate calibrate validate/corpus/nccl_logs/superbench_a100x8_*.txt -o "
         "a100.yaml\n"
         "  lockstep-validate calibrate validate/corpus/nccl_logs/alps_*.txt --transfer\n"
         "  lockstep-validate calibrate --corpus runs -o scenarios/calibrations\n"
         "  lockstep-validate calibrate --corpus kernels\n";
}

std::string rendered(const FilesCalibration& calibration, const std::string& format,
                     const Catalog& catalog) {
  if (format == "json") return files_calibration_json(calibration);
  if (format == "markdown") return calibration_markdown(calibration.collectives);
  return files_calibration_text(calibration, catalog);
}

std::string rendered(const std::vector<TransferPair>& pairs, const std::string& format) {
  if (format == "json") return transfer_json(pairs);
  return format == "markdown" ? transfer_markdown(pairs) : transfer_text(pairs);
}

std::string counted(std::size_t count, const char* one, const char* many) {
  return fmt::format("{} {}", count, count == 1 ? one : many);
}

std::string held_text(const CalibrationContents& contents) {
  const std::string collectives = counted(contents.collectives.size(), "collective", "collectives");
  if (contents.constants.empty()) return collectives;
  const std::string constants = counted(contents.constants.size(), "constant", "constants");
  return contents.collectives.empty() ? constants : collectives + " and " + constants;
}

// The file of the calibration, and its points beside it.
void write_calibration(const std::string& file, const FilesCalibration& calibration,
                       Outcome& outcome) {
  const CalibrationContents contents = calibration.contents();
  write_result(file, calibration_file_text(contents), "the calibration");
  write_result(file + ".points.csv", points_csv(calibration), "the points of the calibration");
  outcome.remark +=
      fmt::format("lockstep-validate: wrote {} with {}\n", printable(file), held_text(contents));
}

// A corpus has no logs, so what says how to read them means nothing.
void check_corpus_options(const Arguments& arguments, const std::string& corpus) {
  for (const char* option : {"cluster", "nodes", "transfer"}) {
    if (arguments.values.count(option) == 0) continue;
    throw UsageError(fmt::format("--corpus {} leaves no room for --{}", corpus, option),
                     fmt::format("--{} goes with logs of nccl-tests", option));
  }
}

}  // namespace

Outcome run_calibrate(const std::vector<std::string>& words, const std::filesystem::path& program,
                      std::ostream* progress_to) {
  const Arguments arguments = parse_arguments(words, options());
  if (arguments.help) return {help(), ok, {}};
  const std::string corpus = arguments.value("corpus");
  if (!corpus.empty()) {
    check_corpus_options(arguments, corpus);
    const std::filesystem::path catalog = catalog_folder(arguments, program);
    return corpus == "kernels" ? run_corpus_kernels(arguments, catalog)
                               : run_corpus_runs(arguments, catalog, progress_to);
  }
  if (arguments.files.empty())
    throw UsageError("calibrate needs a log", "lockstep-validate calibrate LOG.txt -o FILE.yaml");
  const std::string file = arguments.value("output");
  const bool transfer = arguments.values.count("transfer") > 0;
  if (transfer && !file.empty())
    throw UsageError("--transfer writes no calibration", "leave out --output or --transfer");
  ClusterChoice choice;
  choice.nodes = nodes_of(arguments);
  const std::filesystem::path folder = catalog_folder(arguments, program);
  const Catalog catalog(folder);
  const std::string cluster = arguments.value("cluster");
  if (!cluster.empty()) choice.cluster = load_cluster(cluster, catalog);
  const Aliases aliases = load_aliases(folder / "aliases" / "nccl_logs.yaml");
  const FilesCalibration calibration = calibrate_files(arguments.files, catalog, aliases, choice);
  const std::string format = arguments.value("format", "text");
  Outcome outcome;
  outcome.output = transfer ? rendered(transfers(calibration.collectives, catalog), format)
                            : rendered(calibration, format, catalog);
  if (!calibration.collectives.problems.empty())
    outcome.remark = render(calibration.collectives.problems);
  if (calibration.empty() || !calibration.collectives.problems.empty()) outcome.code = invalid_input;
  if (!transfer && !calibration.empty() && calibration.any_refused())
    outcome.remark += "lockstep-validate: some of it was refused; the report says what and why\n";
  if (calibration.empty()) {
    const bool logs_only = calibration.constants.refusals.empty();
    outcome.remark += logs_only ? "lockstep-validate: no log could be fitted"
                                : "lockstep-validate: nothing could be fitted";
    outcome.remark += file.empty() ? "\n" : fmt::format("; {} is not written\n", printable(file));
  } else if (!file.empty()) {
    write_calibration(file, calibration, outcome);
  }
  return outcome;
}

}  // namespace lockstep::validation
