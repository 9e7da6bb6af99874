// A topology dump in the numbers that the model of collectives asks for.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "scenarios/nccl_topology.hpp"
#include "scenarios/nccl_xml.hpp"
#include "scenarios/utf8.hpp"

namespace lockstep {
namespace {

constexpr const char* graph_hint =
    "this is a graph file: give it as --nccl-graph, or the key nccl_graph of a cluster";

void summarise_gpus(const TopologyDump& dump, nccl::ImportedTopology& result) {
  result.gpus = static_cast<std::int64_t>(dump.gpus.size());
  if (dump.gpus.empty()) {
    result.notes.emplace_back(
        "it names no GPU and no NIC, as files of cloud machines do: NVLinks and NICs are the "
        "system's");
    return;
  }
  const auto host_of = [&](const DumpGpu& gpu) { return dump.cpus[dump.slots[gpu.slot].cpu].host; };
  std::set<std::string> hosts;
  std::set<std::size_t> above;
  result.slot = dump.slots[dump.gpus.front().slot].bandwidth;
  result.nvswitch = true;
  result.nvlinks = 1'000'000;
  result.compute_capability = dump.gpus.front().compute_capability;
  result.chip_to_chip = dump.gpus.front().chip_to_chip;
  bool mixed = false;
  for (const DumpGpu& gpu : dump.gpus) {
    hosts.insert(host_of(gpu));
    const DumpSlot& slot = dump.slots[gpu.slot];
    if (slot.bandwidth <= result.slot) {
      result.slot = slot.bandwidth;
      result.pcie_generation = slot.generation;
      result.pcie_width = slot.width;
    }
    std::int64_t links = gpu.switch_links;
    for (const DumpNvlink& peer : gpu.peer_links) links += peer.count;
    result.nvlinks = std::min(result.nvlinks, links);
    result.nvswitch = result.nvswitch && gpu.switch_links > 0;
    mixed = mixed || gpu.compute_capability != result.compute_capability;
    result.compute_capability = std::min(result.compute_capability, gpu.compute_capability);
    result.chip_to_chip = std::min(result.chip_to_chip, gpu.chip_to_chip);
  }
  result.hosts = static_cast<std::int64_t>(hosts.size());
  if (mixed)
    result.notes.push_back(fmt::format(
        "its GPUs are not all of one kind: the oldest, sm {}, counts", result.compute_capability));
}

void summarise_nics(const TopologyDump& dump, nccl::ImportedTopology& result) {
  if (dump.nics.empty()) {
    if (result.gpus > 0) result.notes.emplace_back("it names no NIC: the network is the system's");
    return;
  }
  for (const DumpNic& nic : dump.nics) result.nic_rate = std::max(result.nic_rate, nic.rate);
  std::int64_t slower = 0;
  for (const DumpNic& nic : dump.nics) {
    if (nic.rate < result.nic_rate) {
      ++slower;
      continue;
    }
    ++result.nics;
    if (result.nic_name.empty()) result.nic_name = shortened(nic.name);
  }
  result.nics = std::max<std::int64_t>(1, result.nics / result.hosts);
  if (slower > 0)
    result.notes.push_back(
        fmt::format("{} slower NIC{} left out", slower, slower == 1 ? " is" : "s are"));
}

nccl::ImportedTopology summary(const TopologyDump& dump) {
  nccl::ImportedTopology result;
  result.notes = dump.notes;
  summarise_gpus(dump, result);
  summarise_nics(dump, result);
  if (!dump.cpus.empty()) {
    result.cpu_vendor = shortened(dump.cpus.front().vendor);
    result.cpu_arch = shortened(dump.cpus.front().arch);
    result.sockets = static_cast<std::int64_t>(
        std::count_if(dump.cpus.begin(), dump.cpus.end(),
                      [&](const DumpCpu& cpu) { return cpu.host == dump.cpus.front().host; }));
  }
  result.pcie_switches = static_cast<std::int64_t>(std::count_if(
      dump.slots.begin(), dump.slots.end(), [](const DumpSlot& slot) { return slot.is_switch; }));
  result.rails = static_cast<std::int64_t>(dump.rails.size());
  result.planes = static_cast<std::int64_t>(dump.planes.size());
  result.first = links_of_first_gpus(dump);
  constexpr std::size_t most_named = 5;
  std::size_t named = 0;
  for (const auto& [name, count] : dump.ignored) {
    if (named++ == most_named) break;
    result.notes.push_back(fmt::format("ignored: {} x <{}>", count, shortened(name)));
  }
  return result;
}

}  // namespace

nccl::ImportedTopology parse_nccl_topology(const std::string& xml, const std::string& file_name) {
  std::vector<Diagnostic> problems;
  const auto source = std::make_shared<const SourceText>(file_name, xml, Origin::scenario);
  const std::optional<XmlElement> root = parse_xml(source, problems);
  TopologyDump dump;
  if (root && is_root(*root, "system", "an NCCL topology file", "graphs", graph_hint, problems)) {
    dump = read_devices(*root, problems);
    if (problems.empty() && dump.cpus.empty())
      problems.push_back(diagnose(root->where, "E221", "<system> has no <cpu>",
                                  "NCCL puts every device below the CPU that it hangs on"));
  }
  if (!problems.empty()) throw InputError(std::move(problems));
  nccl::ImportedTopology result = summary(dump);
  result.file = file_name;
  return result;
}

}  // namespace lockstep
