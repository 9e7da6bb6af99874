#include "validate/discover/node_system.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <functional>
#include <tuple>

#include "topology/quantity_text.hpp"

namespace lockstep {
namespace {

std::int64_t sockets_of(const System& system) {
  if (system.sockets > 0) return system.sockets;
  return system.gpus_per_node >= 4 ? 2 : 1;  // as the key's documentation says
}

// Of the GPU's own slot where the system does not say.
std::int64_t generation_of(const System& system) {
  if (system.pcie_generation > 0) return system.pcie_generation;
  const std::string& architecture = system.gpu.architecture;
  if (architecture == "volta" || architecture == "turing") return 3;
  return architecture == "ampere" || architecture == "ada" ? 4 : 5;
}

const char* vendor_text(CpuVendor vendor) {
  constexpr std::array<const char*, 4> names = {"intel", "amd", "arm", "other"};
  return names[static_cast<std::size_t>(vendor)];
}

std::string text_of(std::int64_t count) {
  return std::to_string(count);
}

// A key of the hardware: how it reads, and whether it was found.
struct Key {
  const char* name;
  std::function<std::string(const System&)> text;
  std::function<bool(const FoundSystem&)> found;
};

const std::vector<Key>& keys() {
  using S = const System&;
  using F = const FoundSystem&;
  static const std::vector<Key> all{
      {"gpus_per_node", [](S s) { return text_of(s.gpus_per_node); },
       [](F f) { return f.gpus_per_node.has_value(); }},
      {"gpus_per_nvlink_domain", [](S s) { return text_of(s.gpus_per_nvlink_domain); },
       [](F f) { return f.gpus_per_nvlink_domain.has_value(); }},
      {"intra_node", [](S s) { return std::string(to_string(s.intra_node)); },
       [](F f) { return f.intra_node.has_value(); }},
      {"nvswitch_planes",
       [](S s) {
         return s.intra_node == IntraNode::nvswitch ? text_of(s.nvswitch_planes) : std::string{};
       },
       [](F f) {
         return f.nvswitch_planes.has_value() ||
                (f.intra_node && *f.intra_node != IntraNode::nvswitch);
       }},
      {"gpus_per_pcie_switch", [](S s) { return text_of(s.gpus_per_pcie_switch); },
       [](F f) { return f.gpus_per_pcie_switch.has_value(); }},
      {"sockets", [](S s) { return text_of(sockets_of(s)); },
       [](F f) { return f.sockets.has_value(); }},
      {"link_bandwidth", [](S s) { return to_text(s.link_bandwidth.get()); },
       [](F f) { return f.link_bandwidth.has_value(); }},
      {"nics_per_node", [](S s) { return text_of(s.nics_per_node); },
       [](F f) { return f.nics_per_node.has_value(); }},
      {"nic_bandwidth", [](S s) { return to_bit_rate_text(s.nic_bandwidth.get()); },
       [](F f) { return f.nic_bandwidth.has_value(); }},
      {"network", [](S s) { return std::string(to_string(s.network)); },
       [](F f) { return f.network.has_value(); }},
      {"cpu_vendor", [](S s) { return std::string(vendor_text(s.cpu_vendor)); },
       [](F f) { return f.cpu_vendor.has_value(); }},
      {"pcie_generation", [](S s) { return text_of(generation_of(s)); },
       [](F f) { return f.pcie_generation.has_value(); }},
      {"peer_to_peer", [](S s) { return std::string(s.peer_to_peer ? "true" : "false"); },
       [](F f) { return f.peer_to_peer.has_value(); }}};
  return all;
}

std::vector<std::string> differences(const System& mine, const System& base) {
  std::vector<std::string> result;
  for (const Key& key : keys()) {
    const std::string here = key.text(mine);
    const std::string there = key.text(base);
    if (here != there)
      result.push_back(fmt::format("{}: {} ({}: {})", key.name, here.empty() ? "none" : here,
                                   base.name, there.empty() ? "none" : there));
  }
  return result;
}

std::string lower(std::string text) {
  for (char& c : text) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return text;
}

// What the aliases may look at: they name clouds and NVIDIA's own machines.
std::string alias_of(const NodeFacts& facts, const FoundSystem& found, const std::string& gpu_name,
                     const Aliases& aliases) {
  const std::string cloud = facts.host.vendor.find("Amazon") == std::string::npos ? "" : " aws";
  const std::string machine = lower(facts.nvml.gpus.front().name + " " + facts.host.vendor + " " +
                                    facts.host.product + cloud);
  std::string wires = found.network ? to_string(*found.network) : "";
  if (found.intra_node == IntraNode::nvswitch) wires += " nvswitch";
  if (found.intra_node == IntraNode::nvlink_mesh) wires += " no nvswitch mesh";
  const AliasMatch match = aliases.systems.first([&](const std::string& column) -> std::string {
    if (column == "gpu_name") return gpu_name;
    if (column == "gpu") return machine;
    if (column == "interconnect") return lower(wires);
    if (column == "nodes") return "1";
    if (column == "gpus" || column == "gpus_per_node")
      return std::to_string(found.gpus_per_node.value_or(0));
    return {};
  });
  return match ? match.rule->use : std::string{};
}

struct NearSystem {
  System system;
  std::vector<std::string> differences;
  bool alias = false, generic = false;
};

bool nearer(const NearSystem& a, const NearSystem& b) {
  const auto rank = [](const NearSystem& c) {
    return std::make_tuple(c.differences.size(), !c.alias, c.generic, std::cref(c.system.name));
  };
  return rank(a) < rank(b);
}

NearSystem nearest_system(const NodeFacts& facts, const FoundSystem& found,
                         const std::string& gpu_name, const Catalog& catalog,
                         const Aliases& aliases) {
  const std::string alias = alias_of(facts, found, gpu_name, aliases);
  std::optional<NearSystem> best;
  for (const std::string& name : catalog.names("systems")) {
    NearSystem candidate;
    candidate.system = catalog.system(name);
    if (candidate.system.gpu_name != gpu_name || !candidate.system.nic_bandwidth.fit.empty())
      continue;
    candidate.differences = differences(laid_over(candidate.system, found), candidate.system);
    candidate.alias = name == alias;
    candidate.generic = name.rfind("generic-", 0) == 0;
    if (!best || nearer(candidate, *best)) best = std::move(candidate);
  }
  if (!best) {
    best.emplace();
    best->system = catalog.system("generic-" + gpu_name);
    best->differences = differences(laid_over(best->system, found), best->system);
  }
  return std::move(*best);
}

bool on_nvlink(const FoundSystem& found) {
  return found.intra_node && *found.intra_node != IntraNode::pcie;
}

// An NVLink domain of several nodes cannot be seen from one of them.
void keep_domain(const System& base, FoundSystem& found, std::vector<std::string>& assumed) {
  if (found.intra_node != IntraNode::nvswitch || base.gpus_per_nvlink_domain <= base.gpus_per_node)
    return;
  found.gpus_per_nvlink_domain.reset();
  assumed.push_back(fmt::format(
      "gpus_per_nvlink_domain: {}, as {} has; one node cannot see how many share its NVLinks",
      base.gpus_per_nvlink_domain, base.name));
}

// The catalog's number was measured; keep it where it is of the same slot, or of NVLink to the CPU.
void keep_host_rates(const System& base, const NodeFacts& facts, FoundSystem& found) {
  const auto drop = [&](const char* key) {
    auto& list = found.assumed;
    list.erase(std::remove_if(list.begin(), list.end(),
                              [&](const std::string& s) { return s.rfind(key, 0) == 0; }),
               list.end());
  };
  const GpuFact& gpu = facts.nvml.gpus.front();
  if (gpu.pcie_generation == 0) return;
  const bool chip_to_chip = base.pcie_bandwidth.value > pcie_wire(generation_of(base), 16).value();
  const bool same_slot = gpu.pcie_width == 16 && gpu.pcie_generation == generation_of(base);
  if (!chip_to_chip && !same_slot) return;
  found.pcie_bandwidth.reset();
  drop("pcie_bandwidth");
  const std::string way = chip_to_chip
                              ? "its NVLink to the CPU"
                              : fmt::format("its slot, PCIe {}.0 x16", gpu.pcie_generation);
  found.assumed.push_back(
      fmt::format("pcie_bandwidth: {}, as in {} with {}; `lockstep-validate kernels` measures it",
                  to_text(base.pcie_bandwidth.get()), base.name, way));
}

}  // namespace

System laid_over(System system, const FoundSystem& found) {
  const auto lay = [](const auto& value, auto& key) {
    if (value) key = *value;
  };
  lay(found.gpus_per_node, system.gpus_per_node);
  lay(found.gpus_per_nvlink_domain, system.gpus_per_nvlink_domain);
  lay(found.intra_node, system.intra_node);
  lay(found.nvswitch_planes, system.nvswitch_planes);
  lay(found.gpus_per_pcie_switch, system.gpus_per_pcie_switch);
  lay(found.sockets, system.sockets);
  lay(found.link_bandwidth, system.link_bandwidth);
  lay(found.nics_per_node, system.nics_per_node);
  lay(found.nic_bandwidth, system.nic_bandwidth);
  lay(found.pcie_bandwidth, system.pcie_bandwidth);
  lay(found.host_memory_bandwidth, system.host_memory_bandwidth);
  lay(found.network, system.network);
  lay(found.cpu_vendor, system.cpu_vendor);
  lay(found.pcie_generation, system.pcie_generation);
  lay(found.peer_to_peer, system.peer_to_peer);
  return system;
}

NodeSystem node_system(const NodeFacts& facts, const Catalog& catalog, const Aliases& aliases) {
  NodeSystem result;
  result.found = found_system(facts);
  result.gpu = match_gpu(facts.nvml.gpus.front(), on_nvlink(result.found), result.found.gpus_by,
                         catalog, aliases);
  NearSystem nearest = nearest_system(facts, result.found, result.gpu.name, catalog, aliases);
  result.base = nearest.system.name;
  result.base_description = nearest.system.description;
  if (facts.nvml.gpus.front().pcie_generation == 0) result.inherited.emplace_back("pcie_bandwidth");
  keep_domain(nearest.system, result.found, result.found.assumed);
  keep_host_rates(nearest.system, facts, result.found);
  result.system = laid_over(nearest.system, result.found);
  result.differences = differences(result.system, nearest.system);
  for (const Key& key : keys()) {
    if (!key.found(result.found) && !key.text(result.system).empty())
      result.inherited.emplace_back(key.name);
  }
  if (!result.found.host_memory_bandwidth) result.inherited.emplace_back("host_memory_bandwidth");
  result.assumed = result.gpu.assumed;
  result.assumed.insert(result.assumed.end(), result.found.assumed.begin(),
                        result.found.assumed.end());
  result.remarks = facts.remarks;
  result.remarks.insert(result.remarks.end(), result.found.remarks.begin(),
                        result.found.remarks.end());
  return result;
}

}  // namespace lockstep
