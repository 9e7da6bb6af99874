// Hierarchical all-reduce: reduce-scatter inside each domain, all-reduce of the parts across
// domains, all-gather inside each domain.
//
//   t = L + S * ( 2 (r-1)/r / B_in + 2 (k-1)/k / C' )
//   r     ranks per domain, of k domains
//   B_in, C'  as in ring.cpp: the phase across domains is a ring over them
//   L     2 * in_domain_latency + cross_latency * log2(k)
// A domain sends 2 (k-1)/k S into the network instead of the ring's 2 (n-1)/n S: half of it at two
// domains. So this wins where the network is much slower than NVLink and domains are few.
// Source: Cho et al., "BlueConnect", MLSys 2019, section 3; the byte counts are those of NCCL's
// double binary trees too. NCCL has no such form of all_gather and reduce_scatter without
// reduction in the network, so this model has none either.
// Holds for large messages.
// Ignores: phases overlapped by chunks, as a tree does; its time lies between the longest phase and
// the sum.
#include "topology/collectives/algorithms.hpp"

namespace lockstep::collectives {
namespace {

std::optional<Estimate> estimate(const GroupLinks& links, const GroupShape& shape,
                                 Collective collective) {
  if (collective != Collective::all_reduce || shape.domains < 2 || shape.ranks_per_domain < 2) {
    return std::nullopt;
  }
  const Limit cross = past_leaf(links, shape, links.cross);
  const double inside =
      bus_factor(collective, shape.ranks_per_domain) / links.bus.bandwidth.value();
  const double across = bus_factor(collective, shape.domains) / cross.bandwidth.value();
  return Estimate{2.0 * links.in_domain_latency + links.cross_latency * doublings(shape.domains),
                  inside + across, inside > across ? links.bus.name : cross.name};
}

}  // namespace

const Algorithm hierarchical{
    "hierarchical", "reduce-scatter in the domain, all-reduce across, all-gather in the domain",
    "Cho et al., BlueConnect, MLSys 2019", &estimate};

}  // namespace lockstep::collectives
