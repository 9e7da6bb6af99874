// What lies between the devices of a topology dump.
//
//   NVLink   to an NVSwitch: every GPU reaches all others with all its links; to peers: with the
//            links to those of the group, if these join all of them (directly or through a peer)
//   PCIe     the narrowest slot between two devices; GPUs that reach each other through an Intel
//   CPU
//            keep 5/6 of it
//   sockets  between the CPUs of a host: 16 AMD, 6/10/22/40 Intel (Broadwell, Skylake, Sapphire
//            Rapids, Emerald), 9 Zhaoxin, 6 Arm, 32 Power GB/s
//   NICs     of a GPU those that it reaches fastest, then nearest; without GPUDirect through the
//   CPU;
//            over a peer's switch (PXN) where NVLink joins them and its own way is through the CPU
// Source: NCCL 2.30 src/graph/topo.h:17-35, topo.cc, paths.cc:816-842. Ignores: NCCL_P2P_LEVEL,
// NCCL_NET_GDR_LEVEL and NCCL_PXN_DISABLE, several links between CPUs, and which NIC a GPU prefers
// of several that are equally near: the group has all of them.
#include <algorithm>
#include <limits>
#include <set>

#include "scenarios/nccl_topology.hpp"

namespace lockstep {
namespace {

using nccl::ImportedLinks;
using nccl::PathType;

constexpr double infinite = std::numeric_limits<double>::infinity();
constexpr double intel_peer_share = 5.0 / 6.0;

struct Path {
  PathType type = PathType::network;
  double bandwidth = 0.0;
};

// GB/s between the sockets of a host.
double socket_bandwidth(const DumpCpu& cpu) {
  if (cpu.arch == "arm64") return 6.0;
  if (cpu.arch == "ppc64") return 32.0;
  if (cpu.vendor == "AuthenticAMD") return 16.0;
  if (cpu.vendor != "GenuineIntel") return 9.0;
  if (cpu.family != 6 || cpu.model < 0x55) return 6.0;
  if (cpu.model < 0x8F) return 10.0;
  return cpu.model < 0xCF ? 22.0 : 40.0;
}

class Paths {
 public:
  explicit Paths(const TopologyDump& dump) : dump_(dump) {
    for (const DumpGpu& gpu : dump.gpus) chains_.push_back(chain(gpu.slot));
    for (const DumpNic& nic : dump.nics) nic_chains_.push_back(chain(nic.slot));
  }

  [[nodiscard]] Path between_gpus(std::size_t a, std::size_t b) const {
    return over_pcie(chains_[a], cpu_of(a), chains_[b], cpu_of(b));
  }

  [[nodiscard]] Path to_nic(std::size_t gpu, std::size_t nic) const {
    const DumpNic& device = dump_.nics[nic];
    Path path = over_pcie(chains_[gpu], cpu_of(gpu), nic_chains_[nic], device.cpu);
    const double to_gpu = dump_.gpus[gpu].chip_to_chip;
    if (path.type > PathType::pcie_switch && path.type < PathType::network && to_gpu > 0.0 &&
        cpu_of(gpu) == device.cpu) {
      path.type = PathType::peer_nic;  // P2C
      path.bandwidth = std::min(to_gpu, width(nic_chains_[nic]));
    }
    if (path.type < PathType::host_bridge && !(device.gpudirect && dump_.gpus[gpu].gpudirect))
      path.type = PathType::host_bridge;
    path.bandwidth = std::min(path.bandwidth, device.rate);
    return path;
  }

 private:
  using Chain = std::vector<std::size_t>;  // slots from the device up to the CPU

  [[nodiscard]] Chain chain(std::size_t slot) const {
    Chain result;
    for (; slot != no_parent; slot = dump_.slots[slot].parent) result.push_back(slot);
    return result;
  }

  [[nodiscard]] std::size_t cpu_of(std::size_t gpu) const {
    return dump_.slots[dump_.gpus[gpu].slot].cpu;
  }

  // GB/s of the narrowest slot of a chain below `end`.
  [[nodiscard]] double width(const Chain& chain, std::size_t end = no_parent) const {
    double narrowest = infinite;
    for (const std::size_t slot : chain) {
      if (slot == end) break;
      narrowest = std::min(narrowest, dump_.slots[slot].bandwidth);
    }
    return narrowest;
  }

  [[nodiscard]] Path over_pcie(const Chain& a, std::size_t cpu_a, const Chain& b,
                               std::size_t cpu_b) const {
    for (const std::size_t slot : a) {
      if (std::find(b.begin(), b.end(), slot) == b.end()) continue;
      return {PathType::pcie_switch, std::min(width(a, slot), width(b, slot))};
    }
    const double slots = std::min(width(a), width(b));
    if (cpu_a == cpu_b) return {PathType::host_bridge, slots};
    if (dump_.cpus[cpu_a].host != dump_.cpus[cpu_b].host) return {};
    return {PathType::socket, std::min(slots, socket_bandwidth(dump_.cpus[cpu_a]))};
  }

  const TopologyDump& dump_;
  std::vector<Chain> chains_, nic_chains_;
};

// Grows by one GPU at a time.
class Group {
 public:
  explicit Group(const TopologyDump& dump) : dump_(dump), paths_(dump) {
    for (std::size_t i = 0; i < dump.gpus.size(); ++i) by_bus_id_[key(i, dump.gpus[i].bus_id)] = i;
  }

