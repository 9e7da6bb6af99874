// A topology dump as a list of its devices, before it is asked what lies between them.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "scenarios/xml_reader.hpp"
#include "topology/collectives/nccl_graphs.hpp"

namespace lockstep {

inline constexpr std::size_t no_parent = static_cast<std::size_t>(-1);

struct DumpCpu {
  std::string host;
  std::string arch, vendor;
  std::int64_t family = 0, model = 0;
};

// A PCIe device or switch: its link to what lies above it, another slot or the CPU.
struct DumpSlot {
  std::size_t parent = no_parent;  // slot above; no_parent: the CPU
  std::size_t cpu = 0;
  double bandwidth = 0.0;  // GB/s as NCCL counts
  std::int64_t generation = 0;
  std::int64_t width = 0;
  bool is_switch = false;
};

struct DumpNvlink {
  std::string target;  // bus id of a GPU, lower case
  std::int64_t count = 0;
};

struct DumpGpu {
  std::string bus_id;
  std::size_t slot = 0;
  int device = 0;
  int compute_capability = 0;
  bool gpudirect = true;
  std::int64_t switch_links = 0;  // NVLinks to NVSwitches
  std::vector<DumpNvlink> peer_links;
  double chip_to_chip = 0.0;  // GB/s
};

struct DumpNic {
  std::string name;
  std::size_t slot = no_parent;  // no_parent: straight on the CPU
  std::size_t cpu = 0;
  double rate = 0.0;  // GB/s
  bool gpudirect = false;
};

struct TopologyDump {
  std::vector<DumpCpu> cpus;
  std::vector<DumpSlot> slots;
  std::vector<DumpGpu> gpus;  // by host, then device number
  std::vector<DumpNic> nics;
  std::vector<std::string> rails, planes;       // distinct attributes
  std::map<std::string, std::int64_t> ignored;  // elements that are not known, by name
  std::vector<std::string> notes;
};

// Every device below <system>.
TopologyDump read_devices(const XmlElement& system, std::vector<Diagnostic>& problems);

// GB/s of one NVLink per direction as NCCL counts it, and on the wire. Source: topo.h; the second
// from NVIDIA's data sheets.
double nccl_nvlink_bandwidth(int compute_capability);
double wire_nvlink_bandwidth(int compute_capability);

// What the first n GPUs have, for every n. Source: src/graph/paths.cc.
std::vector<nccl::ImportedLinks> links_of_first_gpus(const TopologyDump& dump);

}  // namespace lockstep
