// From a group to what every algorithm and protocol would cost it: NCCL's latency L and bandwidth
// B, and those of the fabric.
//
//   latency   k * g * L
//   bandwidth min( b B, b W f, cap )
//   k, g, b  the fabric's factor for the protocol, (nodes/2)^growth, its share (fabric_priors.hpp)
//   W        what the NICs allow the algorithm
//   f        the part of the NICs that the group gets: alive / (siblings * its own), times
//            min(1, domains/leaves * uplinks/downlinks) where it leaves a leaf
//   all of them times the Conditions of the calls: a domain's where the group stays on one node or
//   the cap is inside it, the network's else
//   cap      ring, Simple, several ranks per node: ring_through_node * a ring inside the node;
//            trees beyond two nodes: tree_nic_share of the NICs
// Source: fabric_priors.cpp; NCCL_ALGO and NCCL_PROTO as tuning.cc:43-52.
#include <algorithm>
#include <cmath>

#include "topology/collectives/calibration.hpp"
#include "topology/collectives/imported.hpp"
#include "topology/collectives/nccl_model.hpp"
#include "topology/collectives/nccl_point_to_point.hpp"

namespace lockstep::nccl {
namespace {

constexpr double micro = 1e-6;

constexpr std::array<Collective, 5> tuned = {Collective::all_reduce, Collective::all_gather,
                                             Collective::reduce_scatter, Collective::broadcast,
                                             Collective::reduce};

// The part of the group's NICs that it gets, and what takes the rest.
struct NetworkPart {
  double share = 1.0;
  double of_nics = 1.0;  // without what the switches above the NICs take off
  const char* name = "NIC";
};

NetworkPart network_part(const Cluster& cluster, const Routes& routes, const GroupShape& shape,
                         const NodeView& view) {
  NetworkPart part;
  if (view.nodes < 2 || view.nics == 0) return part;
  const double nodes_of_domain = std::max(1.0, nodes_per_domain(cluster.system));
  const double all = routes.node_network * nodes_of_domain / 1_GBps;
  const auto siblings = static_cast<double>(std::max<std::int64_t>(1, shape.sibling_groups));
  part.share = std::min(1.0, all / (siblings * static_cast<double>(view.nics) * view.nic));
  // One rank a node, and one on every GPU: each has what its GPU gets of the NICs beside it.
  const double gpus = static_cast<double>(cluster.system.gpus_per_node) * nodes_of_domain;
  if (view.ranks == 1 && siblings >= gpus)
    part.share = std::min(
        part.share, routes.gpu_network / 1_GBps / (static_cast<double>(view.nics) * view.nic));
  part.of_nics = part.share;
  double least = 1.0;
  const auto narrowed = [&](std::int64_t switches, double share, const char* name) {
    const double leaving =
        static_cast<double>(shape.domains) / static_cast<double>(switches) * share;
    if (switches < 2 || leaving >= least) return;
    least = leaving;
    part.name = name;
  };
  narrowed(shape.leaves, routes.uplink_share, "leaf uplinks");
  narrowed(shape.pods, routes.core_share, "spine uplinks");
  part.share *= least;
  return part;
}

// Why LL128 is off. Its 128-byte stores must arrive whole: NVLink in the node, and a NIC at most a
// PCIe switch away.
const char* ll128_off(const Tuning& tuning) {
  const bool inside = tuning.view.ranks < 2 || tuning.view.path_inside <= PathType::nvlink;
  if (!inside) return "LL128 needs NVLink inside the node";
  const PathType farthest =
      tuning.view.compute_capability >= 90 ? PathType::peer_nic : PathType::pcie_switch;
  if (!tuning.one_node() && tuning.view.path_across > farthest)
    return "LL128 needs GPUs beside their NICs";
  return nullptr;
}

const char* inside_name(const NodeView& view, Algorithm algorithm) {
  if (!view.nvlink) return view.path_inside == PathType::host_bridge ? "host memory" : "PCIe";
  return algorithm == Algorithm::nvls || algorithm == Algorithm::nvls_tree ? "NVSwitch" : "NVLink";
}

bool ring_like(Algorithm algorithm) {
  return algorithm == Algorithm::ring || algorithm == Algorithm::pat;
}

class Preparation {
 public:
  Preparation(const Cluster& cluster, const Routes& routes, const GroupShape& shape,
              const Conditions& conditions)
      : system_(cluster.system),
        shape_(shape),
        tuning_(tuning_of(cluster, routes, shape)),
        network_(network_part(cluster, routes, shape, tuning_.view)),
        prior_(fabric_prior(fabric_kind(system_, tuning_.view.nodes > 1, tuning_.view.nvlink))),
        inside_prior_(fabric_prior(fabric_kind(system_, false, tuning_.view.nvlink))) {
    NodeView alone = tuning_.view;
    alone.nodes = 1;
    if (tuning_.view.nodes > 1 && alone.ranks > 1) {
      const Graph ring_inside = nccl::graphs(alone).ring;
      through_node_ = static_cast<double>(ring_inside.channels) * ring_inside.inside;
    }
    growth_ =
        tuning_.view.nodes > 2 ? std::pow(tuning_.nodes() / 2.0, *prior_.latency_growth) : 1.0;
    const bool across = tuning_.view.nodes > 1;
    latency_ = across ? conditions.network_latency : conditions.link_latency;
    link_share_ = conditions.link_share;
    network_share_ = conditions.network_share /
                     (1.0 + conditions.network_decay * std::log2(std::max(1.0, tuning_.nodes())));
  }

