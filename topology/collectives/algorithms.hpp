// Inside the collective model: what a group finds on its links, and the algorithms that use it.
#pragma once

#include <optional>
#include <span>

#include "topology/collectives/collective_model.hpp"

namespace lockstep::collectives {

// A bandwidth and the resource that sets it.
struct Limit {
  BytesPerSecond bandwidth;
  const char* name = "";
};

inline Limit narrower(Limit a, Limit b) {
  return b.bandwidth < a.bandwidth ? b : a;
}

// The links as one process group sees them while all its siblings do the same. See group_links().
struct GroupLinks {
  Limit bus;         // bus bandwidth of a ring inside one domain
  Limit pair;        // one GPU to one other of its domain
  Limit all_pairs;   // one GPU to all others of its domain at once
  Limit cross;       // the group's part of what leaves one domain, before the leaf uplinks
  Limit cross_pair;  // one GPU to one in another domain, while each sibling group sends once
  double uplink_share = 1.0;      // leaf uplinks over downlinks
  double domains_per_leaf = 1.0;  // of this group, on average
  Seconds in_domain_latency;
  Seconds step_inside;  // one step of a ring
  Seconds step_across;
  Seconds cross_latency;  // per doubling of domains, or one hop; zero within one node
};

GroupLinks group_links(const Cluster& cluster, const Routes& routes, const GroupShape& shape);

// What the group moves out of a domain in rank order, uplinks included: one of domains_per_leaf
// domain edges leaves a leaf, while the uplinks carry uplink_share of all NICs.
Limit past_leaf(const GroupLinks& links, const GroupShape& shape, Limit cross);

// Doublings from one domain to all of them: 0, 1, 1.58, 2 … for 1, 2, 3, 4.
double doublings(std::int64_t domains);

// Time = latency + bytes * seconds_per_byte.
struct Estimate {
  Seconds latency;
  double seconds_per_byte = 0.0;
  const char* bottleneck = "";
};

// An algorithm: nothing where it does not offer the collective on this shape. `shape.ranks` is
// above 1.
struct Algorithm {
  const char* name;
  const char* description;
  const char* source;
  std::optional<Estimate> (*estimate)(const GroupLinks& links, const GroupShape& shape,
                                      Collective collective);
};

extern const Algorithm ring;
extern const Algorithm hierarchical;
extern const Algorithm direct;

// Every algorithm of the model.
std::span<const Algorithm* const> algorithms();

}  // namespace lockstep::collectives
