// How many parts of each kind a cluster has, and how wide the links of its fabric are: what follows
// from System and Fabric by counting ports.
#pragma once

#include <cstdint>

#include "topology/hardware.hpp"

namespace lockstep {

struct NodeShape {
  std::int64_t gpus = 1;
  std::int64_t pcie_switches = 0;  // 0: GPUs and NICs are in slots of the CPUs
  std::int64_t sockets = 1;
  std::int64_t nics = 0;
  std::int64_t planes = 0;  // NVSwitches of one domain; 0 without NVSwitch
};

NodeShape node_shape(const System& system);

// The NVLink domain of a node's first GPU, and the first node that has GPUs of a domain. A node of
// several domains is taken for one of its own.
std::int64_t domain_of(const System& system, std::int64_t node);
std::int64_t first_node_of(const System& system, std::int64_t domain);

// A scalable unit holds the nodes below one set of leaf switches, a pod the units below one set of
// spines. Bandwidths are per direction.
struct FabricShape {
  std::int64_t units = 1;
  std::int64_t nodes_per_unit = 1;
  std::int64_t leaves_per_unit = 1;  // one per NIC in a rail-optimised fabric
  std::int64_t pods = 1;
  std::int64_t units_per_pod = 1;
  std::int64_t spines = 0;  // of one pod; 0 with a single switch
  std::int64_t cores = 0;   // 0 in a tree of two levels
  BytesPerSecond leaf_downlinks;
  BytesPerSecond uplink;       // from one leaf to one spine
  BytesPerSecond core_uplink;  // from one spine to one core switch
  [[nodiscard]] bool has_cores() const { return cores > 0; }
};

FabricShape fabric_shape(const Cluster& cluster);

}  // namespace lockstep
