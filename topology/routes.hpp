// What the links between GPUs offer, read off the cluster's graph once and used by every
// collective.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "topology/hardware.hpp"

namespace lockstep {

class ClusterGraph;

// Bandwidths are per direction and nominal.
struct Routes {
  // Element i: what each of the first i+2 GPUs of a domain can exchange with the others of them at
  // once. Groups larger than the graph's picture of a domain use the last element. Empty: domains
  // of one GPU.
  std::vector<BytesPerSecond> in_domain;
  std::string in_domain_bottleneck;  // "NVLink" or "PCIe"

  BytesPerSecond nic;              // the widest route of one GPU through one NIC to its leaf
  BytesPerSecond node_network;     // all NICs of a node at once
  std::string network_bottleneck;  // "NIC", or "PCIe" where the slots are slower

  double uplink_share = 1.0;  // uplinks of a leaf over its downlinks, at most 1: 1/oversubscription

  // For a group of so many ranks in one domain.
  [[nodiscard]] BytesPerSecond link(std::int64_t ranks) const;
};

// Builds the graph and reads it: some ten microseconds, so do it once per cluster.
Routes routes(const Cluster& cluster);

// Reads a graph of this cluster, with what was changed in it. A change in the first node or its
// unit counts for all: the model takes every node for one like it.
Routes routes(const Cluster& cluster, const ClusterGraph& graph);

}  // namespace lockstep
