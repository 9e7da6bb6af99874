// lockstep-validate mpi
#include <fmt/format.h>

#include <iostream>
#include <memory>
#include <thread>
#include <utility>

#include "scenarios/cluster_file.hpp"
#include "scenarios/utf8.hpp"
#include "sim/report/display.hpp"
#include "validate/command.hpp"
#include "validate/kernel_calibrate.hpp"
#include "validate/measure/failures.hpp"
#include "validate/measure/hosts.hpp"
#include "validate/measure/options.hpp"
#include "validate/measure/sweep_options.hpp"
#include "validate/measure/together.hpp"
#include "validate/measure/watched_backend.hpp"
#include "validate/nccl_log_line.hpp"
#include "validate/progress.hpp"
#if LOCKSTEP_HAS_MPI
#include "validate/mpi/mpi_backend.hpp"
#include "validate/mpi/mpi_processes.hpp"
#endif

namespace lockstep::validation {
namespace {

constexpr std::size_t help_width = 100;
constexpr const char* default_largest = "4M";
constexpr double default_timeout_s = 60;
constexpr double longest_timeout_s = 86400;

std::vector<Option> with_timeout(std::vector<Option> own) {
  own.push_back(
      {"timeout", "S", "ends the run when a call takes longer, in seconds (default: 60)", {}});
  return own;
}

const std::vector<Option>& options() {
  static const std::vector<Option> options =
      with_measuring_options(with_timeout(sweep_options(default_largest)));
  return options;
}

std::string help() {
  return "usage: mpirun -np N lockstep-validate mpi [options]\n\n" +
         wrap(
             "Measures MPI's collectives between CPUs as `nccl` measures those between GPUs: "
             "warm-up, repeats until "
             "the interval of the median is narrow, in place and out of place, results checked. So "
             "everything that "
             "follows, calibrate and --calibration, works on any machine. Only the first process "
             "prints. One process "
             "alone runs too, and what it measures is marked as no calibration.",
             help_width, "", "") +
         "\n\n" + option_lines(options()) +
         "\nExit codes: 0 ok, 1 a measurement failed or gave wrong results, 2 usage, 3 a file that "
         "cannot be read or\n"
         "written, 77 built without MPI.\n\nexamples:\n"
         "  lockstep-validate mpi -c all_reduce --largest 1M\n"
         "  mpirun -np 4 lockstep-validate mpi -c all_reduce,all_gather --groups world,blocks:2+ "
         "-o mpi.json\n";
}

struct Request {
  bool help = false;
  Arguments arguments;
  std::string system;  // "" where --cluster does not say
  SweepOptions sweep;
  std::vector<Collective> collectives;
};

#if LOCKSTEP_HAS_MPI

double timeout_of(const Arguments& arguments) {
  const std::string text = arguments.value("timeout");
  if (text.empty()) return default_timeout_s;
  const std::optional<double> seconds = decimal_number(text);
  if (seconds && *seconds > 0.0 && *seconds <= longest_timeout_s) return *seconds;
  throw UsageError(fmt::format("--timeout is '{}'", printable(text)),
                   "seconds above 0, such as 60");
}

std::string host_of(const MachineFacts& machine) {
  return machine.hosts.empty() ? std::string("an unknown host") : machine.hosts.front();
}

Request read_request(const std::vector<std::string>& words, const std::filesystem::path& program) {
  Request request;
  request.arguments = parse_arguments(words, options());
  request.help = request.arguments.help;
  if (request.help) return request;
  if (!request.arguments.files.empty())
    throw UsageError(
        fmt::format("mpi takes no file: {}", printable(request.arguments.files.front())),
        "--cluster CLUSTER names what is measured, --output FILE where it is written");
  request.sweep = sweep_of(request.arguments, default_largest, largest_mpi_bytes);
  request.collectives = collectives_of(request.arguments);
  static_cast<void>(timeout_of(request.arguments));
  const std::string cluster = request.arguments.value("cluster");
  if (!cluster.empty())
    request.system =
        load_cluster(cluster, Catalog(catalog_folder(request.arguments, program))).system.name;
  return request;
}

// One collective on one set of groups after the other.
class Sweeps {
 public:
  Sweeps(CollectiveBackend& backend, Processes& processes, const Request& request,
         const std::vector<RankGroups>& groups, std::ostream* progress_to)
      : backend_(backend), processes_(processes), request_(request), groups_(groups) {
    if (progress_to != nullptr && processes.first())
      progress_ = std::make_unique<Progress>(*progress_to, "sizes");
    for (const RankGroups& group : groups_)
      for (const Collective collective : request_.collectives)
        all_ +=
            sweep_sizes(collective, request_.sweep, group.size(), backend_.element_bytes()).size();
  }