  NcclGroup group(const Routes& routes) const {
    NcclGroup result;
    result.ranks = tuning_.ranks;
    result.graphs = tuning_.graphs;
    result.fabric = prior_.kind;
    result.floor = latency_ * prior_.floor.value / micro;
    result.latency_spread = prior_.simple_latency.spread;
    result.bandwidth_spread = prior_.ring_bandwidth.spread;
    for (std::size_t i = 0; i < tuned.size(); ++i) fill(result.offers[i], tuned[i]);
    const PointToPointLinks links = point_to_point(routes);
    result.all_to_all = all_to_all_cost(links);
    result.send_recv = send_recv_cost(links);
    return result;
  }

 private:
  static Tuning tuning_of(const Cluster& cluster, const Routes& routes, const GroupShape& shape) {
    Tuning tuning;
    tuning.constants = &constants(cluster.system.nccl_version);
    tuning.view = node_view(cluster, routes, shape);
    tuning.graphs = graphs_of(cluster, tuning.view);
    tuning.ranks = shape.ranks;
    tuning.cpu = cluster.system.cpu_vendor;
    tuning.in_network_reduction = cluster.system.in_network_reduction;
    tuning.version = cluster.system.nccl_version;
    return tuning;
  }

  void fill(std::vector<Offer>& offers, Collective collective) const {
    offers.reserve(methods().size() * protocol_count);
    for (const Method* method : methods()) {
      for (const Protocol protocol : {Protocol::ll, Protocol::ll128, Protocol::simple})
        offers.push_back(offer(*method, collective, protocol));
    }
    forbid_others(offers);
  }

  // NCCL_ALGO and NCCL_PROTO, where they leave something.
  void forbid_others(std::vector<Offer>& offers) const {
    const auto algorithm_fits = [&](const Offer& offer) {
      return asked() == nullptr || offer.method == asked();
    };
    const auto protocol_fits = [&](const Offer& offer) {
      return system_.nccl_protocol == NcclProtocolSetting::automatic ||
             static_cast<int>(system_.nccl_protocol) == static_cast<int>(offer.protocol) + 1;
    };
    forbid(offers, algorithm_fits, "NCCL_ALGO names another");
    forbid(offers, protocol_fits, "NCCL_PROTO names another");
  }

  template <class Fits>
  static void forbid(std::vector<Offer>& offers, Fits fits, const char* why) {
    const bool any = std::any_of(offers.begin(), offers.end(),
                                 [&](const Offer& o) { return o.off == nullptr && fits(o); });
    if (!any) return;
    for (Offer& offer : offers) {
      if (offer.off == nullptr && !fits(offer)) offer.off = why;
    }
  }

  // What nccl_algorithm names; null for `automatic`.
  [[nodiscard]] const Method* asked() const {
    const auto setting = static_cast<std::size_t>(system_.nccl_algorithm);
    return setting == 0 ? nullptr : methods()[setting - 1];
  }

  Offer offer(const Method& method, Collective collective, Protocol protocol) const {
    Offer offer;
    offer.method = &method;
    offer.algorithm = method.algorithm;
    offer.protocol = protocol;
    offer.off = method.on_request && asked() != &method
                    ? "only where nccl_algorithm names it"
                    : method.off(tuning_, collective, protocol);
    if (offer.off == nullptr && protocol == Protocol::ll128) offer.off = ll128_off(tuning_);
    if (offer.off != nullptr) return offer;
    const Rating rating = method.rate(tuning_, collective, protocol);
    offer.latency = rating.latency;
    offer.bandwidth = rating.bandwidth;
    offer.corrected = method.algorithm == Algorithm::tree;
    if (method.algorithm == Algorithm::ring && protocol == Protocol::simple &&
        collective == Collective::all_reduce && !tuning_.one_node()) {
      offer.plateau_from =
          plateau_bytes * static_cast<double>(tuning_.graphs.ring.channels) * tuning_.n();
      offer.plateau =
          tuning_.view.compute_capability < 80 ? plateau_before_ampere : plateau_since_ampere;
    }
    correct(offer, rating, collective);
    return offer;
  }

