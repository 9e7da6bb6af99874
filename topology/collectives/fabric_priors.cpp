// How the rows came about: a coordinate search for the least sum, over all healthy logs of a
// fabric, of the median and mean |log(predicted / measured)| of all sizes and of those of 16 MB and
// more; then rounded, and in a few rows moved by hand to a compromise between logs that disagree
// (NVLink before Hopper: LL; RoCE; both EFA rows; Slingshot: ring and tree_nic_share). The logs
// that judge the rows are the ones that made them: no log was held back.
//
// Logs per row: NVLink before Hopper 4 (8 A100; one process drove all GPUs in 3 of them, hence the
// floor); Hopper 8 (8 and 4 of 8 H100, 4 GH200, 8 H200); Blackwell 2 (2 and 8 B200); InfiniBand 7
// (2 nodes of A100 and B200, 10 of H100); RoCE 2; EFA before Hopper 2 (p3dn, p4de), after 2 (p5,
// p6-b200); TCPX 2; Slingshot 11 (2 to 540 nodes of A100 and GH200). PCIe (4), host memory (3) and
// TCPXO (1) rest on one machine each. Tree factors of PCIe, host memory, RoCE, TCPX and TCPXO, and
// LL and LL128 of TCPX, met no log: the ring's, or near it. all_to_all, pair and per_peer were read
// off single logs by hand; where there was none they are assumed.
#include "topology/collectives/fabric_priors.hpp"

#include <array>
#include <limits>

