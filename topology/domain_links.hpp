// What the GPUs of one NVLink (or PCIe) domain can exchange, read off the graph.
#pragma once

#include <cstdint>
#include <limits>
#include <vector>

#include "topology/graph.hpp"
#include "topology/hardware.hpp"
#include "topology/host_paths.hpp"

namespace lockstep {

struct DomainLinks {
  static constexpr std::int64_t all_ranks = std::numeric_limits<std::int64_t>::max();
  std::vector<BytesPerSecond> offered;  // element i: to each of i+2 neighbours, see Routes
  std::int64_t nvlink_ranks = 0;        // groups of up to so many meet over NVLink; or all_ranks
};

// `gpus` are those of the domain that are in use, by number, in order.
DomainLinks domain_links(IntraNode kind, const ClusterGraph& graph, const HostPaths& host,
                         const std::vector<std::size_t>& gpus);

}  // namespace lockstep
