// NCCL's search for channels (src/graph/search.cc of 2.30), carried out on a node in which every
// GPU has the same links.
//
// The search tries a falling list of speeds s and takes as many channels c as fit, until c*s
// reaches what a GPU has (total); the best is the largest c*s. What fits, for g ranks of a node
// with `link` GB/s each:
//   ring on one node     c s <= link                    every GPU receives and sends each channel
//   tree on one node     c s <= link * g/(g-1)          a chain has one link less than GPUs; c is
//   the ring's ring between nodes   c s <= link * g/(g-1), floor(nic/s) channels for each of the
//   group's NICs tree between nodes   c and `across` are the ring's; `inside` is raised to at most
//   2 * across, as link allows NVLS                 one channel for each of h head GPUs, (h+1) s <=
//   link: a head's own link carries its
//                        channel twice; `across` is then raised to at most 2 * inside
// The ring's channels are doubled, and halved in speed, where s >= 25, unless (capability > 80, s <
// 50, c > 4). Sources: speed arrays search.cc:1051-1065; passes 1 and 2, duplication :1036;
// bandwidth of links topo.h:17-35. Holds where GPUs and NICs lie symmetrically. Ignores: paths that
// some GPUs of a node share (sockets), the search's time-out, NICs that a group reaches only
// through a peer without one (PXN).
#include "topology/collectives/channels.hpp"

#include <algorithm>
#include <cmath>
#include <span>

#include "topology/collectives/imported.hpp"

