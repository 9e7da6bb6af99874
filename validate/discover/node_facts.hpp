// What was found on a node: GPUs from the driver, CPUs, PCIe and NICs from the host. Plain data,
// before anybody asks which system of the catalog it is. Empty text and zero: not known.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace lockstep {

enum class NvlinkEnd { unknown, gpu, nvswitch, cpu };

struct NvlinkFact {
  std::int64_t link = 0;
  bool active = false;
  std::int64_t version = 0;
  NvlinkEnd to = NvlinkEnd::unknown;
  std::string remote_bus_id;  // "0000:1b:00.0"
};

struct GpuFact {
  std::int64_t index = 0;  // NVML's
  std::string name;        // "NVIDIA H100 80GB HBM3"
  std::string bus_id;      // "0000:1b:00.0"
  std::int64_t memory_bytes = 0;
  double power_limit_w = 0;    // that is enforced
  int compute_capability = 0;  // 90 for 9.0
  std::int64_t cores = 0;      // CUDA cores
  std::int64_t memory_bus_bits = 0;
  std::int64_t memory_clock_mhz = 0;  // largest
  std::int64_t pcie_generation = 0;   // largest of GPU and slot
  std::int64_t pcie_width = 0;
  std::vector<NvlinkFact> nvlinks;  // up or down
};

// What NVML says; also what `discover --record` writes as nvml.json.
struct NvmlFacts {
  std::string date;    // "2026-11-23"
  std::string driver;  // "580.82.07"
  std::vector<GpuFact> gpus;
  std::optional<bool> peer_to_peer;  // whether every GPU reads every other one's memory
  std::vector<std::string> remarks;  // functions that the driver lacks, GPUs that do not answer
};

struct SocketFact {
  std::string vendor;  // "GenuineIntel", "AuthenticAMD", "ARM" …
  std::string model;   // "AMD EPYC 7742 64-Core Processor"
};

struct NumaFact {
  std::int64_t index = 0;
  std::int64_t socket = -1;
  std::int64_t memory_bytes = 0;
};

// Where a PCIe device hangs.
struct PciePlace {
  std::string bus_id;
  std::int64_t numa_node = -1;
  std::int64_t socket = -1;
  std::vector<std::string> switches;  // bus ids of the switches above it, that at the CPU first
};

enum class LinkState { unknown, up, down };

struct NicFact {
  PciePlace place;
  std::string name;       // of its RDMA device where it has one ("mlx5_0"), else of its interface
  std::string interface;  // "ib0", "enp1s0"
  bool rdma = false;
  std::string link_layer;     // "InfiniBand", "Ethernet"
  double rate = 0;            // bytes per second and direction
  bool rate_assumed = false;  // by the kind of the NIC: nothing on the machine states it
  LinkState state = LinkState::unknown;
  unsigned vendor_id = 0, device_id = 0;  // of PCI
};

// What the host says, whatever read it.
struct HostFacts {
  std::string source;           // "hwloc 2.9.0", "/sys"; empty: nothing was read
  std::string host;             // name
  std::string architecture;     // "x86_64", "aarch64"
  std::string vendor, product;  // of the machine: "NVIDIA", "DGXH100"
  std::vector<SocketFact> sockets;
  std::vector<NumaFact> numa_nodes;
  bool knows_pcie = false;             // whether `switches` of places mean anything
  std::vector<PciePlace> nvidia_gpus;  // display and 3D controllers of NVIDIA
  std::vector<NicFact> nics;
  std::vector<std::string> remarks;
};

struct NodeFacts {
  NvmlFacts nvml;
  HostFacts host;
  // Where the GPUs come from: "NVML", "NCCL's topology", "" where there are none.
  std::string gpu_source;
  std::vector<std::string> remarks;  // what is missing, broken or contradictory
};

// "00000000:1B:00.0" as the host writes it: "0000:1b:00.0".
std::string plain_bus_id(const std::string& bus_id);

// The place of a GPU; null where the host does not know it.
const PciePlace* place_of(const GpuFact& gpu, const HostFacts& host);

// Whether two devices share a PCIe switch.
bool share_switch(const PciePlace& a, const PciePlace& b);

std::int64_t active_nvlinks(const GpuFact& gpu);

// "mlx5_0, mlx5_1 and mlx5_2", at most five of them by name.
std::string list_of(const std::vector<std::string>& names);

// What GPUs and host say about each other that cannot both hold, and NVLinks that are down: one
// sentence each.
std::vector<std::string> cross_checks(const NodeFacts& facts);

}  // namespace lockstep
