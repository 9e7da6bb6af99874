#include "validate/discover/node_facts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace lockstep {
namespace {

// Some links of a GPU up and some down, or a GPU without any beside others that have them.
void check_nvlinks(const std::vector<GpuFact>& gpus, std::vector<std::string>& remarks) {
  std::int64_t most = 0;
  for (const GpuFact& gpu : gpus) most = std::max(most, active_nvlinks(gpu));
  if (most == 0) return;
  for (const GpuFact& gpu : gpus) {
    const auto all = static_cast<std::int64_t>(gpu.nvlinks.size());
    const std::int64_t down = all - active_nvlinks(gpu);
    if (all == 0) {
      remarks.push_back(fmt::format("GPU {} ({}) reports no NVLinks, other GPUs have {}", gpu.index,
                                    gpu.bus_id, most));
    } else if (down > 0) {
      remarks.push_back(fmt::format("{} of {} NVLinks of GPU {} ({}) are down", down, all,
                                    gpu.index, gpu.bus_id));
    }
  }
}

void check_kinds(const std::vector<GpuFact>& gpus, std::vector<std::string>& remarks) {
  std::map<std::string, std::int64_t> kinds;
  for (const GpuFact& gpu : gpus) ++kinds[gpu.name];
  if (kinds.size() < 2) return;
  std::vector<std::string> texts;
  for (const auto& [name, count] : kinds) texts.push_back(fmt::format("{} x {}", count, name));
  remarks.push_back(fmt::format("the GPUs are not all of one kind: {}; the first counts",
                                fmt::join(texts, ", ")));
}

void check_bus_ids(const NodeFacts& facts, std::vector<std::string>& remarks) {
  if (!facts.host.knows_pcie) return;
  for (const PciePlace& place : facts.host.nvidia_gpus) {
    const bool listed = std::any_of(facts.nvml.gpus.begin(), facts.nvml.gpus.end(),
                                    [&](const GpuFact& gpu) { return gpu.bus_id == place.bus_id; });
    if (!listed)
      remarks.push_back(fmt::format(
          "PCIe shows an NVIDIA GPU at {} that {} does not list: it is lost, or kept from "
          "this process; the system is made of the others",
          place.bus_id, facts.gpu_source));
  }
  for (const GpuFact& gpu : facts.nvml.gpus) {
    if (place_of(gpu, facts.host) == nullptr)
      remarks.push_back(
          fmt::format("{} has GPU {} at {}, where {} shows none: are they of one machine?",
                      facts.gpu_source, gpu.index, gpu.bus_id, facts.host.source));
  }
}

}  // namespace

std::string plain_bus_id(const std::string& bus_id) {
  std::string text;
  for (const char c : bus_id) text += c >= 'A' && c <= 'F' ? static_cast<char>(c - 'A' + 'a') : c;
  // NVML writes eight digits of the domain, Linux four.
  const std::size_t colon = text.find(':');
  if (colon == 8 && text.compare(0, 4, "0000") == 0) return text.substr(4);
  return text;
}

const PciePlace* place_of(const GpuFact& gpu, const HostFacts& host) {
  const auto found =
      std::find_if(host.nvidia_gpus.begin(), host.nvidia_gpus.end(),
                   [&](const PciePlace& place) { return place.bus_id == gpu.bus_id; });
  return found == host.nvidia_gpus.end() ? nullptr : &*found;
}

bool share_switch(const PciePlace& a, const PciePlace& b) {
  return std::any_of(a.switches.begin(), a.switches.end(), [&](const std::string& one) {
    return std::find(b.switches.begin(), b.switches.end(), one) != b.switches.end();
  });
}

std::int64_t active_nvlinks(const GpuFact& gpu) {
  return std::count_if(gpu.nvlinks.begin(), gpu.nvlinks.end(),
                       [](const NvlinkFact& link) { return link.active; });
}

std::string list_of(const std::vector<std::string>& names) {
  constexpr std::size_t most = 5;
  std::string text;
  const std::size_t shown = names.size() > most ? most - 1 : names.size();
  for (std::size_t i = 0; i < shown; ++i) {
    const bool last = i + 1 == names.size();
    text += i == 0 ? "" : last ? " and " : ", ";
    text += names[i];
  }
  if (shown < names.size()) text += fmt::format(" and {} more", names.size() - shown);
  return text;
}

std::vector<std::string> cross_checks(const NodeFacts& facts) {
  std::vector<std::string> remarks;
  check_kinds(facts.nvml.gpus, remarks);
  check_nvlinks(facts.nvml.gpus, remarks);
  if (!facts.nvml.gpus.empty()) check_bus_ids(facts, remarks);
  return remarks;
}

}  // namespace lockstep
