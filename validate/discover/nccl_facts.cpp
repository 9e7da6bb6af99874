#include "validate/discover/nccl_facts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <memory>

#include "scenarios/nccl_topology.hpp"
#include "scenarios/nccl_xml.hpp"
#include "scenarios/utf8.hpp"

namespace lockstep {
namespace {

constexpr double giga = 1e9;
constexpr double bits_per_byte = 8.0;
constexpr const char* by_nccl = "NCCL's topology";

PciePlace place_of_slot(const TopologyDump& dump, std::size_t slot, const std::string& bus_id,
                        std::size_t cpu) {
  PciePlace place;
  place.bus_id = bus_id;
  place.numa_node = static_cast<std::int64_t>(cpu);
  for (; slot != no_parent; slot = dump.slots[slot].parent) {
    if (dump.slots[slot].is_switch) place.switches.push_back(fmt::format("switch {}", slot));
  }
  std::reverse(place.switches.begin(), place.switches.end());
  return place;
}

GpuFact gpu_of(const TopologyDump& dump, const DumpGpu& gpu) {
  GpuFact fact;
  fact.index = gpu.device;
  fact.bus_id = plain_bus_id(gpu.bus_id);
  fact.compute_capability = gpu.compute_capability;
  fact.pcie_generation = dump.slots[gpu.slot].generation;
  fact.pcie_width = dump.slots[gpu.slot].width;
  const auto add = [&](std::int64_t count, NvlinkEnd to, const std::string& remote) {
    for (std::int64_t i = 0; i < count; ++i) {
      NvlinkFact link;
      link.link = static_cast<std::int64_t>(fact.nvlinks.size());
      link.active = true;
      link.to = to;
      link.remote_bus_id = remote;
      fact.nvlinks.push_back(std::move(link));
    }
  };
  add(gpu.switch_links, NvlinkEnd::nvswitch, "");
  for (const DumpNvlink& peer : gpu.peer_links)
    add(peer.count, NvlinkEnd::gpu, plain_bus_id(peer.target));
  return fact;
}

void fill_gpus(const TopologyDump& dump, NodeFacts& facts) {
  if (!facts.nvml.gpus.empty() || dump.gpus.empty()) return;
  for (const DumpGpu& gpu : dump.gpus) facts.nvml.gpus.push_back(gpu_of(dump, gpu));
  facts.gpu_source = by_nccl;
}

void fill_host(const TopologyDump& dump, NodeFacts& facts) {
  HostFacts& host = facts.host;
  if (host.sockets.empty() && !dump.cpus.empty() && host.architecture.empty())
    host.architecture = printable(dump.cpus.front().arch);
  if (!host.nics.empty() && !host.knows_pcie) {
    for (const DumpNic& nic : dump.nics) {
      const auto same = std::find_if(host.nics.begin(), host.nics.end(),
                                     [&](const NicFact& fact) { return fact.name == nic.name; });
      if (same != host.nics.end())
        same->place = place_of_slot(dump, nic.slot, same->place.bus_id, nic.cpu);
    }
  }
  if (host.nics.empty()) {
    for (const DumpNic& nic : dump.nics) {
      NicFact fact;
      fact.name = printable(nic.name);
      fact.rate = nic.rate * giga;
      fact.rdma = fact.name.compare(0, 3, "mlx") == 0 || nic.gpudirect;
      fact.place = place_of_slot(dump, nic.slot, "", nic.cpu);
      host.nics.push_back(std::move(fact));
    }
  }
  if (!host.knows_pcie && !dump.gpus.empty()) {
    host.nvidia_gpus.clear();
    for (const DumpGpu& gpu : dump.gpus)
      host.nvidia_gpus.push_back(
          place_of_slot(dump, gpu.slot, plain_bus_id(gpu.bus_id), dump.slots[gpu.slot].cpu));
    host.knows_pcie = true;
  }
  if (host.source.empty()) host.source = by_nccl;
}

std::string capability(int number) {
  return fmt::format("{}.{}", number / 10, number % 10);
}

void compare_gpu(const GpuFact& gpu, const GpuFact& other, std::vector<std::string>& remarks) {
  const std::int64_t links = active_nvlinks(gpu);
  const std::int64_t other_links = active_nvlinks(other);
  if (links != other_links)
    remarks.push_back(fmt::format(
        "GPU {} ({}) has {} active NVLinks by NVML and {} in {}: a link went up or down "
        "between the two, or the file is of another node",
        gpu.index, gpu.bus_id, links, other_links, by_nccl));
  if (gpu.compute_capability > 0 && gpu.compute_capability != other.compute_capability)
    remarks.push_back(fmt::format("GPU {} ({}) has compute capability {} by NVML and {} in {}",
                                  gpu.index, gpu.bus_id, capability(gpu.compute_capability),
                                  capability(other.compute_capability), by_nccl));
  if (gpu.pcie_generation > 0 && gpu.pcie_generation != other.pcie_generation)
    remarks.push_back(fmt::format("GPU {} ({}) is on PCIe {}.0 by NVML and {}.0 in {}", gpu.index,
                                  gpu.bus_id, gpu.pcie_generation, other.pcie_generation, by_nccl));
}

void compare_gpus(const TopologyDump& dump, NodeFacts& facts) {
  if (facts.gpu_source == by_nccl || facts.nvml.gpus.empty() || dump.gpus.empty()) return;
  if (dump.gpus.size() != facts.nvml.gpus.size())
    facts.remarks.push_back(fmt::format("{} GPUs by NVML and {} in {}", facts.nvml.gpus.size(),
                                        dump.gpus.size(), by_nccl));
  std::vector<GpuFact> others;
  for (const DumpGpu& gpu : dump.gpus) others.push_back(gpu_of(dump, gpu));
  for (const GpuFact& gpu : facts.nvml.gpus) {
    const auto same = std::find_if(others.begin(), others.end(), [&](const GpuFact& other) {
      return other.bus_id == gpu.bus_id;
    });
    if (same == others.end()) {
      facts.remarks.push_back(fmt::format("{} has no GPU at {}, where NVML has GPU {}", by_nccl,
                                          gpu.bus_id, gpu.index));
    } else {
      compare_gpu(gpu, *same, facts.remarks);
    }
  }
}

void compare_nics(const TopologyDump& dump, NodeFacts& facts) {
  if (facts.host.nics.empty()) return;
  for (const DumpNic& nic : dump.nics) {
    const auto same = std::find_if(
        facts.host.nics.begin(), facts.host.nics.end(),
        [&](const NicFact& fact) { return fact.name == nic.name || fact.interface == nic.name; });
    if (same == facts.host.nics.end()) {
      facts.remarks.push_back(fmt::format("{} has a NIC {} that {} does not show", by_nccl,
                                          shortened(nic.name), facts.host.source));
      continue;
    }
    const double rate = nic.rate * giga;
    constexpr double close = 0.02;
    if (same->rate_assumed || same->rate <= 0.0) {
      same->rate = rate;
      same->rate_assumed = false;
    } else if (std::abs(same->rate - rate) > close * rate) {
      facts.remarks.push_back(fmt::format("{} runs at {:g} Gb/s by {} and at {:g} Gb/s in {}",
                                          same->name, same->rate * bits_per_byte / giga,
                                          facts.host.source, rate * bits_per_byte / giga, by_nccl));
    }
  }
}

void compare_cpu(const TopologyDump& dump, NodeFacts& facts) {
  if (dump.cpus.empty() || facts.host.sockets.empty()) return;
  const std::string& mine = facts.host.sockets.front().vendor;
  const std::string& theirs = dump.cpus.front().vendor;
  if (!mine.empty() && !theirs.empty() && mine != theirs && theirs != "ARM")
    facts.remarks.push_back(fmt::format("the CPU is of {} by {} and of {} in {}", mine,
                                        facts.host.source, shortened(theirs), by_nccl));
}

}  // namespace

void add_nccl_topology(const std::string& xml, const std::string& file_name, NodeFacts& facts) {
  const nccl::ImportedTopology summary = parse_nccl_topology(xml, file_name);
  if (summary.hosts > 1) {
    facts.remarks.push_back(fmt::format(
        "{} shows {} hosts, not this node alone: it is not compared", by_nccl, summary.hosts));
    return;
  }
  std::vector<Diagnostic> problems;
  const std::optional<XmlElement> root =
      parse_xml(std::make_shared<const SourceText>(file_name, xml, Origin::scenario), problems);
  if (!root) throw InputError(std::move(problems));
  const TopologyDump dump = read_devices(*root, problems);
  compare_gpus(dump, facts);
  compare_nics(dump, facts);
  compare_cpu(dump, facts);
  fill_gpus(dump, facts);
  fill_host(dump, facts);
}

}  // namespace lockstep
