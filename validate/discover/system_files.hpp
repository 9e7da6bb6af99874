// What Linux's files say of NICs and CPUs: rates and link layers, which hwloc does not know, and a
// bare picture of the host where the build has no hwloc.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "validate/discover/node_facts.hpp"

namespace lockstep {

// A NIC as /sys/class/infiniband or /sys/class/net has it.
struct SystemNic {
  std::string name;    // "mlx5_0", "eth0"
  std::string bus_id;  // "" for what is on no PCI bus
  bool rdma = false;
  std::string link_layer;
  double rate = 0;  // bytes per second; 0: not stated
  LinkState state = LinkState::unknown;
  std::int64_t numa_node = -1;
  unsigned vendor_id = 0, device_id = 0;
};

// `root` is "/", or a folder with the same files below it. Sorted by name, RDMA devices first;
// interfaces of no device (lo, bridges) are left out.
std::vector<SystemNic> read_system_nics(const std::filesystem::path& root);

// CPUs and NUMA nodes of /proc/cpuinfo and /sys/devices/system/node, NICs as above; no PCIe tree.
HostFacts read_system_files(const std::filesystem::path& root);

// Bytes per second of "200 Gb/sec (4X HDR)"; 0 for other texts.
double rate_of_text(const std::string& text);

// Bytes per second that NICs of this kind have, by their PCI ids; 0 where they are not known.
// Source: the PCI ID repository and the vendors' data sheets (ConnectX-4 to 8, BlueField, EFA,
// Cassini).
double usual_rate(unsigned vendor_id, unsigned device_id);

}  // namespace lockstep