namespace lockstep::nccl {
namespace {

constexpr double unlimited = std::numeric_limits<double>::infinity();

// The numbers of one row; the spreads are of latencies and of bandwidths.
struct Row {
  FabricKind kind;
  const char* name;
  Provenance provenance;
  const char* source;
  double floor_us, ll, ll128, simple, growth;
  double ring, tree, ll_bandwidth, one_way, tree_nic_share;
  double all_to_all, pair, per_peer_us;
  double latency_spread, bandwidth_spread;
  bool point_to_point_logs;  // some all_to_all or send_recv was measured
};

constexpr Provenance fitted = Provenance::fitted;
constexpr Provenance assumed = Provenance::assumed;

constexpr std::array<Row, 13> rows = {{
    {FabricKind::nvlink_before_hopper,
     "NVLink, before Hopper",
     fitted,
     "nccl-tests on 8 A100, 4 logs",
     35.0,
     2.4,
     2.8,
     2.8,
     0.0,
     0.97,
     0.97,
     1.0,
     0.97,
     unlimited,
     0.94,
     0.97,
     7.0,
     0.35,
     0.05,
     true},
    {FabricKind::nvlink_hopper,
     "NVLink, Hopper",
     fitted,
     "nccl-tests on H100, H200 and GH200, 8 logs",
     9.0,
     1.0,
     1.07,
     2.6,
     0.0,
     0.96,
     1.0,
     1.0,
     0.96,
     unlimited,
     0.94,
     0.98,
     2.0,
     0.2,
     0.05,
     true},
    {FabricKind::nvlink_blackwell,
     "NVLink, Blackwell",
     fitted,
     "nccl-tests on B200, 2 logs",
     13.0,
     2.5,
     2.0,
     3.9,
     0.0,
     0.7,
     1.04,
     1.0,
     0.7,
     unlimited,
     0.9,
     0.9,
     2.0,
     0.4,
     0.15,
     false},
    {FabricKind::pcie,
     "PCIe",
     fitted,
     "nccl-tests on 2 A100 PCIe, 4 logs",
     9.0,
     2.4,
     2.4,
     2.0,
     0.0,
     0.82,
     0.82,
     1.0,
     0.82,
     unlimited,
     0.88,
     0.9,
     2.0,
     0.3,
     0.1,
     true},
    {FabricKind::host_memory,
     "host memory",
     fitted,
     "nccl-tests on 2 RTX 2080 Ti, 3 logs",
     10.0,
     1.34,
     1.34,
     1.35,
     0.0,
     0.33,
     0.33,
     1.0,
     0.92,
     unlimited,
     0.385,
     0.385,
     2.0,
     0.3,
     0.25,
     true},
    {FabricKind::infiniband,
     "InfiniBand",
     fitted,
     "nccl-tests on 2 and 10 nodes of A100, H100 and B200, 7 logs",
     20.0,
     1.5,
     1.6,
     1.9,
     0.0,
     1.0,
     0.97,
     1.0,
     0.97,
     unlimited,
     0.89,
     0.9,
     2.5,
     0.2,
     0.07,
     true},
    {FabricKind::roce,
     "RoCE",
     fitted,
     "nccl-tests on 2 nodes of H200 and B200, 2 logs",
     14.0,
     2.0,
     1.4,
     1.6,
     0.0,
     0.85,
     1.0,
     1.0,
     0.85,
     unlimited,
     0.8,
     0.8,
     3.0,
     0.4,
     0.12,
     false},
    {FabricKind::efa_before_hopper,
     "EFA, before Hopper",
     fitted,
     "nccl-tests on 2 nodes of p3dn and p4de, 2 logs",
     25.0,
     5.2,
     6.2,
     7.0,
     0.0,
     0.742,
     0.95,
     1.0,
     0.742,
     unlimited,
     0.7,
     0.7,
     8.0,
     0.3,
     0.12,
     false},
    {FabricKind::efa,
     "EFA",
     fitted,
     "nccl-tests on 2 nodes of p5 and 4 of p6-b200, 2 logs",
     25.0,
     2.8,
     3.5,
     6.5,
     0.0,
     0.98,
     0.92,
     1.0,
     0.95,
     unlimited,
     0.75,
     0.75,
     5.0,
     0.5,
     0.1,
     false},
    {FabricKind::tcpx,
     "TCPX",
     fitted,
     "nccl-tests on 2 nodes of A3 High, 2 logs",
     60.0,
     5.0,
     5.0,
     7.9,
     0.0,
     0.66,
     0.62,
     1.0,
     0.66,
     unlimited,
     0.6,
     0.6,
     10.0,
     0.4,
     0.25,
     false},
    {FabricKind::tcpxo,
     "TCPXO",
     fitted,
     "nccl-tests on 2 nodes of A3 Mega, 1 log",
     60.0,
     2.3,
     2.5,
     1.6,
     0.0,
     0.97,
     0.97,
     1.0,
     0.97,
     unlimited,
     0.8,
     0.8,
     8.0,
     0.4,
     0.15,
     false},
    {FabricKind::slingshot,
     "Slingshot",
     fitted,
     "nccl-tests on 2 to 540 nodes of A100 and GH200, 11 logs",
     15.0,
     1.02,
     7.1,
     1.02,
     0.13,
     0.85,
     1.154,
     0.043,
     0.85,
     0.3,
     0.4,
     0.5,
     4.0,
     0.6,
     0.2,
     true},
    {FabricKind::ethernet,
     "Ethernet",
     assumed,
     "no log: as TCPX",
     60.0,
     5.0,
     5.0,
     7.9,
     0.0,
     0.66,
     0.62,
     1.0,
     0.66,
     unlimited,
     0.6,
     0.6,
     10.0,
     0.8,
     0.4,
     false},
}};

FabricPrior prior_of(const Row& row) {
  const auto factor = [&](double value, double spread) {
    return Constant<double>(value, row.provenance, spread, row.source);
  };
  const auto microseconds = [&](double value) {
    return Constant<Seconds>(Seconds{value * 1e-6}, row.provenance, row.latency_spread, row.source);
  };
  FabricPrior prior;
  prior.kind = row.kind;
  prior.name = row.name;
  prior.floor = microseconds(row.floor_us);
  prior.ll_latency = factor(row.ll, row.latency_spread);
  prior.ll128_latency = factor(row.ll128, row.latency_spread);
  prior.simple_latency = factor(row.simple, row.latency_spread);
  prior.latency_growth = factor(row.growth, row.latency_spread);
  prior.ring_bandwidth = factor(row.ring, row.bandwidth_spread);
  prior.tree_bandwidth = factor(row.tree, row.bandwidth_spread);
  prior.ll_bandwidth = factor(row.ll_bandwidth, row.latency_spread);
  prior.one_way_bandwidth = factor(row.one_way, row.bandwidth_spread);
  prior.tree_nic_share = factor(row.tree_nic_share, row.bandwidth_spread);
  // Read off single logs, or taken from fabrics that look alike: wider than what was fitted.
  const Provenance read = row.point_to_point_logs ? Provenance::measured : Provenance::assumed;
  const double spread = (row.point_to_point_logs ? 1.5 : 3.0) * row.bandwidth_spread;
  prior.all_to_all = Constant<double>(row.all_to_all, read, spread, row.source);
  prior.pair = Constant<double>(row.pair, read, spread, row.source);
  prior.per_peer = Constant<Seconds>(Seconds{row.per_peer_us * 1e-6}, Provenance::assumed, 0.6,
                                     "the smallest all_to_all of single logs over its peers");
  return prior;
}

}  // namespace

const Constant<double>& FabricPrior::latency(Protocol protocol) const {
  if (protocol == Protocol::ll) return ll_latency;
  return protocol == Protocol::ll128 ? ll128_latency : simple_latency;
}

const FabricPrior& fabric_prior(FabricKind kind) {
  static const std::array<FabricPrior, rows.size()> priors = [] {
    std::array<FabricPrior, rows.size()> made;
    for (const Row& row : rows) made[static_cast<std::size_t>(row.kind)] = prior_of(row);
    return made;
  }();
  return priors[static_cast<std::size_t>(kind)];
}

FabricKind fabric_kind(const System& system, bool several_nodes, bool nvlink) {
  const int capability = compute_capability(system.gpu);
  if (several_nodes) {
    switch (system.network) {
      case Network::infiniband:
        return FabricKind::infiniband;
      case Network::roce:
        return FabricKind::roce;
      case Network::efa:
        return capability >= 90 ? FabricKind::efa : FabricKind::efa_before_hopper;
      case Network::tcpx:
        return FabricKind::tcpx;
      case Network::tcpxo:
        return FabricKind::tcpxo;
      case Network::slingshot:
        return FabricKind::slingshot;
      case Network::ethernet:
      case Network::none:
        return FabricKind::ethernet;
    }
  }
  if (!nvlink) return system.peer_to_peer ? FabricKind::pcie : FabricKind::host_memory;
  if (capability >= 100) return FabricKind::nvlink_blackwell;
  return capability >= 90 ? FabricKind::nvlink_hopper : FabricKind::nvlink_before_hopper;
}

const Constant<double>& ring_through_node() {
  static const Constant<double> share(
      0.92, Provenance::fitted, 0.04,
      "all-gather on 2 nodes of H200 (329 GB/s) and 10 of H100 (324) against 360 in a node");
  return share;
}

}  // namespace lockstep::nccl
