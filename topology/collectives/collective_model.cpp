// The collective model: from the cluster's routes to what one group may use, and the fastest
// algorithm on it.
#include "topology/collectives/collective_model.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "topology/collectives/algorithms.hpp"

namespace lockstep {
namespace collectives {
namespace {

// Share of the wire that one pair of GPUs, or one GPU to all others, reaches in large
// point-to-point messages. Source: nccl-tests on 8 H100 of 450 GB/s: send/recv 367, all-to-all 348
// GB/s.
constexpr double point_to_point_efficiency = 0.8;

// The catalog states network_latency for collectives over so many domains, about the middle of the
// runs that it was fitted on; per doubling that is a quarter of it (50 us: 12.5 us, and Alps
// measures 12 us).
constexpr std::int64_t network_latency_domains = 16;

constexpr std::array<const Algorithm*, 3> table{&ring, &hierarchical, &direct};

}  // namespace

std::span<const Algorithm* const> algorithms() {
  return table;
}

double doublings(std::int64_t domains) {
  return domains > 1 ? std::log2(static_cast<double>(domains)) : 0.0;
}

Limit past_leaf(const GroupLinks& links, const GroupShape& shape, Limit cross) {
  const double share = links.domains_per_leaf * links.uplink_share;
  if (shape.leaves < 2 || share >= 1.0) return cross;
  return {cross.bandwidth * share, "leaf uplinks"};
}

// Inside a domain, over r ranks:
//   bus         collective_bandwidth * min(1, link(r) / link_bandwidth)
//               What NCCL was measured to reach over all links; less where the ranks own fewer of
//               them (a mesh) or a link is slower in the graph.
//   all_pairs   min(point_to_point_efficiency * link(r), bus)
//   pair        the same for two ranks
// Out of a domain of D GPUs whose NICs carry `total` after nic_efficiency:
//   cross       min(total / sibling_groups, r * max(nic, total / D)) * decay
//   decay       1 / (1 + network_decay * log2(domains))
//               A group shares the NICs with its siblings, and no rank drives more than its own
//               NICs: one rank per domain has one NIC, however many are idle (PXN in NCCL takes
//               the NIC of a peer in the same group only).
//   cross_pair  min(total / sibling_groups, max(nic, total / D)); no decay, neighbours talk alone
//   cross_latency  network_latency / log2(16)
// Source: NCCL's ring and NIC choice (src/graph/search.cc, paths.cc); decay from a fit to published
// training runs of 2 to 64 nodes (0.08 to 0.09).
// Where a node holds several domains and the group stays in it, PCIe takes the place of the NICs.
// r out of a domain is the group's mean, exact where all domains hold the same number of ranks.
// Ignores: other traffic of the same step on the same NICs.
GroupLinks group_links(const Cluster& cluster, const Routes& routes, const GroupShape& shape) {
  const System& system = cluster.system;
  const auto siblings = static_cast<double>(std::max<std::int64_t>(1, shape.sibling_groups));
  const double ranks = static_cast<double>(shape.ranks) /
                       static_cast<double>(std::max<std::int64_t>(1, shape.domains));
  const auto domain_gpus = static_cast<double>(system.gpus_per_nvlink_domain);

  const auto bus_over = [&](std::int64_t group) {
    const double intact =
        system.link_bandwidth.value > 0.0 ? routes.link(group) / *system.link_bandwidth : 1.0;
    return *system.collective_bandwidth * std::min(1.0, intact);
  };
  const char* inside = routes.in_domain_bottleneck == "PCIe" ? "PCIe" : "NVLink";
  const auto point_to_point = [&](std::int64_t group) {
    return Limit{std::min(routes.link(group) * point_to_point_efficiency, bus_over(group)), inside};
  };

  GroupLinks links;
  links.bus = {bus_over(shape.ranks_per_domain), inside};
  links.pair = point_to_point(2);
  links.all_pairs = point_to_point(shape.ranks_per_domain);
  links.in_domain_latency = *system.link_latency;
  links.step_inside = *system.link_step_latency;
  links.step_across = *system.network_step_latency;

  const double nodes_in_domain = nodes_per_domain(system);
  if (nodes_in_domain < 1.0 && shape.nodes == 1) {
    const BytesPerSecond lanes = *system.pcie_bandwidth;
    links.cross = {std::min(lanes * domain_gpus / siblings, lanes * ranks), "PCIe"};
    links.cross_pair = {std::min(lanes * domain_gpus / siblings, lanes), "PCIe"};
    return links;
  }
  const char* network = routes.network_bottleneck == "PCIe" ? "PCIe" : "NIC";
  const double reached = *system.nic_efficiency;
  const BytesPerSecond total = routes.node_network * nodes_in_domain * reached;
  const BytesPerSecond per_gpu = std::max(std::min(routes.nic * reached, total), total / domain_gpus);
  const double decay = 1.0 / (1.0 + system.network_decay.value * doublings(shape.domains));
  links.cross = {std::min(total / siblings, per_gpu * ranks) * decay, network};
  links.cross_pair = {std::min(total / siblings, per_gpu), network};
  links.cross_latency = *system.network_latency / doublings(network_latency_domains);
  links.uplink_share = routes.uplink_share;
  links.domains_per_leaf = static_cast<double>(shape.domains) /
                           static_cast<double>(std::max<std::int64_t>(1, shape.leaves));
  return links;
}

}  // namespace collectives

const char* to_string(Collective collective) {
  switch (collective) {
    case Collective::all_reduce:
      return "all_reduce";
    case Collective::all_gather:
      return "all_gather";
    case Collective::reduce_scatter:
      return "reduce_scatter";
    case Collective::broadcast:
      return "broadcast";
    case Collective::reduce:
      return "reduce";
    case Collective::all_to_all:
      return "all_to_all";
    case Collective::send_recv:
      return "send_recv";
  }
  return "";
}

double bus_factor(Collective collective, std::int64_t ranks) {
  if (ranks < 2) return 0.0;
  const auto n = static_cast<double>(ranks);
  switch (collective) {
    case Collective::all_reduce:
      return 2.0 * (n - 1.0) / n;
    case Collective::all_gather:
    case Collective::reduce_scatter:
    case Collective::all_to_all:
      return (n - 1.0) / n;
    case Collective::broadcast:
    case Collective::reduce:
    case Collective::send_recv:
      return 1.0;
  }
  return 0.0;
}

CollectiveCost collective_cost(const Cluster& cluster, const Routes& routes,
                               const GroupShape& shape, Collective collective, Bytes bytes) {
  CollectiveCost best;
  if (shape.ranks < 2 || bytes.value() <= 0.0) return best;

  const collectives::GroupLinks links = collectives::group_links(cluster, routes, shape);
  for (const collectives::Algorithm* algorithm : collectives::algorithms()) {
    const std::optional<collectives::Estimate> estimate =
        algorithm->estimate(links, shape, collective);
    if (!estimate) continue;
    const Seconds time = estimate->latency + Seconds{bytes.value() * estimate->seconds_per_byte};
    if (!best.algorithm.empty() && time >= best.time) continue;
    best.time = time;
    best.latency = estimate->latency;
    best.bus_bandwidth = BusBandwidth{
        BytesPerSecond{bus_factor(collective, shape.ranks) / estimate->seconds_per_byte}};
    best.algorithm = algorithm->name;
    best.bottleneck = estimate->bottleneck;
  }
  return best;
}

CollectiveCost collective_cost(const Cluster& cluster, const GroupShape& shape,
                               Collective collective, Bytes bytes) {
  if (shape.ranks < 2 || bytes.value() <= 0.0) return {};
  return collective_cost(cluster, routes(cluster), shape, collective, bytes);
}

}  // namespace lockstep
