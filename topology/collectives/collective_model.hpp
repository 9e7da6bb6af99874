// The cost of one collective on one process group of a cluster.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "topology/hardware.hpp"
#include "topology/placement.hpp"
#include "topology/routes.hpp"

namespace lockstep {

enum class Collective {
  all_reduce,
  all_gather,
  reduce_scatter,
  broadcast,
  reduce,
  all_to_all,
  send_recv
};

inline constexpr std::array<Collective, 7> all_collectives = {
    Collective::all_reduce, Collective::all_gather, Collective::reduce_scatter,
    Collective::broadcast,  Collective::reduce,     Collective::all_to_all,
    Collective::send_recv};

const char* to_string(Collective collective);

// Bytes on the busiest link of a ring per byte of buffer, nccl-tests' factor between algorithm and
// bus bandwidth: all_reduce 2(n-1)/n; all_gather, reduce_scatter, all_to_all (n-1)/n; broadcast,
// reduce, send_recv 1. Source: nccl-tests, doc/PERFORMANCE.md.
double bus_factor(Collective collective, std::int64_t ranks);

struct CollectiveCost {
  Seconds time;
  Seconds latency;             // the part that does not shrink with size
  BusBandwidth bus_bandwidth;  // of this call, as nccl-tests prints it
  std::string algorithm;       // "ring", "tree", "nvls" …, "direct"; "" for a group of one
  std::string protocol;        // "ll", "ll128", "simple"; "" for a group of one
  std::string bottleneck;      // "launch", "latency", "NVLink", "NIC" …; "" for a group of one
};

// Time of `collective` over `bytes` (nccl-tests' convention: the whole buffer) on a group of this
// shape as nccl-tests would show it, while every sibling group of the same kind does the same: the
// model of nccl_model.hpp in one call. Zero for a group of one and for
// zero bytes; infinite where no route between the domains is left. Pure.
CollectiveCost collective_cost(const Cluster& cluster, const Routes& routes,
                               const GroupShape& shape, Collective collective, Bytes bytes);

// The same for one call: builds the routes each time (some ten microseconds).
CollectiveCost collective_cost(const Cluster& cluster, const GroupShape& shape,
                               Collective collective, Bytes bytes);

}  // namespace lockstep