  ImportedLinks add(std::size_t gpu) {
    const std::int64_t links = dump_.gpus[gpu].switch_links;
    fewest_switch_links_ = gpu == 0 ? links : std::min(fewest_switch_links_, links);
    add_peers(gpu);
    add_slots(gpu);
    add_nics(gpu);
    return result(gpu);
  }

 private:
  // Bus ids repeat from host to host.
  [[nodiscard]] std::string key(std::size_t gpu, const std::string& bus_id) const {
    return dump_.cpus[dump_.slots[dump_.gpus[gpu].slot].cpu].host + '/' + bus_id;
  }

  void add_peers(std::size_t gpu) {
    peers_.push_back(0);
    part_.push_back(gpu);
    for (const DumpNvlink& link : dump_.gpus[gpu].peer_links) {
      const auto found = by_bus_id_.find(key(gpu, link.target));
      if (found == by_bus_id_.end() || found->second >= gpu || link.count == 0) continue;
      peers_[gpu] += link.count;
      peers_[found->second] += link.count;
      const std::size_t from = part_[found->second];
      const std::size_t to = part_[gpu];
      std::replace(part_.begin(), part_.end(), from, to);
    }
  }

  void add_slots(std::size_t gpu) {
    for (std::size_t other = 0; other < gpu; ++other) {
      const Path path = paths_.between_gpus(gpu, other);
      pcie_.type = std::max(pcie_.type, path.type);
      pcie_.bandwidth = std::min(pcie_.bandwidth, path.bandwidth);
    }
  }

  void add_nics(std::size_t gpu) {
    Path best;
    std::vector<Path> all;
    for (std::size_t nic = 0; nic < dump_.nics.size(); ++nic) {
      all.push_back(paths_.to_nic(gpu, nic));
      if (better(all.back(), best)) best = all.back();
    }
    farthest_nic_ = gpu == 0 ? best.type : std::max(farthest_nic_, best.type);
    nearest_nic_ = std::min(nearest_nic_, best.type);
    if (best.bandwidth <= 0.0) return;
    for (std::size_t nic = 0; nic < all.size(); ++nic) {
      if (!better(best, all[nic])) nics_.insert(nic);
    }
    nic_bandwidth_ =
        nic_bandwidth_ > 0.0 ? std::min(nic_bandwidth_, best.bandwidth) : best.bandwidth;
  }

  static bool better(const Path& a, const Path& b) {
    return a.bandwidth != b.bandwidth ? a.bandwidth > b.bandwidth : a.type < b.type;
  }

  [[nodiscard]] ImportedLinks result(std::size_t gpu) const {
    const DumpGpu& last = dump_.gpus[gpu];
    const double one_link = nccl_nvlink_bandwidth(last.compute_capability);
    const bool joined = std::all_of(part_.begin(), part_.end(),
                                    [&](std::size_t part) { return part == part_.front(); });
    ImportedLinks links;
    links.nvswitch = fewest_switch_links_ > 0;
    links.nvlink = links.nvswitch || (gpu == 0 ? !last.peer_links.empty() : joined);
    if (gpu > 0) {
      links.path_inside = links.nvlink ? PathType::nvlink : pcie_.type;
      const DumpCpu& cpu = dump_.cpus[dump_.slots[last.slot].cpu];
      if (links.path_inside == PathType::host_bridge && cpu.vendor == "GenuineIntel")
        links.peer_share = intel_peer_share;
      const std::int64_t count =
          links.nvswitch ? fewest_switch_links_ : *std::min_element(peers_.begin(), peers_.end());
      links.link = links.nvlink ? static_cast<double>(count) * one_link : pcie_.bandwidth;
    }
    links.nics = static_cast<std::int64_t>(nics_.size());
    links.nic = nic_bandwidth_;
    links.path_across = farthest_nic_;
    const bool over_peer =
        links.nvlink && farthest_nic_ > PathType::peer_nic && nearest_nic_ <= PathType::peer_nic;
    if (over_peer) links.path_across = PathType::peer_nic;  // PXN
    return links;
  }

  const TopologyDump& dump_;
  Paths paths_;
  std::map<std::string, std::size_t> by_bus_id_;
  std::int64_t fewest_switch_links_ = 0;
  std::vector<std::int64_t> peers_;  // NVLinks of each GPU to others of the group
  std::vector<std::size_t> part_;    // GPUs of one number are joined by NVLink
  Path pcie_{PathType::local, infinite};
  std::set<std::size_t> nics_;
  PathType farthest_nic_ = PathType::network;
  PathType nearest_nic_ = PathType::network;
  double nic_bandwidth_ = 0.0;
};

}  // namespace

double nccl_nvlink_bandwidth(int compute_capability) {
  if (compute_capability >= 100) return 40.1;
  if (compute_capability >= 90) return 20.6;
  if (compute_capability == 86) return 12.0;
  return compute_capability >= 70 ? 20.0 : 18.0;
}

double wire_nvlink_bandwidth(int compute_capability) {
  if (compute_capability >= 100) return 50.0;
  if (compute_capability == 86) return 14.0625;
  return compute_capability >= 70 ? 25.0 : 20.0;
}

std::vector<ImportedLinks> links_of_first_gpus(const TopologyDump& dump) {
  Group group(dump);
  std::vector<ImportedLinks> result;
  for (std::size_t i = 0; i < dump.gpus.size(); ++i) result.push_back(group.add(i));
  return result;
}

}  // namespace lockstep
