#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "scenarios/utf8.hpp"
#include "sim/report/display.hpp"
#include "topology/quantity_text.hpp"
#include "validate/discover/discover_report.hpp"
#include "validate/discover/system_yaml.hpp"

namespace lockstep {
namespace {

constexpr std::size_t width = 100;

std::string line(const std::string& text, std::size_t indent = 0, std::size_t hanging = 4) {
  return wrap(text, width, std::string(indent, ' '), std::string(indent + hanging, ' ')) + '\n';
}

std::string items(const std::string& head, const std::vector<std::string>& texts) {
  if (texts.empty()) return {};
  std::string out = '\n' + head + '\n';
  for (const std::string& text : texts) out += line("- " + text, 2, 2);
  return out;
}

// "18 NVLinks to 4 NVSwitches", "4 NVLinks to GPU 1".
std::string nvlink_text(const GpuFact& gpu, const NodeFacts& facts) {
  std::map<std::string, std::int64_t> peers, switches;
  std::int64_t unknown = 0, down = 0;
  for (const NvlinkFact& link : gpu.nvlinks) {
    if (!link.active) {
      ++down;
    } else if (link.to == NvlinkEnd::nvswitch) {
      ++switches[link.remote_bus_id];
    } else if (link.to == NvlinkEnd::gpu) {
      ++peers[link.remote_bus_id];
    } else {
      ++unknown;
    }
  }
  std::vector<std::string> parts;
  std::int64_t to_switches = 0;
  for (const auto& [id, count] : switches) to_switches += count;
  if (to_switches > 0)
    parts.push_back(fmt::format("{} NVLinks to {} NVSwitch{}", to_switches, switches.size(),
                                switches.size() == 1 ? "" : "es"));
  for (const auto& [id, count] : peers) {
    const auto other = std::find_if(facts.nvml.gpus.begin(), facts.nvml.gpus.end(),
                                    [&peer = id](const GpuFact& g) { return g.bus_id == peer; });
    parts.push_back(
        fmt::format("{} NVLink{} to {}", count, count == 1 ? "" : "s",
                    other == facts.nvml.gpus.end() ? id : fmt::format("GPU {}", other->index)));
  }
  if (unknown > 0) parts.push_back(fmt::format("{} NVLinks to an unknown end", unknown));
  if (down > 0) parts.push_back(fmt::format("{} NVLinks down", down));
  return fmt::format("{}", fmt::join(parts, ", "));
}

std::string kind_text(const GpuFact& gpu) {
  std::string text = gpu.name.empty() ? "name not known" : gpu.name;
  if (gpu.memory_bytes > 0) text += ", " + to_text(Bytes{static_cast<double>(gpu.memory_bytes)});
  if (gpu.power_limit_w > 0) text += fmt::format(", {:g} W", gpu.power_limit_w);
  if (gpu.pcie_generation > 0)
    text += fmt::format(", PCIe {}.0 x{}", gpu.pcie_generation, gpu.pcie_width);
  return text;
}

// The kind of all GPUs; empty where they differ, and then each says its own.
std::string common_kind(const std::vector<GpuFact>& gpus) {
  if (gpus.empty()) return {};
  const std::string first = kind_text(gpus.front());
  const bool all = std::all_of(gpus.begin(), gpus.end(),
                               [&](const GpuFact& gpu) { return kind_text(gpu) == first; });
  return all ? first : std::string{};
}

std::string gpu_text(const GpuFact& gpu, const NodeFacts& facts, bool with_kind) {
  std::string text = fmt::format("GPU {} {}", gpu.index, gpu.bus_id);
  if (with_kind) text += " " + kind_text(gpu);
  const std::string links = nvlink_text(gpu, facts);
  return links.empty() ? text : text + ", " + links;
}

std::string nic_text(const NicFact& nic) {
  std::string text = "NIC " + nic.name;
  if (!nic.interface.empty() && nic.interface != nic.name)
    text += fmt::format(" ({})", nic.interface);
  text += "  " + nic.place.bus_id;
  if (!nic.link_layer.empty()) text += "  " + nic.link_layer;
  if (nic.rate > 0)
    text += " " + to_bit_rate_text(BytesPerSecond{nic.rate}) +
            (nic.rate_assumed ? " (by its kind)" : "");
  if (nic.rate <= 0) text += " rate not stated";
  if (nic.state == LinkState::down) text += ", down";
  return text;
}

struct Device {
  PciePlace place;
  std::string text;
};

std::vector<Device> devices(const NodeFacts& facts) {
  const std::string kind = common_kind(facts.nvml.gpus);
  std::vector<Device> all;
  for (const GpuFact& gpu : facts.nvml.gpus) {
    const PciePlace* place = place_of(gpu, facts.host);
    all.push_back({place == nullptr ? PciePlace{} : *place, gpu_text(gpu, facts, kind.empty())});
  }
  for (const NicFact& nic : facts.host.nics) all.push_back({nic.place, nic_text(nic)});
  return all;
}

// The devices of one socket: those in its slots, then each switch at the CPU with all that hangs
// below it.
std::string devices_of(const std::vector<Device>& all, std::int64_t socket) {
  std::string slots;
  std::vector<std::pair<std::string, std::string>> switches;
  for (const Device& device : all) {
    if (device.place.socket != socket) continue;
    if (device.place.switches.empty()) {
      slots += line(device.text, 2, 6);
      continue;
    }
    const std::string& id = device.place.switches.front();
    auto found = std::find_if(switches.begin(), switches.end(),
                              [&](const auto& one) { return one.first == id; });
    if (found == switches.end()) {
      switches.emplace_back(id, std::string{});
      found = std::prev(switches.end());
    }
    found->second += line(device.text, 4, 6);
  }
  std::string out;
  for (const auto& [id, below] : switches)
    out += line((id.rfind("switch", 0) == 0 ? "PCIe " : "PCIe switch ") + id, 2) + below;
  return out + slots;
}

std::string sockets(const NodeFacts& facts, const std::vector<Device>& all) {
  const HostFacts& host = facts.host;
  std::string out;
  for (std::size_t i = 0; i < host.sockets.size(); ++i) {
    std::vector<std::string> numa;
    double memory = 0;
    for (const NumaFact& node : host.numa_nodes) {
      if (node.socket != static_cast<std::int64_t>(i) && host.sockets.size() > 1) continue;
      numa.push_back(std::to_string(node.index));
      memory += static_cast<double>(node.memory_bytes);
    }
    std::string text =
        fmt::format("socket {}  {}", i,
                    host.sockets[i].model.empty() ? host.sockets[i].vendor : host.sockets[i].model);
    if (!numa.empty())
      text += fmt::format(", NUMA node{} {}, {}", numa.size() == 1 ? "" : "s", list_of(numa),
                          to_text(Bytes{memory}));
    out += line(text) + devices_of(all, static_cast<std::int64_t>(i));
  }
  const std::string elsewhere = devices_of(all, -1);
  if (!elsewhere.empty())
    out += (host.sockets.empty() ? "devices\n" : "devices whose socket is not known\n") + elsewhere;
  return out;
}

std::string head(const NodeFacts& facts) {
  const HostFacts& host = facts.host;
  std::string text = host.host.empty() ? "this node" : "node " + host.host;
  if (!host.vendor.empty() || !host.product.empty())
    text += fmt::format(", {}{}{}", host.vendor,
                        host.vendor.empty() || host.product.empty() ? "" : " ", host.product);
  std::vector<std::string> sources;
  if (!facts.gpu_source.empty())
    sources.push_back(facts.gpu_source +
                      (facts.nvml.driver.empty() ? "" : ", driver " + facts.nvml.driver));
  if (!host.source.empty() && host.source != facts.gpu_source) sources.push_back(host.source);
  if (!sources.empty()) text += fmt::format("; from {}", fmt::join(sources, " and "));
  text = line(text);
  const std::string kind = common_kind(facts.nvml.gpus);
  return kind.empty() ? text : text + line(fmt::format("{} x {}", facts.nvml.gpus.size(), kind));
}

std::string recognised(const Discovery& discovery) {
  const NodeSystem& node = *discovery.node;
  std::string out = '\n' + line("system: " + one_line(discovery.facts, node));
  out += line(fmt::format("this looks like {}: {}", node.base, node.base_description));
  if (node.differences.empty()) out += "  no key of the hardware differs\n";
  for (const std::string& difference : node.differences) out += line("- " + difference, 2, 2);
  const ComputeNics& nics = node.found.nics;
  if (!nics.names.empty())
    out += '\n' + line(fmt::format("NICs for training: {}; {}", list_of(nics.names), nics.why));
  out += items("other NICs", nics.others);
  out += items("assumed", node.assumed);
  if (!node.inherited.empty())
    out += '\n' + line(fmt::format("not found, so those of {}: {}", node.base,
                                   fmt::join(node.inherited, ", ")));
  out += items("to look at", node.remarks);
  out += "\nwrite it with: lockstep-validate discover -o my-node.yaml\n";
  return out;
}

}  // namespace

std::string discovery_text(const Discovery& discovery) {
  const NodeFacts& facts = discovery.facts;
  std::string out = head(facts) + '\n' + sockets(facts, devices(facts));
  if (discovery.node != nullptr) return out + recognised(discovery);
  out += '\n' + line("no GPUs: " + discovery.no_gpus);
  out += line(
      "A system of the catalog is made of GPUs, so that there is no YAML of this node. "
      "`lockstep-validate mpi` "
      "measures its CPUs and network.");
  return out + items("to look at", facts.remarks);
}

}  // namespace lockstep