  std::vector<CollectiveSweep> measure() {
    std::vector<CollectiveSweep> sweeps;
    for (const RankGroups& group : groups_) {
      for (const Collective collective : request_.collectives)
        sweeps.push_back(sweep(group, collective));
    }
    return sweeps;
  }

 private:
  CollectiveSweep sweep(const RankGroups& group, Collective collective) {
    SweepOptions options = request_.sweep;
    // MPI's broadcast has one buffer, so in place would be the same again.
    if (collective == Collective::broadcast) options.in_place = false;
    CollectiveSweep sweep = measure_collective(backend_, processes_, collective, group, options,
                                               [&](std::size_t done, std::size_t /*of*/) {
                                                 if (progress_) progress_->show(done_ + done, all_);
                                               });
    done_ += sweep.points.size();
    return sweep;
  }

  CollectiveBackend& backend_;
  Processes& processes_;
  const Request& request_;
  const std::vector<RankGroups>& groups_;
  std::unique_ptr<Progress> progress_;
  std::size_t all_ = 0;
  std::size_t done_ = 0;
};

std::string crowded_note(std::size_t ranks, std::size_t hosts) {
  const std::size_t cores = std::thread::hardware_concurrency();
  const std::size_t on_host = ranks / hosts;
  if (cores == 0 || on_host <= cores) return {};
  return fmt::format(
      "lockstep-validate: note: {} ranks share {} core{} of a host: they wait for each other's "
      "time\n",
      on_host, cores, cores == 1 ? "" : "s");
}

// What is wrong with the results, for stderr; "" where nothing is.
std::string wrong_text(const std::vector<CollectiveSweep>& sweeps) {
  std::string text;
  for (const CollectiveSweep& sweep : sweeps) {
    for (const CollectivePoint& point : sweep.points) {
      for (const auto& [side, name] : {std::pair{&point.out_of_place, "out of place"},
                                       std::pair{&point.in_place, "in place"}}) {
        const std::int64_t wrong = *side ? (*side)->wrong.value_or(0) : 0;
        if (wrong > 0)
          text +=
              fmt::format("lockstep-validate: wrong results: {} of {} bytes {}, {} elements ({})\n",
                          to_string(sweep.collective), point.size_bytes, name, wrong, sweep.group);
      }
    }
  }
  return text;
}

// Processes that were started with other options would wait for each other for ever.
void check_same_command(Processes& processes, const std::string& command) {
  const std::vector<std::string> all = processes.gather(command);
  agree(processes, [&] {
    if (processes.first()) return;
    if (command != all.front())
      throw UsageError(fmt::format("process {} was started as `{}`, process 0 as `{}`",
                                   processes.rank(), printable(command), printable(all.front())),
                       "all processes of a run take the same options");
  });
}

// The processes of a run, whose calls are watched.
struct Run {
  Run(Processes& own, Watchdog& dog, const std::string& rank)
      : processes(own), watchdog(dog), where(rank), watched(own, dog, rank) {}
  Processes& processes;
  Watchdog& watchdog;
  std::string where;
  WatchedProcesses watched;
};

Measurement measurement_of(const Request& request, const std::string& command, Run& run,
                           std::ostream* progress_to) {
  Processes& processes = run.processes;
  WatchedProcesses& watched = run.watched;
  const MachineFacts own = machine_facts(command);
  const std::vector<std::string> hosts = watched.gather(host_of(own));

  Measurement measurement;
  measurement.machine = own;
  measurement.machine.hosts = distinct_hosts(hosts);
  measurement.machine.system = request.system;
  measurement.machine.mpi = processes.library();
  if (processes.size() == 1)
    measurement.functional_only = "one rank alone communicates with nobody";
  std::unique_ptr<CollectiveBackend> backend;
  std::vector<RankGroups> groups;
  agree(watched, [&] {
    backend = mpi_backend(processes, hosts);
    groups = groups_of(request.arguments, backend->ranks(), backend->ranks() / backend->nodes());
  });
  WatchedBackend watched_backend(*backend, run.watchdog, run.where);
  measurement.collectives =
      Sweeps(watched_backend, watched, request, groups, progress_to).measure();
  return measurement;
}

Outcome outcome_of(const Measurement& measurement, const Request& request, Processes& processes) {
  const std::string json = measurement_json(measurement);
  const std::string file = request.arguments.value("output");
  agree(processes, [&] {
    if (processes.first() && !file.empty()) write_result(file, json, "the measurement");
  });
  Outcome outcome;
  outcome.output =
      request.arguments.value("format", "text") == "json" ? json : sweeps_text(measurement);
  outcome.remark =
      crowded_note(static_cast<std::size_t>(processes.size()), measurement.machine.hosts.size());
  if (!file.empty())
    outcome.remark += fmt::format("lockstep-validate: wrote {}\n", printable(file));
  const std::string wrong = wrong_text(measurement.collectives);
  outcome.remark += wrong;
  if (!wrong.empty()) outcome.code = internal_error;
  return outcome;
}

Outcome measure(const Request& request, const std::string& command, Run& run,
                std::ostream* progress_to) {
  return outcome_of(measurement_of(request, command, run, progress_to), request, run.watched);
}

void end_hanging_run(Processes& processes, const std::string& call, double seconds) {
  std::cerr << fmt::format(
                   "lockstep-validate: measuring failed: {}: no answer within {:g} s\n"
                   "  = hint: did another process end? --timeout S waits longer\n",
                   call, seconds)
            << std::flush;
  processes.abort(internal_error);
}

// Before the options are agreed on: what is wrong with them is said then.
double timeout_in(const std::vector<std::string>& words) {
  try {
    return timeout_of(parse_arguments(words, options()));
  } catch (const UsageError&) {
    return default_timeout_s;
  }
}

#endif

}  // namespace

#if LOCKSTEP_HAS_MPI
Outcome run_mpi(const std::vector<std::string>& words, const std::filesystem::path& program,
                std::ostream* progress_to) {
  const Launcher launcher = started_by_launcher();
  const std::unique_ptr<Processes> processes = processes_of_run(launcher);
  const std::string command = fmt::format("lockstep-validate mpi {}", fmt::join(words, " "));
  const std::string where =
      fmt::format("rank {} on {}", processes->rank(), printable(host_of(machine_facts(command))));
  const double timeout_s = timeout_in(words);
  Watchdog watchdog(timeout_s,
                    [&](const std::string& call) { end_hanging_run(*processes, call, timeout_s); });
  Run run(*processes, watchdog, where);
  return run_together(run.watched, {std::cout, std::cerr}, [&]() -> Outcome {
    Request request;
    agree(run.watched, [&] { request = read_request(words, program); });
    if (request.help) return {help(), ok, {}};
    check_same_command(run.watched, command);
    if (launcher) return measure(request, command, run, progress_to);
    const std::unique_ptr<Processes> alone = mpi_processes();
    Run alone_run(*alone, watchdog, where);
    return measure(request, command, alone_run, progress_to);
  });
}
#else
Outcome run_mpi(const std::vector<std::string>& words, const std::filesystem::path& /*program*/,
                std::ostream* /*progress_to*/) {
  if (parse_arguments(words, options()).help) return {help(), ok, {}};
  throw Unavailable("this lockstep-validate was built without MPI (Debian: libopenmpi-dev)");
}
#endif

}  // namespace lockstep::validation
