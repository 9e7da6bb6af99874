// The channels that NCCL's topology search finds for one process group: how many, and at what
// bandwidth inside a node and between nodes. They are what its tuning model, and so its choice,
// starts from.
#pragma once

#include <cstdint>

#include "topology/collectives/nccl_constants.hpp"
#include "topology/collectives/nccl_graphs.hpp"
#include "topology/hardware.hpp"
#include "topology/placement.hpp"
#include "topology/routes.hpp"

namespace lockstep::nccl {

// One node as one group meets it; GB/s as NCCL counts them.
// A "node" is what NCCL takes for one: the GPUs of an operating system, or a whole NVLink domain of
// several.
struct NodeView {
  int compute_capability = 80;
  std::int64_t nodes = 1;
  std::int64_t ranks = 1;  // of the group on the fullest node
  double link = 0.0;       // of one GPU to the others of the group: NVLink sum, or PCIe
  double pcie = 0.0;       // of a GPU's slot
  bool nvlink = false;
  bool nvswitch = false;
  PathType path_inside = PathType::local;
  std::int64_t nics = 0;  // that the group's GPUs have beside them
  double nic = 0.0;       // a NIC and the slots on the way to it
  PathType path_across = PathType::pcie_switch;
};

// What the cluster offers this group, failures in `routes` counted.
NodeView node_view(const Cluster& cluster, const Routes& routes, const GroupShape& shape);

// NCCL's search, carried out on a symmetric node.
Graphs graphs(const NodeView& view);

}  // namespace lockstep::nccl
