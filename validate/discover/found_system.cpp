#include "validate/discover/found_system.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <regex>
#include <set>

#include "scenarios/nccl_topology.hpp"

namespace lockstep {
namespace {

constexpr double giga = 1e9;
constexpr double practical_memory = 0.75;
constexpr double full_width = 16.0;
constexpr double bits_per_byte = 8.0;

// GB/s of one lane on the wire, and of sixteen in practice, by generation. Source: PCI-SIG; the
// catalog's systems.
struct PcieRate {
  double lane;
  double in_practice;
};
constexpr std::array<PcieRate, 7> pcie_rates = {
    {{0, 0}, {0.25, 0}, {0.5, 0}, {0.984375, 12.5}, {1.96875, 25}, {3.9375, 55}, {7.5625, 0}}};

// GB/s of a socket: channels x 8 bytes x transfers. Source: the vendors' data sheets.
struct CpuMemory {
  const char* model;  // regular expression
  double gigabytes;
};
constexpr std::array<CpuMemory, 10> cpu_memories = {
    {{"EPYC 7..[23]", 204.8},                 // 8 x DDR4-3200
     {"EPYC 7..1", 170.7},                    // 8 x DDR4-2666
     {"EPYC 9..4", 460.8},                    // 12 x DDR5-4800
     {"EPYC 9..5", 576.0},                    // 12 x DDR5-6000
     {"(Platinum|Gold) [86]5\\d\\d", 358.4},  // 8 x DDR5-5600
     {"(Platinum|Gold) [86]4\\d\\d", 307.2},  // 8 x DDR5-4800
     {"(Platinum|Gold) [86]3\\d\\d", 204.8},  // 8 x DDR4-3200
     {"(Platinum|Gold) [86]2\\d\\d", 140.8},  // 6 x DDR4-2933
     {"(Platinum|Gold) [86]1\\d\\d", 128.0},  // 6 x DDR4-2666
     {"E5-26\\d\\d v4", 76.8}}};              // 4 x DDR4-2400

// Bus ids of NVSwitches that are made up, as virtual machines show them.
bool is_real(const std::string& bus_id) {
  return !bus_id.empty() && bus_id != "0000:00:00.0" && bus_id.compare(0, 4, "ffff") != 0;
}

class Finder {
 public:
  explicit Finder(const NodeFacts& facts) : facts_(facts), gpus_(facts.nvml.gpus) {
    const std::string on = facts.nvml.date.empty() ? "" : " on " + facts.nvml.date;
    found_.gpus_by = facts.gpu_source + on;
    found_.host_by = facts.host.source + on;
  }

  FoundSystem find() {
    if (!gpus_.empty()) {
      found_.gpus_per_node = static_cast<std::int64_t>(gpus_.size());
      links();
      slots();
      peers();
      switches();
    }
    host();
    nics();
    return std::move(found_);
  }

 private:
  void links() {
    std::int64_t to_switches = 0, to_gpus = 0, to_unknown = 0, fewest = 0;
    for (const GpuFact& gpu : gpus_) {
      for (const NvlinkFact& link : gpu.nvlinks) {
        if (!link.active) continue;
        to_switches += link.to == NvlinkEnd::nvswitch ? 1 : 0;
        to_gpus += link.to == NvlinkEnd::gpu ? 1 : 0;
        to_unknown += link.to == NvlinkEnd::unknown ? 1 : 0;
      }
      const std::int64_t active = active_nvlinks(gpu);
      if (active > 0 && (fewest == 0 || active < fewest)) fewest = active;
    }
    if (to_switches == 0 && to_gpus == 0 && to_unknown > 0 && gpus_.size() > 1) {
      to_switches = to_unknown;
      found_.assumed.emplace_back(
          "intra_node: NVLinks lead to NVSwitches; the driver does not say where");
    }
    if (gpus_.size() == 1 && to_switches == 0) return alone();
    found_.gpus_per_nvlink_domain = static_cast<std::int64_t>(gpus_.size());
    if (to_switches > 0) {
      found_.intra_node = IntraNode::nvswitch;
      planes();
      return nvlink_bandwidth(fewest);
    }
    if (to_gpus > 0) return meshed(fewest);
    found_.intra_node = IntraNode::pcie;
    pcie_links();
  }

  void alone() {
    found_.gpus_per_nvlink_domain = 1;
    found_.intra_node = IntraNode::pcie;
    pcie_links();
  }

  void planes() {
    std::size_t most = 0;
    for (const GpuFact& gpu : gpus_) most = std::max(most, switches_of(gpu).size());
    if (most == 0) {
      found_.assumed.emplace_back(
          "nvswitch_planes: the driver does not say which NVSwitches the NVLinks lead to");
      return;
    }
    found_.nvswitch_planes = static_cast<std::int64_t>(most);
    for (const GpuFact& gpu : gpus_) {
      const std::size_t reached = switches_of(gpu).size();
      if (reached < most)
        found_.remarks.push_back(fmt::format("GPU {} ({}) reaches {} of {} NVSwitches", gpu.index,
                                             gpu.bus_id, reached, most));
    }
  }

