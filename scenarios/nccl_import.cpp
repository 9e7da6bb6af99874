// What NCCL's dumps change in a cluster, and a dump as a system of its own.
//
//   link_bandwidth  NVLinks times the rate of one on the wire; without NVLink 21/16 of NCCL's slot
//                   (12 GB/s for PCIe 3 x16, whose wire carries 15.75)
// Ignores: GPUs of several kinds in a node, NICs slower than the fastest.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <utility>

#include "scenarios/nccl_topology.hpp"
#include "scenarios/nccl_xml.hpp"
#include "scenarios/utf8.hpp"
#include "scenarios/yaml_reader.hpp"

namespace lockstep {
namespace {

constexpr double giga = 1e9;
constexpr double slot_wire = 21.0 / 16.0;

bool on_nvlink(const nccl::ImportedTopology& topology) {
  return topology.nvlinks > 0 && !topology.first.empty() && topology.first.back().nvlink;
}

double link_bandwidth(const nccl::ImportedTopology& topology) {
  return giga * (on_nvlink(topology) ? static_cast<double>(topology.nvlinks) *
                                           wire_nvlink_bandwidth(topology.compute_capability)
                                     : topology.slot * slot_wire);
}

IntraNode intra_node(const nccl::ImportedTopology& topology) {
  if (!on_nvlink(topology)) return IntraNode::pcie;
  return topology.nvswitch ? IntraNode::nvswitch : IntraNode::nvlink_mesh;
}

std::optional<CpuVendor> cpu_vendor(const nccl::ImportedTopology& topology) {
  if (topology.cpu_arch == "arm64") return CpuVendor::arm;
  if (topology.cpu_vendor == "GenuineIntel") return CpuVendor::intel;
  if (topology.cpu_vendor == "AuthenticAMD") return CpuVendor::amd;
  return std::nullopt;
}

// From the names that transports give their NICs.
std::optional<Network> network(const nccl::ImportedTopology& topology) {
  const auto begins = [&](const char* start) { return topology.nic_name.rfind(start, 0) == 0; };
  if (begins("rdmap") || begins("efa")) return Network::efa;
  if (begins("cxi") || begins("hsn")) return Network::slingshot;
  if (begins("eth") || begins("en") || begins("bond")) return Network::ethernet;
  return std::nullopt;
}

std::string wire_source(const nccl::ImportedTopology& topology) {
  std::string file = std::filesystem::path(topology.file).filename().string();
  for (char& c : file) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '.' || c == '-' || c == '_';
    if (!plain) c = '_';
  }
  return "NCCL topology file " + file;
}

template <class Quantity>
Constant<Quantity> imported(double value, const nccl::ImportedTopology& topology) {
  return Constant<Quantity>(Quantity{value}, Provenance::measured, 0.0, wire_source(topology));
}

void lay_over_system(const nccl::ImportedTopology& topology, System& system) {
  if (topology.gpus > 0) {
    system.gpus_per_node = std::max<std::int64_t>(1, topology.gpus / topology.hosts);
    system.gpus_per_nvlink_domain = on_nvlink(topology) ? topology.gpus : system.gpus_per_node;
    system.intra_node = intra_node(topology);
    system.link_bandwidth = imported<BytesPerSecond>(link_bandwidth(topology), topology);
    system.pcie_generation = topology.pcie_generation;
  }
  if (topology.nics > 0) {
    system.nics_per_node = topology.nics;
    system.nic_bandwidth = imported<BytesPerSecond>(topology.nic_rate * giga, topology);
  }
  if (const std::optional<CpuVendor> vendor = cpu_vendor(topology)) system.cpu_vendor = *vendor;
}

std::optional<std::string> read_dump(const std::string& file, std::vector<Diagnostic>& problems) {
  const std::size_t before = problems.size();
  std::optional<std::string> text = read_text_file(file, Origin::scenario, problems);
  for (std::size_t i = before; i < problems.size(); ++i)
    problems[i].hint = "give a file that NCCL_TOPO_DUMP_FILE or NCCL_GRAPH_DUMP_FILE wrote";
  return text;
}

template <class Parse>
void import_file(const std::string& file, std::vector<Diagnostic>& problems, Parse parse) {
  const std::optional<std::string> text = read_dump(file, problems);
  if (!text) return;
  try {
    parse(*text);
  } catch (const InputError& error) {
    problems.insert(problems.end(), error.diagnostics().begin(), error.diagnostics().end());
  }
}

const char* name_of(IntraNode intra_node) {
  switch (intra_node) {
    case IntraNode::nvswitch:
      return "nvswitch";
    case IntraNode::nvlink_mesh:
      return "nvlink-mesh";
    default:
      return "pcie";
  }
}

const char* name_of(CpuVendor vendor) {
  switch (vendor) {
    case CpuVendor::intel:
      return "intel";
    case CpuVendor::amd:
      return "amd";
    case CpuVendor::arm:
      return "arm";
    default:
      return "other";
  }
}

const char* name_of(Network network) {
  if (network == Network::efa) return "efa";
  return network == Network::slingshot ? "slingshot" : "ethernet";
}

}  // namespace

