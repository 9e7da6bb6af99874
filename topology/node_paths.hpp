// The ways inside one node that do not use NVLink: from a GPU to its NICs and to other GPUs over
// PCIe and the sockets.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "topology/graph.hpp"

namespace lockstep {

// A link of a node in one of its directions: 2 * its number, plus one against the way it is listed.
using Hop = std::size_t;
using Hops = std::vector<Hop>;

// A NIC with its wire to a leaf.
struct Wire {
  std::int64_t leaf = 0;  // number of the leaf within its unit
  Hop out = 0;            // from the NIC to the leaf; the other way: out ^ 1
};

struct NodePaths {
  std::vector<Link> links;                           // PCIe, sockets and wires of the node
  std::vector<BytesPerSecond> nvlink;                // of each GPU, all its NVLinks together
  std::vector<std::vector<std::string>> nvswitches;  // that each GPU is linked to
  std::vector<Wire> wires;

  // By GPU: the NICs fewest hops away that have a wire, dealt out evenly among the GPUs that have
  // the same ones beside them. Empty where no way to a NIC is left. NCCL too takes the nearest
  // NICs and tells GPUs with equal ones apart by their number (src/graph/topo.cc, ncclTopoGetNet).
  std::vector<std::vector<std::size_t>> nics_of;

  std::vector<std::vector<Hops>> to_wire;  // [GPU][wire], up to the NIC; empty: no way
  std::vector<std::vector<Hops>> to_gpu;   // [GPU][GPU]; empty: no way
};

// The node must be one that the graph lists. `peer_to_peer`: false sends what goes from GPU to GPU
// up to the CPU and down, as GeForce cards do.
NodePaths node_paths(const ClusterGraph& graph, std::int64_t node, bool peer_to_peer);

}  // namespace lockstep
