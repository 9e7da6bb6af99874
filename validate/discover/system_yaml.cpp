#include "validate/discover/system_yaml.hpp"

#include <fmt/format.h>

#include <array>

#include "scenarios/utf8.hpp"
#include "sim/report/display.hpp"
#include "topology/quantity_text.hpp"

namespace lockstep {
namespace {

constexpr std::size_t width = 100;
constexpr double giga = 1e9;
constexpr double bits_per_byte = 8.0;

// As the field tables of scenarios/ name them.
constexpr std::array<const char*, 4> intra_node_names = {"nvswitch", "nvlink-mesh", "pcie",
                                                         "nvlink-bridge"};
constexpr std::array<const char*, 8> network_names = {
    "infiniband", "roce", "efa", "tcpx", "tcpxo", "slingshot", "ethernet", "none"};
constexpr std::array<const char*, 4> vendor_names = {"intel", "amd", "arm", "other"};

template <class Enum, std::size_t size>
const char* name_of(Enum value, const std::array<const char*, size>& names) {
  return names[static_cast<std::size_t>(value)];
}

std::string plain_text(const std::string& text) {
  std::string out;
  for (const char c : printable(text)) out += c == '"' || c == '\\' ? '\'' : c;
  return out;
}

std::string comment(const std::string& text) {
  return wrap(text, width, "# ", "# ") + '\n';
}
std::string item(const std::string& text) {
  return wrap(text, width, "#   - ", "#     ") + '\n';
}

std::string list(const std::string& head, const std::vector<std::string>& items) {
  if (items.empty()) return {};
  std::string text = comment(head);
  for (const std::string& one : items) text += item(one);
  return text;
}

std::string header(const NodeFacts& facts, const NodeSystem& node, const std::string& name) {
  std::string sources = facts.gpu_source;
  if (!facts.nvml.driver.empty()) sources += fmt::format(" (driver {})", facts.nvml.driver);
  if (!facts.host.source.empty() && facts.host.source != facts.gpu_source)
    sources += " and " + facts.host.source;
  std::string text =
      comment(fmt::format("{}: this node{} by `lockstep-validate discover`, from {}{}.", name,
                          facts.nvml.date.empty() ? "" : " on " + facts.nvml.date, sources,
                          facts.host.host.empty() ? "" : ", host " + facts.host.host));
  text += node.differences.empty()
              ? comment(fmt::format("It looks like {} in every key of the hardware.", node.base))
              : list(fmt::format("It looks like {} ({}); differences:", node.base,
                                 node.base_description),
                     node.differences);
  text += list("Assumed:", node.assumed);
  if (!node.inherited.empty())
    text += comment(
        fmt::format("Not found, so those of {}: {}.", node.base, fmt::join(node.inherited, ", ")));
  text += comment(fmt::format(
      "Of {} too: what a training step leaves of nccl-tests' rates (link_share, network_share "
      "…) and the NCCL version; `lockstep calibrate` replaces the first.",
      node.base));
  text += list("To look at:", node.remarks);
  return text;
}

std::string gpu_lines(const GpuMatch& gpu) {
  if (gpu.changes.empty()) return fmt::format("gpu: {}\n", gpu.name);
  std::string text = fmt::format("gpu:\n  based_on: {}\n", gpu.name);
  for (const auto& [key, value] : gpu.changes) text += fmt::format("  {}: {}\n", key, value);
  return text;
}

class Lines {
 public:
  template <class Value>
  void count(const char* key, const std::optional<Value>& value, const std::string& by) {
    if (value) text_ += fmt::format("{}: {}  # {}\n", key, *value, by);
  }
  void name(const char* key, const std::string& value, const std::string& by) {
    text_ += fmt::format("{}: {}  # {}\n", key, value, by);
  }
  void rate(const char* key, const std::optional<Constant<BytesPerSecond>>& constant) {
    if (constant) add(key, fmt::format("{:.6g} GB/s", constant->value / giga), *constant);
  }
  void bit_rate(const char* key, const std::optional<Constant<BytesPerSecond>>& constant) {
    if (constant)
      add(key, fmt::format("{:.6g} Gb/s", constant->value * bits_per_byte / giga), *constant);
  }
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  void add(const char* key, const std::string& value, const ConstantBase& constant) {
    text_ += fmt::format("{}: {}\n", key,
                         yaml_constant(value, constant.kind, constant.spread, constant.source));
  }
  std::string text_;
};

}  // namespace

std::string one_line(const NodeFacts& facts, const NodeSystem& node) {
  const GpuFact& gpu = facts.nvml.gpus.front();
  std::string text =
      fmt::format("{} x {}, {}", facts.nvml.gpus.size(),
                  gpu.name.empty() ? node.gpu.name : gpu.name, to_string(node.system.intra_node));
  if (node.found.network && *node.found.network != Network::none)
    text += fmt::format(
        ", {} x {}{}", node.system.nics_per_node, to_string(*node.found.network),
        node.found.nic_bandwidth ? " " + to_bit_rate_text(node.found.nic_bandwidth->get()) : "");
  return text;
}

std::string system_yaml(const NodeFacts& facts, const NodeSystem& node, const std::string& name) {
  const FoundSystem& found = node.found;
  const std::string& gpus = found.gpus_by;
  const std::string& host = found.host_by;
  Lines lines;
  lines.count("gpus_per_node", found.gpus_per_node, gpus);
  lines.count("gpus_per_nvlink_domain", found.gpus_per_nvlink_domain, gpus);
  if (found.intra_node)
    lines.name("intra_node", name_of(*found.intra_node, intra_node_names), gpus);
  lines.count("nvswitch_planes", found.nvswitch_planes,
              gpus + ": NVSwitches that a GPU's NVLinks lead to");
  lines.count("gpus_per_pcie_switch", found.gpus_per_pcie_switch, host);
  lines.count("sockets", found.sockets, host);
  lines.rate("link_bandwidth", found.link_bandwidth);
  lines.count("nics_per_node", found.nics_per_node, found.nics.why);
  lines.bit_rate("nic_bandwidth", found.nic_bandwidth);
  lines.rate("pcie_bandwidth", found.pcie_bandwidth);
  lines.rate("host_memory_bandwidth", found.host_memory_bandwidth);
  if (found.network) lines.name("network", name_of(*found.network, network_names), host);
  if (found.cpu_vendor) lines.name("cpu_vendor", name_of(*found.cpu_vendor, vendor_names), host);
  lines.count("pcie_generation", found.pcie_generation, gpus);
  lines.count("peer_to_peer", found.peer_to_peer, gpus);
  return header(facts, node, name) +
         fmt::format("based_on: {}\ndescription: \"{}\"\n", node.base,
                     plain_text(one_line(facts, node))) +
         gpu_lines(node.gpu) + lines.text();
}

}  // namespace lockstep
