// Ring: every rank passes chunks to the next one, over all channels at once.
//
//   t = L + f * S / min(B_in, C')
//   f     bus_factor(collective, ranks): bytes over each link of the ring per byte of the buffer S
//   B_in  bus bandwidth inside a domain; absent where the group has one rank per domain
//   C     what the group moves out of a domain: every byte crosses each domain's edge once
//   C'    C * min(1, d * uplinks/downlinks) where the group spans leaves: in rank order one of
//         d = domains/leaves edges leaves the leaf, so the uplinks carry 1/d of what the NICs carry
//   L     in_domain_latency + cross_latency * log2(domains): reductions and broadcasts go by trees
//         where the ring's steps would be too many. all_gather and reduce_scatter go round once
//         where all_reduce goes round twice, so half of it, but have no tree: never less than the
//         chain (n - domains) * step_inside + (domains - 1) * step_across
// Source: Patarasu and Yuan, "Bandwidth optimal all-reduce algorithms", 2009, for f; nccl-tests
// doc/PERFORMANCE.md; multi-rail rings as NCCL builds them (src/graph/search.cc).
// Holds for large messages; the all-reduce measured on 2 to 512 nodes of Alps grows by some 12 us
// per doubling, as log2 does. Ignores: protocols and channel counts, ECMP collisions, ranks ordered
// against the fabric.
#include <algorithm>

#include "topology/collectives/algorithms.hpp"

namespace lockstep::collectives {
namespace {

// Once round the ring, a step after the other.
Seconds chain(const GroupLinks& links, const GroupShape& shape) {
  return static_cast<double>(shape.ranks - shape.domains) * links.step_inside +
         static_cast<double>(shape.domains - 1) * links.step_across;
}

std::optional<Estimate> estimate(const GroupLinks& links, const GroupShape& shape,
                                 Collective collective) {
  if (collective == Collective::all_to_all || collective == Collective::send_recv)
    return std::nullopt;

  const bool once_round =
      collective == Collective::all_gather || collective == Collective::reduce_scatter;
  Limit limit = links.bus;
  if (shape.domains > 1) {
    const Limit cross = past_leaf(links, shape, links.cross);
    limit = shape.ranks_per_domain > 1 ? narrower(limit, cross) : cross;
  }
  const Seconds tree = links.in_domain_latency + links.cross_latency * doublings(shape.domains);
  return Estimate{once_round ? std::max(0.5 * tree, chain(links, shape)) : tree,
                  bus_factor(collective, shape.ranks) / limit.bandwidth.value(), limit.name};
}

}  // namespace

const Algorithm ring{"ring", "chunks passed round all ranks, over all rails at once",
                     "Patarasu and Yuan 2009; nccl-tests doc/PERFORMANCE.md", &estimate};

}  // namespace lockstep::collectives
