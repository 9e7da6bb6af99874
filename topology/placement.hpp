// Where the ranks of a plan lie, and what shape its process groups have.
#pragma once

#include <cstdint>

#include "topology/hardware.hpp"

namespace lockstep {

// The shape of one process group and how many like it share a node's NICs.
struct GroupShape {
  std::int64_t ranks = 1;
  std::int64_t domains = 1;           // NVLink (or PCIe) domains that the group spans
  std::int64_t ranks_per_domain = 1;  // the most in one domain
  std::int64_t sibling_groups =
      1;                    // groups of this kind with ranks in one domain, all active at once
  std::int64_t leaves = 1;  // leaf switches (scalable units) spanned
  std::int64_t nodes = 1;   // operating systems spanned; matters where a node holds several domains
  std::int64_t pods = 1;    // pods spanned, in a fabric with core switches
};

// Ranks are placed on GPUs in order, domain by domain. A group takes `degree` ranks that are
// `stride` apart. Each member is the worst over all groups of the kind, exact also where degrees do
// not divide the domain. Cost does not depend on the number of GPUs.
GroupShape group_shape(const Cluster& cluster, std::int64_t degree, std::int64_t stride);

// One group alone: `ranks` on `nodes` neighbouring nodes, the same number on each (the last may
// have fewer), as nccl-tests is started. At least one node.
GroupShape spread_group(const Cluster& cluster, std::int64_t ranks, std::int64_t nodes);

}  // namespace lockstep