  // From NCCL's model to this fabric.
  void correct(Offer& offer, const Rating& rating, Collective collective) const {
    const bool one_way = collective == Collective::broadcast || collective == Collective::reduce;
    double share = ring_like(offer.algorithm) ? *prior_.ring_bandwidth : *prior_.tree_bandwidth;
    if (one_way) share = *prior_.one_way_bandwidth;
    if (offer.protocol == Protocol::ll) share *= *prior_.ll_bandwidth;
    // No faster than the same ring on one node.
    const double through_node =
        link_share_ * through_node_ *
        std::min(share * *ring_through_node(), *inside_prior_.ring_bandwidth);
    share *= tuning_.one_node() ? link_share_ : network_share_;
    offer.real_latency = latency_ * *prior_.latency(offer.protocol) * growth_ * rating.latency;
    offer.real_bandwidth = share * rating.bandwidth;
    offer.resource = tuning_.one_node() || rating.wire > near_wire * rating.bandwidth
                         ? inside_name(tuning_.view, offer.algorithm)
                         : "NIC";
    const auto at_most = [&](double bandwidth, const char* resource) {
      if (bandwidth >= offer.real_bandwidth) return;
      offer.real_bandwidth = bandwidth;
      offer.resource = resource;
    };
    if (tuning_.one_node()) return;
    at_most(share * rating.wire * network_.share, network_.name);
    if (offer.algorithm == Algorithm::ring && offer.protocol == Protocol::simple &&
        through_node > 0.0)
      at_most(through_node * tuning_.n() / ring_steps(collective, tuning_.ranks),
              inside_name(tuning_.view, offer.algorithm));
    if (offer.algorithm == Algorithm::tree && offer.protocol != Protocol::ll &&
        tuning_.view.nodes > 2 && std::isfinite(*prior_.tree_nic_share))
      at_most(network_share_ * *prior_.tree_nic_share * static_cast<double>(tuning_.view.nics) *
                  tuning_.view.nic * network_.share,
              "NIC");
  }

  PointToPointLinks point_to_point(const Routes& routes) const {
    const NodeView& view = tuning_.view;
    PointToPointLinks links;
    links.ranks = tuning_.ranks;
    links.ranks_on_node = view.ranks;
    links.nodes = view.nodes;
    links.inside = link_share_ * view.link;
    const double of_group = routes.link(view.ranks).value();
    links.pair = view.nvlink && of_group > 0.0
                     ? links.inside * std::min(1.0, routes.link(2).value() / of_group)
                     : links.inside;
    links.across = network_share_ * static_cast<double>(view.nics) * view.nic * network_.share;
    links.inside_name = inside_name(view, Algorithm::ring);
    links.across_name = network_.name;
    links.nics = network_share_ * static_cast<double>(view.nics) * view.nic * network_.of_nics;
    links.leaves = {shape_.leaves, routes.uplink_share};
    links.pods = {shape_.pods, routes.core_share};
    links.floor = latency_ * prior_.floor.value / micro;
    links.per_peer = latency_ * prior_.per_peer.value / micro;
    links.inside_prior = &inside_prior_;
    links.across_prior = &prior_;
    return links;
  }

  static constexpr double plateau_bytes = 64.0;
  static constexpr double plateau_since_ampere = 1.4;
  static constexpr double plateau_before_ampere = 1.9;
  static constexpr double near_wire =
      1.15;  // a bandwidth within this of what the NICs carry is the NICs'

  const System& system_;
  const GroupShape& shape_;
  Tuning tuning_;
  NetworkPart network_;
  const FabricPrior& prior_;
  const FabricPrior& inside_prior_;
  double through_node_ = 0.0;  // GB/s on the bus of a ring inside one node, NCCL's
  double growth_ = 1.0;
  double latency_ = 1.0;  // Conditions, for this group
  double link_share_ = 1.0;
  double network_share_ = 1.0;
};

}  // namespace

Conditions in_training_step(const System& system) {
  return {*system.link_share, *system.link_latency, *system.network_share, *system.network_latency,
          *system.network_decay};
}

NcclGroup prepare(const Cluster& cluster, const Routes& routes, const GroupShape& shape,
                  const Conditions& conditions) {
  if (shape.ranks < 2) return {};
  NcclGroup group = Preparation(cluster, routes, shape, conditions).group(routes);
  group.graph_source = graph_source(cluster, node_view(cluster, routes, shape));
  if (cluster.calibrations && cluster.calibrations->system().name == cluster.system.name) {
    // What was measured are nccl-tests' conditions.
    NcclGroup tests = Preparation(cluster, routes, shape, {}).group(routes);
    cluster.calibrations->apply(shape, tests);
    group.calibrated = std::move(tests.calibrated);
    tests.calibrated = {};
    group.tests = std::make_shared<const NcclGroup>(std::move(tests));
  }
  return group;
}

}  // namespace lockstep::nccl
