#include "validate/nccl/nccl_run.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <future>
#include <nlohmann/json.hpp>
#include <ostream>
#include <set>
#include <thread>
#include <utility>

#include "validate/gpu/driver_version.hpp"
#include "validate/measure/failures.hpp"
#include "validate/measure/hosts.hpp"
#include "validate/measure/together.hpp"
#include "validate/measure/watchdog.hpp"
#include "validate/nccl/nccl_backend.hpp"
#include "validate/nccl/rank_places.hpp"

namespace lockstep {
namespace {

using validation::agree;

constexpr auto abort_patience = std::chrono::seconds(3);
constexpr double slow_from = 1.15;  // times the fastest rank's
constexpr int exit_failed = 1;

// What the watchdog's thread needs.
struct Hang {
  std::atomic<NcclBackend*> backend{nullptr};
  Processes& processes;
  std::ostream& err;
  double timeout_s;
};

// NCCL is asked to give up, which may hang itself, then everything ends.
void end_hanging_run(Hang& hang, const std::string& call) {
  NcclBackend* backend = hang.backend.load();
  const std::string said = backend == nullptr ? std::string{} : backend->last_error();
  const bool calling = call.find(" being queued") != std::string::npos;
  const std::string queued =
      calling && backend != nullptr ? fmt::format(", in call {}", backend->queued() + 1) : "";
  std::string text =
      fmt::format("lockstep-validate: measuring failed: {}: no answer within {:g} s{}\n", call,
                  hang.timeout_s, queued);
  if (!said.empty()) text += fmt::format("  = NCCL's last error: {}\n", said);
  text += "  = hint: NCCL_DEBUG=INFO shows what NCCL waits for; --timeout S waits longer\n";
  hang.err << text << std::flush;
  if (backend != nullptr) {
    std::packaged_task<void()> giving_up([backend] { backend->abort(); });
    const std::future<void> done = giving_up.get_future();
    std::thread(std::move(giving_up)).detach();
    static_cast<void>(done.wait_for(abort_patience));
  }
  hang.processes.abort(exit_failed);
}

// NCCL takes ranks whose hosts differ for ranks of different GPUs; without peer access and shared
// memory they then talk through sockets. It reads these variables when it begins.
void pretend_other_hosts(const Processes& processes) {
  const std::string host = fmt::format("{}-{}", host_name(), processes.rank());
  ::setenv("NCCL_HOSTID", host.c_str(), 1);
  ::setenv("NCCL_P2P_DISABLE", "1", 1);
  ::setenv("NCCL_NET", "Socket", 1);
}

std::vector<RankPlace> find_places(const NcclRun& run, const CudaRuntime& cuda,
                                   Processes& processes) {
  std::vector<ProcessGpus> all;
  const std::vector<std::string> hosts = processes.gather(host_name());
  for (const double count : processes.gather(static_cast<double>(cuda.device_count())))
    all.push_back({hosts[all.size()], static_cast<std::int64_t>(count)});
  std::vector<MeasuredGpu> own;
  agree(processes, [&] {
    const auto devices = devices_of_processes(all, run.gpus);
    own = gpus_of(cuda, devices[static_cast<std::size_t>(processes.rank())]);
  });
  return gather_places(processes, own);
}

void refuse_shared_gpu(const std::optional<std::string>& shared, bool allowed) {
  if (!shared || allowed) return;
  throw MeasurementError(*shared,
                         "one rank per GPU measures; --share-gpu runs it as a functional test, "
                         "whose times calibrate nothing");
}

void compare_versions(const std::string& nccl, const CudaRuntime& cuda, Processes& processes,
                      const std::vector<RankPlace>& places) {
  const std::vector<std::string> hosts = processes.gather(host_name());
  const std::vector<std::string> nccls = processes.gather(nccl);
  const std::vector<std::string> cudas = processes.gather(cuda.version());
  std::vector<ProcessVersions> versions;
  std::vector<std::int64_t> first_ranks;
  for (std::size_t i = 0; i < hosts.size(); ++i) {
    versions.push_back({hosts[i], nccls[i], cudas[i]});
    const auto first = std::find_if(places.begin(), places.end(), [&](const RankPlace& place) {
      return place.process == static_cast<std::int64_t>(i);
    });
    first_ranks.push_back(first - places.begin());
  }
  agree(processes, [&] { check_same_versions(versions, first_ranks); });
}

std::string why_functional_only(const std::optional<std::string>& shared, std::size_t ranks) {
  if (shared) return *shared;
  return ranks == 1 ? "one rank alone does not communicate: its times are launches and copies" : "";
}

std::vector<std::string> hosts_of(const std::vector<RankPlace>& places) {
  std::vector<std::string> hosts;
  for (const RankPlace& place : places) hosts.push_back(place.gpu.host);
  return hosts;
}

void fill_in(MachineFacts& machine, const std::vector<RankPlace>& places) {
  machine.hosts = distinct_hosts(hosts_of(places));
  for (const RankPlace& place : places) machine.gpus.push_back(place.gpu);
}

// All sweeps of the run, one pass per kind of buffer.
void measure_all(const NcclRun& run, NcclBackend& backend, Processes& processes,
                 NcclResult& result) {
  const std::vector<RankGroups> groups = run.groups(backend.ranks(), result.ranks_per_node);
  const std::size_t sweeps = run.registered.size() * groups.size() * run.collectives.size();
  std::size_t done = 0;
  for (const bool registered : run.registered) {
    backend.use_registration(registered);
    for (const RankGroups& group : groups) {
      for (const Collective collective : run.collectives) {
        const auto progress = [&](std::size_t size, std::size_t of) {
          if (run.progress) run.progress(done * of + size, sweeps * of);
        };
        CollectiveSweep sweep =
            measure_collective(backend, processes, collective, group, run.sweep, progress);
        sweep.registered = registered;
        ++done;
        if (sweep.points.empty()) continue;
        result.measurement.collectives.push_back(std::move(sweep));
        result.groups.push_back(group);
      }
    }
  }
}

// Copies of all ranks against the fastest one's.
std::vector<double> copy_slowness(NcclBackend& backend, Processes& processes) {
  std::vector<double> all;
  for (const std::string& text : processes.gather(nlohmann::json(backend.copy_seconds()).dump())) {
    for (const nlohmann::json& one : nlohmann::json::parse(text)) all.push_back(one);
  }
  const double fastest = *std::min_element(all.begin(), all.end());
  for (double& seconds : all) seconds = fastest > 0 ? seconds / fastest : 1.0;
  return all;
}

struct Remarks {
  std::vector<std::string> texts;
  void add(std::string text) {
    if (std::find(texts.begin(), texts.end(), text) == texts.end())
      texts.push_back(std::move(text));
  }
};

void add_wrong_results(const Measurement& measurement, Remarks& remarks) {
  for (const CollectiveSweep& sweep : measurement.collectives) {
    std::int64_t wrong = 0;
    for (const CollectivePoint& point : sweep.points) {
      for (const auto& side : {point.out_of_place, point.in_place})
        wrong += side && side->wrong ? *side->wrong : 0;
    }
    if (wrong > 0)
      remarks.add(fmt::format("wrong results: {} {} of {} on {}", wrong,
                              wrong == 1 ? "element" : "elements", to_string(sweep.collective),
                              sweep.group));
  }
}

std::string gpu_text(const MeasuredGpu& gpu) {
  return fmt::format("GPU {} ({}) of {}", gpu.device, gpu.bus_id, gpu.host);
}

void add_slow_gpus(const NcclResult& result, Remarks& remarks) {
  const std::vector<MeasuredGpu>& gpus = result.measurement.machine.gpus;
  for (std::size_t i = 0; i < result.copy_slowness.size(); ++i) {
    if (result.copy_slowness[i] > slow_from)
      remarks.add(
          fmt::format("{} takes {:.2f} times as long as the fastest to copy its own memory: "
                      "its clocks or another program slow it",
                      gpu_text(gpus[i]), result.copy_slowness[i]));
  }
  for (const CollectiveSweep& sweep : result.measurement.collectives) {
    const std::vector<double>& slowness = sweep.rank_slowness;
    // Of a broadcast and a reduce the ranks are done at different times by their nature.
    const bool by_nature =
        sweep.collective == Collective::broadcast || sweep.collective == Collective::reduce;
    const auto slowest = std::max_element(slowness.begin(), slowness.end());
    if (by_nature || slowness.size() != gpus.size() || *slowest <= slow_from) continue;
    remarks.add(fmt::format("{} takes {:.2f} times as long as the fastest in {} on {}",
                            gpu_text(gpus[static_cast<std::size_t>(slowest - slowness.begin())]),
                            *slowest, to_string(sweep.collective), sweep.group));
  }
}

}  // namespace

NcclResult measure_nccl(const NcclRun& run, Processes& processes, MachineFacts machine,
                        std::ostream& err) {
  Hang hang{.processes = processes, .err = err, .timeout_s = run.timeout_s};
  Watchdog watchdog(run.timeout_s, [&](const std::string& call) { end_hanging_run(hang, call); });
  WatchedProcesses watched(processes, watchdog,
                           fmt::format("process {} on {}", processes.rank(), host_name()));
  std::optional<CudaRuntime> cuda;
  agree(watched, [&] { cuda.emplace(run.libraries); });
  const std::vector<RankPlace> places = find_places(run, *cuda, watched);
  const std::optional<std::string> shared = shared_gpu(places);
  agree(watched, [&] { refuse_shared_gpu(shared, run.share_gpu); });
  if (shared) pretend_other_hosts(processes);
  std::optional<NcclLibrary> nccl;
  agree(watched, [&] { nccl.emplace(run.libraries); });
  compare_versions(nccl->version(), *cuda, watched, places);

  NcclResult result;
  Measurement& measurement = result.measurement;
  measurement.functional_only = why_functional_only(shared, places.size());
  measurement.machine = std::move(machine);
  fill_in(measurement.machine, places);
  measurement.machine.driver = driver_version();
  measurement.machine.cuda = cuda->version();
  measurement.machine.nccl = nccl->version();
  measurement.machine.mpi = processes.library();
  const auto ranks = static_cast<std::int64_t>(places.size());
  agree(watched, [&] { result.ranks_per_node = ranks / nodes_in_blocks(hosts_of(places)); });

  // The groups are the same on every process, so what is wrong with them is said once.
  agree(watched, [&] { static_cast<void>(run.groups(ranks, result.ranks_per_node)); });
  const NcclOptions options{run.type, run.sweep.largest_bytes, run.registered.front()};
  NcclBackend backend(*cuda, *nccl, watched, watchdog, places, options);
  hang.backend = &backend;
  result.copy_slowness = copy_slowness(backend, watched);
  measure_all(run, backend, watched, result);
  hang.backend = nullptr;
  return result;
}

std::vector<std::string> remarks_on(const NcclResult& result) {
  Remarks remarks;
  add_wrong_results(result.measurement, remarks);
  add_slow_gpus(result, remarks);
  if (!result.measurement.functional_only.empty())
    remarks.add("a functional test, no calibration: " + result.measurement.functional_only);
  return remarks.texts;
}

}  // namespace lockstep