  static std::set<std::string> switches_of(const GpuFact& gpu) {
    std::set<std::string> ids;
    for (const NvlinkFact& link : gpu.nvlinks) {
      if (link.active && link.to == NvlinkEnd::nvswitch && is_real(link.remote_bus_id))
        ids.insert(link.remote_bus_id);
    }
    return ids;
  }

  // Direct links: pairs of cards under a bridge, or a mesh.
  void meshed(std::int64_t fewest) {
    std::map<std::string, std::set<std::string>> peers;
    for (const GpuFact& gpu : gpus_) {
      for (const NvlinkFact& link : gpu.nvlinks) {
        if (link.active && link.to == NvlinkEnd::gpu) peers[gpu.bus_id].insert(link.remote_bus_id);
      }
    }
    const bool pairs = std::all_of(peers.begin(), peers.end(),
                                   [](const auto& one) { return one.second.size() == 1; });
    nvlink_bandwidth(fewest);
    found_.intra_node = pairs ? IntraNode::nvlink_bridge : IntraNode::nvlink_mesh;
    if (!pairs) return;
    for (std::size_t i = 0; i + 1 < gpus_.size(); i += 2) {
      const auto one = peers.find(gpus_[i].bus_id);
      if (one != peers.end() && *one->second.begin() == gpus_[i + 1].bus_id) continue;
      found_.remarks.push_back(fmt::format(
          "no NVLink bridge joins GPU {} and GPU {}: the model takes bridges between 0 and 1, "
          "2 and 3 and so on; order them so by CUDA_VISIBLE_DEVICES",
          gpus_[i].index, gpus_[i + 1].index));
    }
  }

  void nvlink_bandwidth(std::int64_t links) {
    const GpuFact& gpu = gpus_.front();
    double each = wire_nvlink_bandwidth(gpu.compute_capability);
    if (gpu.compute_capability == 0) {
      found_.assumed.emplace_back(
          "link_bandwidth: 25 GB/s a direction for an NVLink, since the compute capability is not "
          "known");
      each = 25.0;
    }
    found_.link_bandwidth = Constant<BytesPerSecond>(
        BytesPerSecond{static_cast<double>(links) * each * giga}, Provenance::datasheet, 0.0,
        fmt::format(
            "{}: {} active NVLinks a GPU; {:g} GB/s of one per direction by NVIDIA's data sheets",
            found_.gpus_by, links, each));
  }

  void pcie_links() {
    const auto [generation, width] = slot();
    const BytesPerSecond wire = pcie_wire(generation, width);
    if (wire.value() <= 0.0) return;
    found_.link_bandwidth =
        Constant<BytesPerSecond>(wire, Provenance::datasheet, 0.0,
                                 fmt::format("{}: PCIe {}.0 x{}; its rate per direction by PCI-SIG",
                                             found_.gpus_by, generation, width));
  }

  // Generation and lanes of the narrowest slot.
  [[nodiscard]] std::pair<std::int64_t, std::int64_t> slot() const {
    std::pair<std::int64_t, std::int64_t> narrowest{gpus_.front().pcie_generation,
                                                    gpus_.front().pcie_width};
    for (const GpuFact& gpu : gpus_) {
      if (pcie_wire(gpu.pcie_generation, gpu.pcie_width) <
          pcie_wire(narrowest.first, narrowest.second))
        narrowest = {gpu.pcie_generation, gpu.pcie_width};
    }
    return narrowest;
  }

  void slots() {
    const auto [generation, width] = slot();
    if (generation > 0) found_.pcie_generation = generation;
    for (const GpuFact& gpu : gpus_) {
      if (gpu.pcie_width > 0 && gpu.pcie_width < gpus_.front().pcie_width)
        found_.remarks.push_back(fmt::format(
            "GPU {} ({}) has {} PCIe lanes, GPU {} has {}: the narrowest slot counts", gpu.index,
            gpu.bus_id, gpu.pcie_width, gpus_.front().index, gpus_.front().pcie_width));
    }
    const BytesPerSecond practical = pcie_in_practice(generation, width);
    if (practical.value() <= 0.0) return;
    constexpr double spread = 0.08;
    found_.pcie_bandwidth = Constant<BytesPerSecond>(
        practical, Provenance::assumed, spread,
        fmt::format("PCIe {}.0 x{} ({}): what copies reach on other machines", generation, width,
                    found_.gpus_by));
    found_.assumed.emplace_back(
        "pcie_bandwidth: what copies reach on other machines; `lockstep-validate kernels` measures "
        "it");
  }

  void peers() {
    if (gpus_.size() < 2) return;
    if (facts_.nvml.peer_to_peer) {
      found_.peer_to_peer = facts_.nvml.peer_to_peer;
      return;
    }
    const std::string& name = gpus_.front().name;
    if (name.empty()) return;
    found_.peer_to_peer = name.find("GeForce") == std::string::npos;
    found_.assumed.push_back(
        fmt::format("peer_to_peer: {}, as for {}; the driver does not say",
                    *found_.peer_to_peer ? "true" : "false",
                    *found_.peer_to_peer ? "data-centre and workstation GPUs" : "GeForce cards"));
  }

