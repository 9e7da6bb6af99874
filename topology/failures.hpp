// What `cluster.failed` and `cluster.degraded` mean.
//
//   a NIC, a leaf, a spine, a core switch, an NVSwitch plane   is gone, with its links
//   a link A-B                                                 is gone, or narrower
//   a GPU, a PCIe switch, a CPU, a whole node; the link between a GPU or its PCIe switch and the
//   host                                                       takes the node out of the job, as a
//   scheduler drains it: the GPUs in use are those of the other nodes
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "topology/cluster_parts.hpp"
#include "topology/hardware.hpp"

namespace lockstep {

// One entry of the lists, read. A link has two parts.
struct FailedItem {
  bool whole_node = false;  // first.owner is the node
  Part first;
  std::optional<Part> second;
  double bandwidth_left = 0.0;
  std::string text;       // "node3.nic2 is down"
  bool degraded = false;  // from `degraded`, else from `failed`
  std::size_t index = 0;  // in that list
};

// Nothing where the text is no name, or names no part of this cluster. Whether two parts are linked
// is only known once the graph is built.
std::optional<FailedItem> read_failure(const Cluster& cluster, std::string_view text,
                                       double bandwidth_left = 0.0);

// The failures of a cluster that name something of it.
std::vector<FailedItem> failed_items(const Cluster& cluster);

// Nodes that are out, ascending.
std::vector<std::int64_t> nodes_out(const Cluster& cluster);

// Whether this cluster has such a part.
bool has_part(const Cluster& cluster, const Part& part);

// An entry that names nothing.
struct FailureProblem {
  bool degraded = false;  // in `degraded`, else in `failed`
  std::size_t index = 0;  // in that list
  std::string message;    // "'node9.nic0' is no part of this cluster"
  std::string hint;       // "nodes are node0 to node3"
};
std::vector<FailureProblem> failure_problems(const Cluster& cluster);

}  // namespace lockstep
