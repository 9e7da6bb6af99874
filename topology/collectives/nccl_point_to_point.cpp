// S bytes in each rank's buffer, n ranks, r on a node of N:
//
//   all_to_all  t = floor + (n-1) * per_peer
//                   + S * max( (r-1)/n / (a A), r (n-r)/n / (c C), r (n-n/l)/n / (c C u) )
//   send_recv   t = floor + S / (p P)          in a node
//               t = floor + S / min(p P, c C/r)  across: one rank at the edge of a node, with the
//               NICs beside it
//   A, P   one GPU to all others of its node, to one of them; C the group's part of a node's NICs
//   l, u   leaves (pods) spanned, and what of the NICs below passes up from one
//   a, p, c  what the fabric was measured to leave of them
// Source: the bottleneck model of NCCL's point-to-point transport (src/graph/paths.cc:918-1010);
// the shares from nccl-tests: 348 GB/s for 8 H100 (0.94), 39.9 on 16 A100 (0.85 of 25 GB/s a
// NIC), 44.8 on 10 nodes (0.9). Ignores: rounds of many peers, unequal messages, rails crossed
// inside the node (PXN).
#include "topology/collectives/nccl_point_to_point.hpp"

#include <algorithm>

namespace lockstep::nccl {
namespace {

constexpr double giga = 1e9;

double time_per_byte(double bandwidth) {
  return 1.0 / (bandwidth * giga);
}

}  // namespace

PointToPoint all_to_all_cost(const PointToPointLinks& links) {
  const auto n = static_cast<double>(links.ranks);
  const auto r = static_cast<double>(links.ranks_on_node);
  PointToPoint cost;
  cost.resource = links.inside_name;
  cost.latency = links.floor + (n - 1.0) * links.per_peer;
  if (links.ranks_on_node > 1)
    cost.seconds_per_byte =
        (r - 1.0) / n * time_per_byte(*links.inside_prior->all_to_all * links.inside);
  if (links.nodes < 2) return cost;
  const double network = *links.across_prior->all_to_all * links.nics;
  const auto leave = [&](double ranks, double share, const char* resource) {
    const double out = r * (n - ranks) / n * time_per_byte(network * share);
    if (out <= cost.seconds_per_byte) return;
    cost.seconds_per_byte = out;
    cost.resource = resource;
  };
  leave(r, 1.0, "NIC");
  const auto below = [&](const PointToPointLinks::Level& level) {
    return n / static_cast<double>(level.switches);
  };
  if (links.leaves.switches > 1) leave(below(links.leaves), links.leaves.share, "leaf uplinks");
  if (links.pods.switches > 1) leave(below(links.pods), links.pods.share, "spine uplinks");
  return cost;
}

PointToPoint send_recv_cost(const PointToPointLinks& links) {
  PointToPoint cost;
  cost.latency = links.floor;
  cost.resource = links.inside_name;
  if (links.ranks_on_node > 1)
    cost.seconds_per_byte = time_per_byte(*links.inside_prior->pair * links.pair);
  if (links.nodes < 2) return cost;
  // One rank at the node's edge sends to the next node, with the NICs beside it.
  const double edge = links.across / static_cast<double>(links.ranks_on_node);
  const double out = time_per_byte(*links.across_prior->pair * edge);
  if (out > cost.seconds_per_byte) {
    cost.seconds_per_byte = out;
    cost.resource = links.across_name;
  }
  return cost;
}

}  // namespace lockstep::nccl
