// Systems as NCCL meets them, for tests of its model: a node of so many GPUs, and nothing of the
// catalog.
#pragma once

#include "topology/collectives/nccl_model.hpp"

namespace lockstep::testing {

// `links` NVLinks a GPU (of 25 GB/s, 50 on Blackwell), `nics` NICs of `rate` Gb/s.
inline Cluster nvlink_cluster(const char* architecture, std::int64_t gpus, int links,
                              std::int64_t nics, double rate, std::int64_t nodes,
                              IntraNode intra_node = IntraNode::nvswitch) {
  Cluster cluster;
  System& system = cluster.system;
  system.name = "test";
  system.gpu.architecture = architecture;
  system.gpus_per_node = system.gpus_per_nvlink_domain = gpus;
  system.intra_node = intra_node;
  const double wire = system.gpu.architecture == "blackwell" ? 50e9 : 25e9;
  system.link_bandwidth = Constant(BytesPerSecond{wire * links});
  system.nics_per_node = nics;
  system.nic_bandwidth = Constant(BytesPerSecond{rate * 1e9 / 8.0});
  system.link_share = system.link_latency = Constant(1.0);
  system.network_share = system.network_latency = Constant(1.0);
  system.pcie_bandwidth = Constant(BytesPerSecond{50e9});
  system.nccl_version = NcclVersion::v2_30;
  cluster.nodes = nodes;
  return cluster;
}

inline Cluster h100(std::int64_t nodes) {
  return nvlink_cluster("hopper", 8, 18, 8, 400.0, nodes);
}
inline Cluster a100(std::int64_t nodes) {
  return nvlink_cluster("ampere", 8, 12, 8, 200.0, nodes);
}

// Two cards on PCIe.
inline Cluster pcie_pair(const char* architecture) {
  Cluster cluster = nvlink_cluster(architecture, 2, 1, 1, 100.0, 1, IntraNode::pcie);
  cluster.system.link_bandwidth = Constant(BytesPerSecond{32e9});
  return cluster;
}

inline nccl::NcclGroup group_of(const Cluster& cluster, std::int64_t ranks, std::int64_t nodes) {
  return nccl::prepare(cluster, routes(cluster), spread_group(cluster, ranks, nodes));
}

// What NCCL's model holds of one algorithm and protocol.
inline nccl::Offer offer_of(const nccl::NcclGroup& group, Collective collective,
                                   nccl::Algorithm algorithm, nccl::Protocol protocol) {
  return group.offers[static_cast<std::size_t>(collective)]
                     [static_cast<std::size_t>(algorithm) * nccl::protocol_count +
                      static_cast<std::size_t>(protocol)];
}

}  // namespace lockstep::testing