void import_nccl_files(Cluster& cluster, std::vector<Diagnostic>& problems) {
  nccl::ImportedFiles& files = cluster.imported;
  if (!files.topology_file.empty() && !files.topology) {
    import_file(files.topology_file, problems, [&](const std::string& text) {
      files.topology = parse_nccl_topology(text, files.topology_file);
      lay_over_system(*files.topology, cluster.system);
    });
  }
  if (!files.graph_file.empty() && !files.graphs) {
    import_file(files.graph_file, problems, [&](const std::string& text) {
      files.graphs = parse_nccl_graphs(text, files.graph_file);
    });
  }
}

std::string base_system(const nccl::ImportedTopology& topology) {
  Diagnostic diagnostic;
  diagnostic.file = topology.file;
  if (topology.gpus == 0) {
    diagnostic.code = "E305";
    diagnostic.message = "the file names no GPU, so that the system must be named";
    diagnostic.hint = "give one of `lockstep list systems` before the options";
    throw InputError({std::move(diagnostic)});
  }
  const bool arm = topology.cpu_arch == "arm64";
  switch (topology.compute_capability) {
    case 70:
      return "generic-v100-sxm-32gb";
    case 75:
      return "generic-rtx-2080-ti";
    case 80:
      return on_nvlink(topology) ? "generic-a100-sxm-80gb" : "generic-a100-pcie-40gb";
    case 86:
      return "generic-rtx-a6000";
    case 89:
      return "generic-rtx-4090";
    case 90:
      return arm ? "generic-gh200" : "generic-h100-sxm-80gb";
    case 100:
      return arm ? "generic-gb200" : "generic-b200-sxm";
    case 103:
      return arm ? "generic-gb300" : "generic-b300-sxm";
    default:
      break;
  }
  diagnostic.code = "E305";
  diagnostic.message =
      fmt::format("the catalog has no GPU of compute capability {}", topology.compute_capability);
  diagnostic.hint =
      "name the system that is nearest, one of `lockstep list systems`, before the options";
  throw InputError({std::move(diagnostic)});
}

Cluster cluster_of_topology(const std::string& file, const Catalog& catalog) {
  std::vector<Diagnostic> problems;
  Cluster cluster;
  cluster.imported.topology_file = file;
  import_file(file, problems, [&](const std::string& text) {
    cluster.imported.topology = parse_nccl_topology(text, file);
  });
  if (!problems.empty()) throw InputError(std::move(problems));
  const nccl::ImportedTopology& topology = *cluster.imported.topology;
  cluster.system = catalog.system(base_system(topology));
  lay_over_system(topology, cluster.system);
  if (const std::optional<Network> known = network(topology)) cluster.system.network = *known;
  cluster.nodes = topology.hosts;
  return cluster;
}

std::string system_yaml(const nccl::ImportedTopology& topology, const std::string& base) {
  const std::string source = wire_source(topology);
  const auto constant = [&](const char* key, const std::string& value, const std::string& what) {
    return fmt::format("{}: {{value: {}, kind: measured, spread: 0%, source: \"{}: {}\"}}\n", key,
                       value, source, what);
  };
  std::string text = fmt::format("# From the {}.\nbased_on: {}\n", source, base);
  if (topology.gpus > 0) {
    System system;
    lay_over_system(topology, system);
    text += fmt::format("description: {} GPUs of compute capability {} per node\n",
                        system.gpus_per_node, topology.compute_capability);
    text += fmt::format("gpus_per_node: {}\ngpus_per_nvlink_domain: {}\nintra_node: {}\n",
                        system.gpus_per_node, system.gpus_per_nvlink_domain,
                        name_of(intra_node(topology)));
    text += constant("link_bandwidth", fmt::format("{:.6g} GB/s", link_bandwidth(topology) / giga),
                     on_nvlink(topology) ? fmt::format("{} NVLinks", topology.nvlinks)
                                         : fmt::format("PCIe {} x{}", topology.pcie_generation,
                                                       topology.pcie_width));
    text += fmt::format("pcie_generation: {}\n", topology.pcie_generation);
  }
  if (topology.nics > 0) {
    text += fmt::format("nics_per_node: {}\n", topology.nics);
    text += constant("nic_bandwidth", fmt::format("{:.6g} Gb/s", topology.nic_rate * 8.0),
                     topology.nic_name.empty() ? "speed" : "speed of its NICs");
  }
  if (const std::optional<Network> known = network(topology))
    text += fmt::format("network: {}\n", name_of(*known));
  if (const std::optional<CpuVendor> vendor = cpu_vendor(topology))
    text += fmt::format("cpu_vendor: {}\n", name_of(*vendor));
  return text;
}

}  // namespace lockstep
