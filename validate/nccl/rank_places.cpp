#include "validate/nccl/rank_places.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <map>
#include <nlohmann/json.hpp>

#include "validate/gpu/gpu_facts.hpp"
#include "validate/measure/failures.hpp"

namespace lockstep {
namespace {

constexpr std::size_t longest_host = 256;

std::string packed(const std::vector<MeasuredGpu>& gpus) {
  nlohmann::json list = nlohmann::json::array();
  for (const MeasuredGpu& gpu : gpus)
    list.push_back({gpu.host, gpu.device, gpu.name, gpu.bus_id, gpu.memory_bytes});
  return list.dump();
}

std::vector<MeasuredGpu> unpacked(const std::string& text) {
  std::vector<MeasuredGpu> gpus;
  for (const nlohmann::json& one : nlohmann::json::parse(text)) {
    MeasuredGpu gpu;
    gpu.host = one[0];
    gpu.device = one[1];
    gpu.name = one[2];
    gpu.bus_id = one[3];
    gpu.memory_bytes = one[4];
    gpus.push_back(std::move(gpu));
  }
  return gpus;
}

}  // namespace

std::string host_name() {
  std::array<char, longest_host> name{};
  static_cast<void>(::gethostname(name.data(), name.size() - 1));
  return name.data();
}

std::vector<std::vector<std::int64_t>> devices_of_processes(
    const std::vector<ProcessGpus>& processes, std::optional<std::int64_t> gpus) {
  std::vector<std::vector<std::int64_t>> out;
  std::map<std::string, std::int64_t> taken;  // by host
  for (const ProcessGpus& process : processes) {
    const std::int64_t wanted = gpus ? *gpus : processes.size() == 1 ? process.devices : 1;
    if (wanted > process.devices)
      throw MeasurementError(
          fmt::format("{} GPUs per process, but {} shows process {} only {}", wanted, process.host,
                      out.size(), process.devices),
          "--gpus N takes fewer; CUDA_VISIBLE_DEVICES hides GPUs; several ranks on one GPU need a "
          "process each, under mpirun, and --share-gpu");
    std::vector<std::int64_t> devices;
    for (std::int64_t i = 0; i < wanted; ++i)
      devices.push_back(taken[process.host]++ % process.devices);
    out.push_back(std::move(devices));
  }
  return out;
}

std::vector<MeasuredGpu> gpus_of(const CudaRuntime& cuda,
                                 const std::vector<std::int64_t>& devices) {
  std::vector<MeasuredGpu> gpus;
  for (const std::int64_t device : devices) gpus.push_back(measured_gpu(cuda, host_name(), device));
  return gpus;
}

std::vector<RankPlace> gather_places(Processes& processes, const std::vector<MeasuredGpu>& own) {
  std::vector<RankPlace> places;
  std::int64_t process = 0;
  for (const std::string& text : processes.gather(packed(own))) {
    for (MeasuredGpu& gpu : unpacked(text)) places.push_back({process, std::move(gpu)});
    ++process;
  }
  return places;
}

std::string describe(const std::vector<RankPlace>& places, std::int64_t rank) {
  const MeasuredGpu& gpu = places[static_cast<std::size_t>(rank)].gpu;
  return fmt::format("rank {} on {}, GPU {} ({})", rank, gpu.host, gpu.device, gpu.bus_id);
}

std::optional<std::string> shared_gpu(const std::vector<RankPlace>& places) {
  for (std::size_t i = 0; i < places.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      const MeasuredGpu& a = places[j].gpu;
      const MeasuredGpu& b = places[i].gpu;
      if (a.host == b.host && a.bus_id == b.bus_id)
        return fmt::format("ranks {} and {} on {} share GPU {} ({})", j, i, a.host, a.device,
                           a.bus_id);
    }
  }
  return std::nullopt;
}

void check_same_versions(const std::vector<ProcessVersions>& versions,
                         const std::vector<std::int64_t>& first_ranks) {
  const ProcessVersions& first = versions.front();
  for (std::size_t i = 1; i < versions.size(); ++i) {
    const ProcessVersions& one = versions[i];
    const auto differ = [&](const char* what, const std::string& own, const std::string& others) {
      if (own == others) return;
      throw MeasurementError(
          fmt::format("rank {} on {} has {} {}, rank 0 on {} has {} {}", first_ranks[i], one.host,
                      what, own, first.host, what, others),
          "every process has to load the same libraries: --libraries DIR names "
          "their folder, LD_LIBRARY_PATH may differ between hosts");
    };
    differ("NCCL", one.nccl, first.nccl);
    differ("CUDA", one.cuda, first.cuda);
  }
}

}  // namespace lockstep
