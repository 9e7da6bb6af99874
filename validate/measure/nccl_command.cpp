// lockstep-validate nccl
#include <unistd.h>

#include <csignal>
#include <iostream>
#include <utility>

#include "scenarios/cluster_file.hpp"
#include "scenarios/utf8.hpp"
#include "sim/report/display.hpp"
#include "validate/command.hpp"
#include "validate/kernel_calibrate.hpp"
#include "validate/measure/expected_times.hpp"
#include "validate/measure/failures.hpp"
#include "validate/measure/options.hpp"
#include "validate/measure/sweep_options.hpp"
#include "validate/measure/together.hpp"
#include "validate/nccl_log_line.hpp"
#include "validate/progress.hpp"
#if LOCKSTEP_HAS_NCCL
#include "validate/nccl/nccl_run.hpp"
#endif

#include <fmt/format.h>

namespace lockstep::validation {
namespace {

constexpr std::size_t help_width = 100;
constexpr const char* default_largest = "1G";

std::vector<Option> options() {
  std::vector<Option> own = sweep_options(default_largest);
  const std::vector<Option> more{
      {"type", "TYPE", "of the elements (default: float)", {"float", "bf16", "half"}},
      {"register",
       "WHEN",
       "whether NCCL knows the buffers before (default: no)",
       {"no", "yes", "both"}},
      {"gpus", "N", "GPUs of each process (default: all of one process alone, else 1)", {}},
      {"share-gpu", "", "lets several ranks use one GPU: a functional test, no calibration", {}},
      {"timeout", "S", "ends the run when a call takes longer, in seconds (default: 60)", {}},
  };
  own.insert(own.end(), more.begin(), more.end());
  return with_measuring_options(std::move(own));
}

std::string help() {
  return "usage: lockstep-validate nccl [options]\n\n" +
         wrap(
             "Measures NCCL's collectives, each size until the median is known well: warm-up "
             "first, CUDA "
             "events around the calls, the slowest rank counts, results are checked (large buffers "
             "in "
             "stretches). One process takes all GPUs of this node; under mpirun or srun every "
             "process takes "
             "one. With --share-gpu, `mpirun -np 2` runs on one GPU. Beside each time is what NCCL "
             "and what "
             "Lockstep expected.",
             help_width, "", "") +
         "\n\n" + option_lines(options()) +
         "\nExit codes: 0 ok, 1 measuring failed or wrong results, 2 usage, 3 a bad file, 77 no "
         "GPU, 130 ^C.\n\n"
         "examples:\n"
         "  lockstep-validate nccl -c all_reduce,all_gather --largest 256M -o nccl.json\n"
         "  mpirun -np 16 lockstep-validate nccl --groups world,blocks:8+,rails+ -o nccl.json\n";
}

Arguments read_arguments(const std::vector<std::string>& words) {
  Arguments arguments = parse_arguments(words, options());
  if (!arguments.help && !arguments.files.empty())
    throw UsageError(fmt::format("nccl takes no file: {}", printable(arguments.files.front())),
                     "--cluster CLUSTER names what is measured, --output FILE where it is written");
  return arguments;
}

#if LOCKSTEP_HAS_NCCL

constexpr std::int64_t most_bytes = std::int64_t{64} << 30;
constexpr double default_timeout_s = 60;
constexpr double longest_timeout_s = 86400;
constexpr std::int64_t most_gpus = 1024;

std::optional<std::int64_t> gpus_of(const Arguments& arguments) {
  const std::string text = arguments.value("gpus");
  if (text.empty()) return std::nullopt;
  const std::optional<std::int64_t> gpus = whole_number(text);
  if (gpus && *gpus >= 1 && *gpus <= most_gpus) return gpus;
  throw UsageError(fmt::format("--gpus is '{}'", printable(text)), "a whole number from 1 on");
}

double timeout_of(const Arguments& arguments) {
  const std::string text = arguments.value("timeout");
  if (text.empty()) return default_timeout_s;
  const std::optional<double> seconds = decimal_number(text);
  if (seconds && *seconds > 0 && *seconds <= longest_timeout_s) return *seconds;
  throw UsageError(fmt::format("--timeout is '{}'", printable(text)),
                   "seconds above 0, such as 60");
}

// What the command line and the files that it names say.
struct Request {
  bool help = false;
  Arguments arguments;
  NcclRun run;
  std::optional<Catalog> catalog;
  std::optional<Aliases> aliases;
  ClusterChoice choice;
};

NcclRun run_of(const Arguments& arguments) {
  NcclRun run;
  run.collectives = collectives_of(arguments);
  run.sweep = sweep_of(arguments, default_largest, most_bytes);
  run.groups = [arguments](std::int64_t ranks, std::int64_t per_node) {
    return groups_of(arguments, ranks, per_node);
  };
  const std::string registered = arguments.value("register", "no");
  if (registered == "yes") run.registered = {true};
  if (registered == "both") run.registered = {false, true};
  const std::string type = arguments.value("type", "float");
  if (type == "bf16") run.type = ElementType::bf16;
  if (type == "half") run.type = ElementType::half;
  run.gpus = gpus_of(arguments);
  run.share_gpu = arguments.values.count("share-gpu") > 0;
  run.timeout_s = timeout_of(arguments);
  run.libraries = arguments.value("libraries");
  return run;
}

Request read_request(const std::vector<std::string>& words, const std::filesystem::path& program) {
  Request request;
  request.arguments = read_arguments(words);
  request.help = request.arguments.help;
  if (request.help) return request;
  request.run = run_of(request.arguments);
  const std::filesystem::path folder = catalog_folder(request.arguments, program);
  request.catalog.emplace(folder);
  request.aliases.emplace(load_aliases(folder / "aliases" / "nccl_logs.yaml"));
  const std::string cluster = request.arguments.value("cluster");
  if (!cluster.empty()) request.choice.cluster = load_cluster(cluster, *request.catalog);
  return request;
}

std::string remark_line(const std::string& text) {
  return fmt::format("lockstep-validate: {}\n", printable(text));
}

// What the first process says and writes.
Outcome outcome_of(NcclResult& result, const Request& request) {
  Measurement& measurement = result.measurement;
  Outcome outcome;
  const std::string assumed = add_predictions(measurement, result.groups, result.ranks_per_node,
                                              *request.catalog, *request.aliases, request.choice);
  if (!assumed.empty()) outcome.remark += remark_line(assumed);
  for (const std::string& text : remarks_on(result)) {
    outcome.remark += remark_line(text);
    if (text.rfind("wrong results", 0) == 0) outcome.code = internal_error;
  }
  const std::string json = measurement_json(measurement);
  outcome.output =
      request.arguments.value("format", "text") == "json" ? json : sweeps_text(measurement);
  const std::string file = request.arguments.value("output");
  if (file.empty()) return outcome;
  write_result(file, json, "the measurement");
  outcome.remark += remark_line("wrote " + file);
  return outcome;
}

Outcome measure(Request& request, const std::vector<std::string>& words, Processes& processes,
                std::ostream* progress_to) {
  std::optional<Progress> progress;
  if (progress_to != nullptr && processes.first()) {
    progress.emplace(*progress_to, "sizes");
    request.run.progress = [&](std::size_t done, std::size_t of) { progress->show(done, of); };
  }
  MachineFacts machine =
      machine_facts(fmt::format("lockstep-validate nccl {}", fmt::join(words, " ")));
  if (request.choice.cluster) machine.system = request.choice.cluster->system.name;
  NcclResult result = measure_nccl(request.run, processes, std::move(machine), std::cerr);
  progress.reset();
  Outcome outcome;
  agree(processes, [&] {
    if (processes.first()) outcome = outcome_of(result, request);
  });
  return outcome;
}

void end_by_interrupt(int /*signal*/) {
  ::_exit(interrupted);
}

#endif

}  // namespace

#if LOCKSTEP_HAS_NCCL
Outcome run_nccl(const std::vector<std::string>& words, const std::filesystem::path& program,
                 std::ostream* progress_to) {
  std::signal(SIGINT, &end_by_interrupt);
  const std::unique_ptr<Processes> processes = processes_of_run(started_by_launcher());
  return run_together(*processes, {std::cout, std::cerr}, [&]() -> Outcome {
    Request request;
    agree(*processes, [&] { request = read_request(words, program); });
    if (request.help) return {help(), ok, {}};
    return measure(request, words, *processes, progress_to);
  });
}
#else
Outcome run_nccl(const std::vector<std::string>& words, const std::filesystem::path& /*program*/,
                 std::ostream* /*progress_to*/) {
  if (read_arguments(words).help) return {help(), ok, {}};
  throw Unavailable("this lockstep-validate was built without NCCL (it needs CUDA's headers too)");
}
#endif

}  // namespace lockstep::validation
