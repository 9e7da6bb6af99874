// What the two halves of a cluster can send each other.
#pragma once

#include <cstdint>

#include "topology/graph.hpp"

namespace lockstep {

// Bandwidths are per direction.
struct Bisection {
  std::int64_t gpus = 0;     // of the smaller half
  std::int64_t nodes = 0;    // of it; 0 where the cut goes through one node or one NVLink domain
  BytesPerSecond bandwidth;  // between the halves, all GPUs of one sending to the other
  BytesPerSecond full;       // what the smaller half could send were nothing down and nothing
                             // narrower than its NICs (or NVLinks, inside one domain)
  double share = 1.0;        // of `full`
  bool by_flow = false;      // by maximum flow, else by counting
};

// Between the first and the last half of the nodes, NVLink domains left whole where there are two
// or more; of one domain, between the halves of its GPUs. Maximum flow on the whole graph where
// that has at most `whole_graph_nodes` nodes, else by counting; both give the same. Nodes that are
// out take no part.
inline constexpr std::int64_t whole_graph_nodes = 16;
Bisection bisection(const Cluster& cluster);

Bisection bisection_by_flow(const Cluster& cluster);
Bisection bisection_by_counting(const Cluster& cluster);

}  // namespace lockstep
