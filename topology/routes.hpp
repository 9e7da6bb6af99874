// What the links between GPUs offer, read off the cluster's graph once and used by every
// collective.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "topology/hardware.hpp"
#include "topology/path_kind.hpp"

namespace lockstep {

class ClusterGraph;

// Bandwidths are per direction and nominal. Each is that of the narrowest of its kind in the whole
// cluster, since a step waits for its slowest group; `…narrowed_by` names the failures behind it,
// "" where all are alike.
struct Routes {
  // Element i: what each of i+2 GPUs that follow each other in a domain can exchange with the
  // others of them at once. Groups larger than the graph's picture of a domain use the last
  // element. Empty: domains of one GPU.
  std::vector<BytesPerSecond> in_domain;
  std::string in_domain_bottleneck;  // "NVLink" or "PCIe"
  std::int64_t nvlink_ranks = 0;     // groups of up to so many neighbours meet over NVLink alone
  std::string in_domain_narrowed_by;

  BytesPerSecond nic;              // the widest route of one GPU through one NIC to its leaf
  BytesPerSecond node_network;     // all NICs of a node at once (of a domain, per node)
  BytesPerSecond gpu_network;      // one GPU when each uses the NICs nearest to it and all send
  std::string network_bottleneck;  // "NIC", or "PCIe" where the slots are slower
  std::string network_narrowed_by;
  PathKind nic_path = PathKind::dis;  // the GPU that is nearest to its NIC, on the worst node
  PathKind farthest_nic_path = PathKind::dis;  // the GPU that is farthest from its nearest NIC

  double uplink_share = 1.0;  // uplinks of a leaf over its downlinks, at most 1: 1/oversubscription
  double core_share = 1.0;    // a pod's links to the core switches over its NICs, at most 1
  std::string uplink_narrowed_by;
  std::string core_narrowed_by;

  // For a group of so many ranks in one domain.
  [[nodiscard]] BytesPerSecond link(std::int64_t ranks) const;
};

// Builds the graph and reads it: some ten microseconds, so do it once per cluster.
Routes routes(const Cluster& cluster);

// Reads a graph of this cluster, with what was changed in it.
Routes routes(const Cluster& cluster, const ClusterGraph& graph);

}  // namespace lockstep
