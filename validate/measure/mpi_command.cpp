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
#include "validate/progress.hpp"
#if LOCKSTEP_HAS_MPI
#include "validate/mpi/mpi_backend.hpp"
#include "validate/mpi/mpi_processes.hpp"
#endif

namespace lockstep::validation {
namespace {

constexpr std::size_t help_width = 100;
constexpr const char* default_largest = "4M";

const std::vector<Option>& options() {
  static const std::vector<Option> options = with_measuring_options(sweep_options(default_largest));
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

Outcome measure(const Request& request, const std::vector<std::string>& words, Processes& processes,
                std::ostream* progress_to) {
  Measurement measurement;
  measurement.machine =
      machine_facts(fmt::format("lockstep-validate mpi {}", fmt::join(words, " ")));
  const std::string own_host =
      measurement.machine.hosts.empty() ? "" : measurement.machine.hosts.front();
  const std::vector<std::string> hosts = processes.gather(own_host);
  measurement.machine.hosts = distinct_hosts(hosts);
  measurement.machine.system = request.system;
  measurement.machine.mpi = processes.library();
  if (processes.size() == 1)
    measurement.functional_only = "one rank alone communicates with nobody";
  std::unique_ptr<CollectiveBackend> backend;
  std::vector<RankGroups> groups;
  agree(processes, [&] {
    backend = mpi_backend(processes, hosts);
    groups = groups_of(request.arguments, backend->ranks(), backend->ranks() / backend->nodes());
  });
  measurement.collectives = Sweeps(*backend, processes, request, groups, progress_to).measure();
  Outcome outcome;
  outcome.remark = crowded_note(hosts.size(), measurement.machine.hosts.size());
  const std::string json = measurement_json(measurement);
  outcome.output =
      request.arguments.value("format", "text") == "json" ? json : sweeps_text(measurement);
  const std::string file = request.arguments.value("output");
  agree(processes, [&] {
    if (processes.first() && !file.empty()) write_result(file, json, "the measurement");
  });
  if (!file.empty())
    outcome.remark += fmt::format("lockstep-validate: wrote {}\n", printable(file));
  const std::string wrong = wrong_text(measurement.collectives);
  outcome.remark += wrong;
  if (!wrong.empty()) outcome.code = internal_error;
  return outcome;
}

#endif

}  // namespace

#if LOCKSTEP_HAS_MPI
Outcome run_mpi(const std::vector<std::string>& words, const std::filesystem::path& program,
                std::ostream* progress_to) {
  const Launcher launcher = started_by_launcher();
  const std::unique_ptr<Processes> processes = processes_of_run(launcher);
  return run_together(*processes, std::cerr, [&]() -> Outcome {
    Request request;
    agree(*processes, [&] { request = read_request(words, program); });
    if (request.help) return {help(), ok, {}};
    if (launcher) return measure(request, words, *processes, progress_to);
    const std::unique_ptr<Processes> alone = mpi_processes();
    return measure(request, words, *alone, progress_to);
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
