// lockstep-validate collectives
#include <fmt/format.h>

#include <utility>

#include "scenarios/cluster_file.hpp"
#include "scenarios/utf8.hpp"
#include "sim/report/display.hpp"
#include "validate/collectives.hpp"
#include "validate/command.hpp"

namespace lockstep::validation {
namespace {

constexpr std::size_t help_width = 100;

const std::vector<Option>& options() {
  static const std::vector<Option> options{
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
      {"format",
       "FORMAT",
       "how the result is written (default: text)",
       {"text", "json", "csv", "markdown"},
       false},
      {"tolerance",
       "X",
       "exit code 5 where the median of a table that is not noted as unhealthy is above X: 0.1 or "
       "10%",
       {},
       false},
      {"set",
       "PATH=VALUE",
       "another value in the catalog: systems.dgx-h100.nic_bandwidth=200Gb/s (repeatable)",
       {},
       true},
      {"calibration",
       "FILE",
       "measured collectives, as `lockstep calibrate` writes them (repeatable)",
       {},
       true},
      {"catalog", "DIR", "the folder with gpus/, systems/ and aliases/", {}, false},
  };
  return options;
}

std::string help() {
  return "usage: lockstep-validate collectives LOG... [options]\n\n" +
         wrap("Reads what the programs of nccl-tests (or rccl-tests) printed, of any version, or what they wrote with "
              "-J, predicts the time of every size and compares it with the out-of-place time. Where a log was "
              "measured is read from NAME.meta.yaml beside NAME.txt: gpus, nodes, gpus_per_node, gpu, interconnect, "
              "collective, health. Logs that cannot be compared are listed with the reason.",
              help_width, "", "") +
         "\n\n" + option_lines(options()) +
         "\nExit codes: 0 ok, 1 internal error, 2 usage, 3 a file that cannot be read, 5 out of tolerance.\n\nexamples:\n"
         "  lockstep-validate collectives validate/corpus/nccl_logs/superbench_a100x8_all_reduce.txt\n"
         "  lockstep-validate collectives validate/corpus/nccl_logs/alps_gh200_n8_g4_all_reduce.txt --cluster "
         "alps-gh200 --nodes 8\n";
}

Outcome check_tolerance(const CollectivesReport& report, std::optional<double> tolerance, Outcome outcome) {
  if (!tolerance) return outcome;
  for (const LogResult& log : report.logs) {
    if (!log.healthy() || !log.median_abs_error || *log.median_abs_error <= *tolerance) continue;
    if (outcome.code == ok) outcome.code = out_of_tolerance;
    outcome.remark += fmt::format("lockstep-validate: out of tolerance: the median error of {} is {:.1f} %, above {:g} %\n",
                                  printable(log.file), 100.0 * *log.median_abs_error, 100.0 * *tolerance);
  }
  return outcome;
}

}  // namespace

Outcome run_collectives(const std::vector<std::string>& words, const std::filesystem::path& program,
                        std::ostream* /*progress_to*/) {
  const Arguments arguments = parse_arguments(words, options());
  if (arguments.help) return {help(), ok, {}};
  if (arguments.files.empty()) throw UsageError("collectives needs a log", "lockstep-validate collectives LOG.txt");
  const std::string format = arguments.value("format", "text");
  const std::optional<double> tolerance = tolerance_of(arguments);
  ClusterChoice choice;
  choice.nodes = nodes_of(arguments);
  const std::filesystem::path folder = catalog_folder(arguments, program);
  const Catalog catalog(folder, settings_of(arguments, "systems.dgx-h100.nic_bandwidth=200Gb/s"));
  check_settings(catalog, {"gpus", "systems"}, "a log of collectives has no such value");
  const std::string cluster = arguments.value("cluster");
  if (!cluster.empty()) choice.cluster = load_cluster(cluster, catalog);
  const CollectivesReport report = validate_collectives(
      arguments.files, catalog, load_aliases(folder / "aliases" / "nccl_logs.yaml"), choice,
      calibration_files(arguments));
  Outcome outcome;
  if (format == "json") outcome.output = collectives_json(report);
  if (format == "csv") outcome.output = collectives_csv(report);
  if (format == "markdown") outcome.output = collectives_markdown(report);
  if (format == "text") outcome.output = collectives_text(report);
  if (!report.problems.empty()) {
    outcome.code = invalid_input;
    outcome.remark = render(report.problems);
  }
  return check_tolerance(report, tolerance, std::move(outcome));
}

}  // namespace lockstep::validation
