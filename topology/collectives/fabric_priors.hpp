// From NCCL's ranking model to a time: what each kind of fabric adds to the latencies that NCCL
// expects, and what it leaves of the bandwidths. One row per kind of fabric, from public nccl-tests
// logs; fabric_priors.cpp says from how many, and of which machines.
#pragma once

#include "topology/collectives/nccl_constants.hpp"
#include "topology/constant.hpp"

namespace lockstep::nccl {

enum class FabricKind {
  nvlink_before_hopper,
  nvlink_hopper,
  nvlink_blackwell,
  pcie,
  host_memory,
  infiniband,
  roce,
  efa_before_hopper,
  efa,
  tcpx,
  tcpxo,
  slingshot,
  ethernet
};

// time = max(floor, latency_factor[protocol] * (nodes/2)^latency_growth * L) + bytes / (bandwidth
// factor * B), with NCCL's L and B; (nodes/2)^… where there are more than two nodes.
struct FabricPrior {
  FabricKind kind = FabricKind::pcie;
  const char* name = "";
  Constant<Seconds> floor;  // launch and synchronisation: no collective is faster
  Constant<double> ll_latency;
  Constant<double> ll128_latency;
  Constant<double> simple_latency;
  Constant<double> latency_growth;
  Constant<double> ring_bandwidth;     // ring and PAT
  Constant<double> tree_bandwidth;     // all others
  Constant<double> ll_bandwidth;       // of LL, besides
  Constant<double> one_way_bandwidth;  // broadcast, reduce: each link carries one direction
  Constant<double>
      tree_nic_share;  // beyond two nodes trees reach no more than this share of a node's NICs
  Constant<double> all_to_all;  // share of the links that all pairs at once reach
  Constant<double> pair;        // share that one pair reaches
  Constant<Seconds> per_peer;   // of an all_to_all, for each peer

  [[nodiscard]] const Constant<double>& latency(Protocol protocol) const;
};

const FabricPrior& fabric_prior(FabricKind kind);

// The fabric that a group's collectives are bound by: the network where there are several nodes.
FabricKind fabric_kind(const System& system, bool several_nodes, bool nvlink);

// Between nodes every chunk also enters and leaves each GPU over NVLink: a ring over nodes reaches
// no more than this share of what NCCL expects of a ring in one node.
const Constant<double>& ring_through_node();

}  // namespace lockstep::nccl