namespace lockstep::nccl {
namespace {

constexpr double pre_hopper_inside[] = {40, 30, 20, 18, 15, 12, 10, 9, 7, 6, 5, 4, 3};
constexpr double pre_hopper_across[] = {48, 30, 28, 24, 20, 18,  15,  12,  10, 9,
                                        7,  6,  5,  4,  3,  2.4, 1.2, .24, .12};
constexpr double hopper_inside[] = {60, 50, 40, 30, 24, 20, 15, 12, 11, 6, 3};
constexpr double hopper_across[] = {48, 45, 42, 40, 30,  24,  22,  20, 17.5,
                                    15, 12, 6,  3,  2.4, 1.2, .24, .12};
constexpr double blackwell_inside[] = {90, 80, 70, 60, 50, 45, 40, 30, 24, 20, 19, 18};
constexpr double blackwell_across[] = {96, 86,   80, 48, 45.1, 42, 40,  30,  24,  22,
                                       20, 17.5, 15, 12, 6,    3,  2.4, 1.2, .24, .12};

constexpr std::int64_t most_channels = 32;
constexpr double next_over_found =
    0.49;  // the search stops where the next speed is below this share of the found
constexpr double duplicated_from = 25.0;  // GB/s
constexpr double rounding = 1e-9;         // 240/20 is 12 channels
constexpr double fallback_speed = 0.1;    // GB/s; search.cc, "falling back to simple order"

// GB/s of one NVLink, per direction. Source: topo.h.
double nvlink_bandwidth(int capability) {
  if (capability >= 100) return 40.1;
  return capability >= 90 ? 20.6 : 20.0;
}

// GB/s on the wire of one NVLink, per direction: generations 2 to 4, and 5.
double nvlink_wire(int capability) {
  return capability >= 100 ? 50.0 : 25.0;
}

// x16 of the generation: width * speed / 80 with speed 60 for gen3. Source: topo.cc:545-657.
double pcie_bandwidth(std::int64_t generation) {
  return 12.0 * std::ldexp(1.0, static_cast<int>(std::clamp<std::int64_t>(generation, 1, 7)) - 3);
}

std::int64_t pcie_generation(const System& system, int capability) {
  if (system.pcie_generation > 0) return system.pcie_generation;
  if (capability >= 90) return 5;
  return capability >= 80 ? 4 : 3;
}

std::span<const double> speeds(int capability, bool one_node) {
  if (capability >= 100)
    return one_node ? std::span<const double>{blackwell_inside}
                    : std::span<const double>{blackwell_across};
  if (capability >= 90)
    return one_node ? std::span<const double>{hopper_inside}
                    : std::span<const double>{hopper_across};
  return one_node ? std::span<const double>{pre_hopper_inside}
                  : std::span<const double>{pre_hopper_across};
}

// Channels of one speed; more than `most_channels` make no difference.
std::int64_t whole(double ratio) {
  return static_cast<std::int64_t>(
      std::floor(std::min(ratio, static_cast<double>(most_channels)) + rounding));
}

// What a chain through g GPUs may take of a GPU's link: g/(g-1) of it.
double chain_link(const NodeView& view) {
  const auto g = static_cast<double>(view.ranks);
  return view.ranks > 1 ? view.link * g / (g - 1.0) : view.link;
}

// Pass 1 for the ring.
Graph search_ring(const NodeView& view) {
  const bool one_node = view.nodes < 2;
  const double fastest = one_node ? view.link : view.nic;
  const double total = view.ranks > 1 ? view.link : view.nic;
  Graph best;
  for (const double speed : speeds(view.compute_capability, one_node)) {
    if (speed > fastest + rounding) continue;
    if (best.channels > 0 && speed / best.inside <= next_over_found) break;
    std::int64_t channels =
        one_node ? whole(view.link / speed) : view.nics * whole(view.nic / speed);
    if (!one_node && view.ranks > 1) channels = std::min(channels, whole(chain_link(view) / speed));
    channels = std::min(channels, most_channels);
    const double sum = static_cast<double>(channels) * speed;
    if (sum > static_cast<double>(best.channels) * best.inside) best = {channels, speed, speed};
    if (sum >= total) break;
  }
  // Slower than the slowest of the list: NCCL falls back to one channel in simple order.
  if (best.channels == 0 && fastest > 0.0) {
    const double speed = std::min(fallback_speed, fastest);
    best = {1, speed, speed};
  }
  const bool kept = view.compute_capability > 80 && best.inside < 50.0 && best.channels > 4;
  if (best.inside >= duplicated_from && !kept && 2 * best.channels <= most_channels)
    best = {2 * best.channels, best.inside / 2.0, best.across / 2.0};
  return best;
}

// The tree has the ring's channels. On one node the fastest speed at which they fit; between nodes
// pass 2.
Graph search_tree(const NodeView& view, const Graph& ring) {
  Graph tree = ring;
  if (ring.channels == 0) return tree;
  const bool one_node = view.nodes < 2;
  const std::span<const double> list = speeds(view.compute_capability, one_node);
  const auto fits = [&](double speed) {
    return (view.ranks < 2 && !one_node) ||
           static_cast<double>(ring.channels) * speed <= chain_link(view) + rounding;
  };
  const double most = one_node ? list.front() : 2.0 * ring.across;
  for (const double speed : list) {
    if (speed > most || !fits(speed)) continue;
    if (speed > tree.inside) tree.inside = speed;
    break;
  }
  if (one_node) tree.across = tree.inside;
  return tree;
}

Graph search_nvls(const NodeView& view) {
  if (!view.nvswitch || view.compute_capability < 90 || view.ranks < 2) return {};
  const bool one_node = view.nodes < 2;
  const std::int64_t heads =
      std::min({view.ranks, most_channels, one_node ? view.ranks : view.nics});
  const std::span<const double> list = speeds(view.compute_capability, one_node);
  const double ceiling = one_node ? list.front() : view.nic;
  for (const double speed : list) {
    if (speed > ceiling + rounding || static_cast<double>(heads + 1) * speed > view.link + rounding)
      continue;
    Graph nvls{heads, speed, speed};
    for (const double across : list) {
      if (across > ceiling + rounding || across > 2.0 * speed) continue;
      nvls.across = std::max(across, speed);
      break;
    }
    return nvls;
  }
  return {};
}

// The GPUs of a group that share a node, and what lies between them.
void view_inside(NodeView& view, const Cluster& cluster, const Routes& routes, bool one_domain) {
  const System& system = cluster.system;
  view.pcie = pcie_bandwidth(pcie_generation(system, view.compute_capability));
  const bool linked =
      one_domain && std::max<std::int64_t>(2, view.ranks) <= routes.nvlink_ranks;
  view.nvlink = linked;
  view.nvswitch = linked && system.intra_node == IntraNode::nvswitch;
  if (view.ranks < 2) return;
  if (!linked) {
    // What a failure leaves of the slots; in another domain's slots none is looked for.
    const BytesPerSecond slots =
        system.intra_node == IntraNode::pcie ? *system.link_bandwidth : *system.pcie_bandwidth;
    const bool known = one_domain && slots > BytesPerSecond{};
    view.link = view.pcie * (known ? std::min(1.0, routes.link(view.ranks) / slots) : 1.0);
    view.path_inside = system.peer_to_peer ? PathType::pcie_switch : PathType::host_bridge;
    return;
  }
  const double intact = routes.link(view.ranks) / *system.link_bandwidth;
  const double links = *system.link_bandwidth / 1_GBps / nvlink_wire(view.compute_capability);
  view.link = links * nvlink_bandwidth(view.compute_capability) * std::min(1.0, intact);
  view.path_inside = PathType::nvlink;
}

PathType path_type(PathKind kind) {
  if (kind == PathKind::phb) return PathType::host_bridge;
  return kind == PathKind::sys ? PathType::socket : PathType::pcie_switch;
}

// aws-ofi-nccl shows the NICs of one GPU as one; other plugins show each.
void view_network(NodeView& view, const Cluster& cluster, const Routes& routes,
                  double node_of_domain, std::int64_t siblings) {
  const System& system = cluster.system;
  const double nominal = *system.nic_bandwidth / 1_GBps;
  const double alive = routes.nic > BytesPerSecond{} ? routes.node_network / routes.nic : 0.0;
  double nics = std::round(alive * node_of_domain);
  double rate = nominal * std::min(1.0, routes.nic / *system.nic_bandwidth);
  const double gpus = static_cast<double>(system.gpus_per_node) * node_of_domain;
  if (system.network == Network::efa && nics > gpus) {
    rate *= nics / gpus;
    nics = gpus;
  }
  view.nics = static_cast<std::int64_t>(
      std::ceil(nics * std::min(1.0, static_cast<double>(view.ranks) / gpus) - rounding));
  view.nic = std::min(rate, view.pcie);
  // One rank a node, and one on every GPU: the GPU that is farthest from a NIC sets the path.
  const bool alone =
      view.ranks == 1 && static_cast<double>(siblings) >= gpus && gpus > 1.0;
  const PathKind path = alone ? routes.farthest_nic_path : routes.nic_path;
  const bool staged = system.network == Network::ethernet || system.network == Network::none ||
                      (system.network == Network::efa && view.compute_capability < 80);
  view.path_across = staged ? PathType::socket : path_type(path);
}

}  // namespace

NodeView node_view(const Cluster& cluster, const Routes& routes, const GroupShape& shape) {
  NodeView view;
  view.compute_capability = compute_capability(cluster.system.gpu);
  const double nodes_of_domain = nodes_per_domain(cluster.system);
  const bool many_domains_in_node = nodes_of_domain < 1.0;
  view.nodes = std::max<std::int64_t>(1, many_domains_in_node ? shape.nodes : shape.domains);
  view.ranks = shape.ranks_per_domain;
  if (many_domains_in_node) view.ranks = (shape.ranks + view.nodes - 1) / view.nodes;
  view_inside(view, cluster, routes, view.ranks <= shape.ranks_per_domain);
  if (view.nodes > 1)
    view_network(view, cluster, routes, std::max(1.0, nodes_of_domain), shape.sibling_groups);
  apply_imported(cluster, routes, view);
  return view;
}

Graphs graphs(const NodeView& view) {
  Graphs result;
  result.path_inside = view.path_inside;
  result.path_across = view.path_across;
  result.ring = search_ring(view);
  result.ring.same_channels = view.nodes < 2;
  result.tree = search_tree(view, result.ring);
  result.nvls = search_nvls(view);
  if (view.nodes > 1) result.collnet_chain = result.collnet_direct = result.ring;
  return result;
}

}  // namespace lockstep::nccl
