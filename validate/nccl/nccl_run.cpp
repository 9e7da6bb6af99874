#include "validate/nccl/nccl_run.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <future>
#include <ostream>
#include <set>
#include <thread>
#include <utility>

#include "validate/gpu/driver_version.hpp"
#include "validate/measure/failures.hpp"
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
  std::string text = fmt::format(
      "lockstep-validate: measuring failed: {}: no answer within {:g} s\n", call, hang.timeout_s);
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

void fill_in(MachineFacts& machine, const std::vector<RankPlace>& places) {
  machine.hosts.clear();
  for (const RankPlace& place : places) {
    if (std::find(machine.hosts.begin(), machine.hosts.end(), place.gpu.host) ==
        machine.hosts.end())
      machine.hosts.push_back(place.gpu.host);
    machine.gpus.push_back(place.gpu);
  }
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
  result.ranks_per_node = std::max<std::int64_t>(
      1, static_cast<std::int64_t>(places.size() / measurement.machine.hosts.size()));

  // The groups are the same on every process, so what is wrong with them is said once.
  agree(watched, [&] {
    static_cast<void>(run.groups(static_cast<std::int64_t>(places.size()), result.ranks_per_node));
  });
  const NcclOptions options{run.type, run.sweep.largest_bytes, run.registered.front()};
  NcclBackend backend(*cuda, *nccl, watched, watchdog, places, options);
  hang.backend = &backend;
  measure_all(run, backend, watched, result);
  hang.backend = nullptr;
  return result;
}

std::vector<std::string> remarks_on(const Measurement& measurement) {
  std::vector<std::string> out;
  const auto add = [&](std::string text) {
    if (std::find(out.begin(), out.end(), text) == out.end()) out.push_back(std::move(text));
  };
  for (const CollectiveSweep& sweep : measurement.collectives) {
    std::int64_t wrong = 0;
    for (const CollectivePoint& point : sweep.points) {
      for (const auto& side : {point.out_of_place, point.in_place})
        wrong += side && side->wrong ? *side->wrong : 0;
    }
    if (wrong > 0)
      add(fmt::format("wrong results: {} {} of {} on {}", wrong,
                      wrong == 1 ? "element" : "elements", to_string(sweep.collective),
                      sweep.group));
  }
  for (const CollectiveSweep& sweep : measurement.collectives) {
    const auto& slowness = sweep.rank_slowness;
    const auto slowest = std::max_element(slowness.begin(), slowness.end());
    if (slowest == slowness.end() || *slowest < slow_from) continue;
    const auto place = static_cast<std::size_t>(slowest - slowness.begin());
    // Of a broadcast and a reduce the ranks are done at different times by their nature.
    if (sweep.collective == Collective::broadcast || sweep.collective == Collective::reduce)
      continue;
    if (slowness.size() != measurement.machine.gpus.size()) continue;
    const MeasuredGpu& gpu = measurement.machine.gpus[place];
    add(fmt::format(
        "GPU {} ({}) of {} takes {:.2f} times as long as the fastest in {}: its clocks, "
        "its links or another program slow it",
        gpu.device, gpu.bus_id, gpu.host, *slowest, to_string(sweep.collective)));
  }
  if (!measurement.functional_only.empty())
    add("a functional test, no calibration: " + measurement.functional_only);
  return out;
}

}  // namespace lockstep
