// The parts of a cluster and the links between them, as plain lists: what the graph is made from.
//
// Only representative nodes are listed: the first node, a second one of the same NVLink domain
// where domains span nodes, one of the next domain under the same leaf, and one under another leaf.
// All nodes of a cluster are alike, so the lists do not grow with the cluster.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "topology/hardware.hpp"

namespace lockstep {

enum class PartKind { gpu, nvswitch, pcie_switch, cpu, nic, leaf, spine };
enum class LinkKind { nvlink, pcie, socket, network, uplink };

const char* to_string(LinkKind kind);  // "NVLink", "PCIe", "socket link", "NIC", "leaf uplinks"

struct Part {
  PartKind kind = PartKind::gpu;
  std::int64_t owner = 0;  // the node; for a leaf its unit (nodes_per_leaf nodes); 0 for the spine
  std::int64_t index = 0;  // within the owner
};

// "node0.gpu3", "node0.nvswitch0", "node0.pcie1", "node0.cpu0", "node0.nic2", "unit0.leaf3",
// "spine".
std::string name(const Part& part);

// Between two parts by their place in the list. `bandwidth` is per direction.
struct PartLink {
  std::size_t from = 0, to = 0;
  LinkKind kind = LinkKind::nvlink;
  BytesPerSecond bandwidth;
};

struct ClusterParts {
  std::vector<Part> parts;
  std::vector<PartLink> links;
};

ClusterParts cluster_parts(const Cluster& cluster);

// Downlinks of one leaf with every port in use: nodes_per_leaf nodes, one NIC each in a
// rail-optimised fabric, all of them else.
BytesPerSecond leaf_downlinks(const Cluster& cluster);

}  // namespace lockstep
