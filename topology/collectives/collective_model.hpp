// The cost of one collective on one process group of a cluster.
#pragma once

#include <cstdint>
#include <string>

#include "topology/hardware.hpp"
#include "topology/placement.hpp"

namespace lockstep {

enum class Collective { all_reduce, all_gather, reduce_scatter, broadcast, reduce, all_to_all, send_recv };

const char* to_string(Collective collective);

struct CollectiveCost {
  Seconds time;
  Seconds latency;              // the part that does not shrink with size
  BusBandwidth bus_bandwidth;   // reached asymptotically
  std::string algorithm;        // "ring", "hierarchical", "direct"
  std::string bottleneck;       // "NVLink", "PCIe", "NIC", "leaf uplinks"
};

// Time of `collective` over `bytes` (nccl-tests' convention: the whole buffer) on a group of this shape,
// while every sibling group of the same kind does the same. Zero for a group of one. Pure.
CollectiveCost collective_cost(const Cluster& cluster, const GroupShape& shape, Collective collective, Bytes bytes);

}  // namespace lockstep