  void switches() {
    if (!facts_.host.knows_pcie) return;
    std::map<std::string, std::int64_t> below;
    std::int64_t in_slots = 0;
    for (const GpuFact& gpu : gpus_) {
      const PciePlace* place = place_of(gpu, facts_.host);
      if (place == nullptr) continue;
      if (place->switches.empty()) {
        ++in_slots;
      } else {
        ++below[place->switches.front()];
      }
    }
    std::int64_t most = 0, fewest = static_cast<std::int64_t>(gpus_.size());
    for (const auto& [id, count] : below) {
      most = std::max(most, count);
      fewest = std::min(fewest, count);
    }
    if (below.empty() && in_slots == 0) return;
    found_.gpus_per_pcie_switch = most;
    if (most > 0 && (fewest < most || in_slots > 0))
      found_.remarks.push_back(
          fmt::format("not every PCIe switch has as many GPUs: {} at most are below one, the model "
                      "gives all of them {}",
                      most, most));
  }

  void host() {
    const HostFacts& host = facts_.host;
    if (!host.sockets.empty()) found_.sockets = static_cast<std::int64_t>(host.sockets.size());
    if (host.architecture == "aarch64" || host.architecture == "arm64") {
      found_.cpu_vendor = CpuVendor::arm;
    } else if (!host.sockets.empty() && !host.sockets.front().vendor.empty()) {
      const std::string& vendor = host.sockets.front().vendor;
      found_.cpu_vendor = vendor == "GenuineIntel"   ? CpuVendor::intel
                          : vendor == "AuthenticAMD" ? CpuVendor::amd
                                                     : CpuVendor::other;
    }
    if (host.sockets.empty()) return;
    const std::string& model = host.sockets.front().model;
    const BytesPerSecond each = memory_bandwidth_of(model);
    if (each.value() <= 0.0) return;
    const auto sockets = static_cast<double>(host.sockets.size());
    constexpr double spread = 0.25;
    found_.host_memory_bandwidth = Constant<BytesPerSecond>(
        BytesPerSecond{sockets * each.value() * practical_memory}, Provenance::assumed, spread,
        fmt::format("{} x {}: {:g} GB/s by datasheet with every channel in use, 75 % of it",
                    host.sockets.size(), model, sockets * each.value() / giga));
    found_.assumed.emplace_back(
        "host_memory_bandwidth: every memory channel of the CPUs in use, 75 % of the datasheet");
  }

  void nics() {
    if (facts_.host.source.empty()) return;
    found_.nics = compute_nics(facts_);
    const ComputeNics& nics = found_.nics;
    found_.remarks.insert(found_.remarks.end(), nics.remarks.begin(), nics.remarks.end());
    if (nics.names.empty()) {
      found_.network = Network::none;
      found_.assumed.emplace_back(
          "network: none, since no NIC was found; its bandwidth is the catalog's and without "
          "meaning");
      return;
    }
    found_.network = nics.network;
    found_.nics_per_node = static_cast<std::int64_t>(nics.names.size());
    if (nics.rate <= 0.0) {
      found_.assumed.push_back(
          fmt::format("nic_bandwidth: nothing states the rate of {}", list_of(nics.names)));
      return;
    }
    constexpr double kind_spread = 0.2;
    found_.nic_bandwidth = Constant<BytesPerSecond>(
        BytesPerSecond{nics.rate}, nics.rate_assumed ? Provenance::assumed : Provenance::measured,
        nics.rate_assumed ? kind_spread : 0.0,
        fmt::format("{}: {} of {}", found_.host_by, nics.rate_assumed ? "usual rate" : "rate",
                    list_of(nics.names)));
    if (nics.rate_assumed)
      found_.assumed.push_back(
          fmt::format("nic_bandwidth: {:g} Gb/s, usual for NICs of the kind of {}",
                      nics.rate * bits_per_byte / giga, nics.names.front()));
  }

  const NodeFacts& facts_;
  const std::vector<GpuFact>& gpus_;
  FoundSystem found_;
};

const PcieRate& rate_of(std::int64_t generation) {
  const bool known = generation > 0 && generation < static_cast<std::int64_t>(pcie_rates.size());
  return pcie_rates[known ? static_cast<std::size_t>(generation) : 0];
}

}  // namespace

BytesPerSecond pcie_wire(std::int64_t generation, std::int64_t width) {
  return BytesPerSecond{rate_of(generation).lane * static_cast<double>(width) * giga};
}

BytesPerSecond pcie_in_practice(std::int64_t generation, std::int64_t width) {
  return BytesPerSecond{rate_of(generation).in_practice * static_cast<double>(width) / full_width *
                        giga};
}

BytesPerSecond memory_bandwidth_of(const std::string& cpu_model) {
  for (const CpuMemory& known : cpu_memories) {
    if (std::regex_search(cpu_model, std::regex(known.model)))
      return BytesPerSecond{known.gigabytes * giga};
  }
  return BytesPerSecond{0.0};
}

FoundSystem found_system(const NodeFacts& facts) {
  return Finder(facts).find();
}

}  // namespace lockstep
