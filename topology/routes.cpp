// Reads one pass over the links of the graph: every bandwidth that a collective is given.
#include "topology/routes.hpp"

#include <algorithm>
#include <limits>

#include "topology/cluster_shape.hpp"
#include "topology/domain_links.hpp"
#include "topology/graph.hpp"
#include "topology/host_paths.hpp"

namespace lockstep {
namespace {

using PartNumbers = std::vector<std::size_t>;
constexpr BytesPerSecond unlimited{std::numeric_limits<double>::infinity()};

// "node3.nic2 is down", "node3.nic2 is down and 2 more"; "" for none.
template <class Concerned>
std::string causes(const ClusterGraph& graph, Concerned concerned) {
  std::vector<std::int64_t> numbers;
  std::string text;
  for (const PartLink& link : graph.part_links()) {
    if (link.cause < 0 || !concerned(link)) continue;
    if (std::find(numbers.begin(), numbers.end(), link.cause) != numbers.end()) continue;
    if (numbers.empty()) text = graph.cause(link);
    numbers.push_back(link.cause);
  }
  if (numbers.size() > 1) text += " and " + std::to_string(numbers.size() - 1) + " more";
  return text;
}

// What one node sends and receives over the network.
struct NodeNetwork {
  std::int64_t node = 0;
  std::int64_t domain = 0;
  BytesPerSecond total;               // all NICs, no more than the GPUs' slots pass on
  BytesPerSecond wires;               // all NICs, whatever their slots
  BytesPerSecond nic;                 // the widest NIC
  BytesPerSecond gpu = unlimited;     // the poorest GPU
  PathKind nearest = PathKind::dis;   // of all GPUs
  PathKind farthest = PathKind::loc;  // the nearest NIC of the GPU that is farthest from its own
  bool touched = false;               // by a failure of its own or of its leaves
  bool many = false;                  // stands for others
};

class Reader {
 public:
  Reader(const Cluster& cluster, const ClusterGraph& graph)
      : cluster_(cluster), graph_(graph), host_(graph), wire_(graph.parts().size()) {
    for (const PartLink& link : graph.part_links()) {
      if (link.kind == LinkKind::network) wire_[link.from] = link.bandwidth;
    }
  }

  Routes read() {
    read_domains();
    read_network();
    read_uplinks();
    if (graph_.shape().has_cores()) read_cores();
    return std::move(routes_);
  }

 private:
  [[nodiscard]] const Part& part(std::size_t number) const { return graph_.parts()[number]; }
  [[nodiscard]] std::int64_t domain_of_gpu(const Part& gpu) const {
    const System& system = cluster_.system;
    return (gpu.owner * system.gpus_per_node + gpu.index) /
           std::max<std::int64_t>(1, system.gpus_per_nvlink_domain);
  }

  // Domain by domain; GPUs are listed in order.
  void read_domains() {
    PartNumbers gpus;
    std::int64_t number = -1;
    bool first = true;
    const auto finish = [&] {
      if (gpus.empty()) return;
      add_domain(gpus, first);
      first = false;
      gpus.clear();
    };
    for (std::size_t i = 0; i < graph_.parts().size(); ++i) {
      if (part(i).kind != PartKind::gpu || part(i).failed) continue;
      if (domain_of_gpu(part(i)) != number) finish();
      number = domain_of_gpu(part(i));
      gpus.push_back(i);
    }
    finish();
    const auto groups = static_cast<std::int64_t>(routes_.in_domain.size()) + 1;
    routes_.in_domain_bottleneck = routes_.nvlink_ranks >= groups ? "NVLink" : "PCIe";
  }

  void add_domain(const PartNumbers& gpus, bool first) {
    const DomainLinks links = domain_links(cluster_.system.intra_node, graph_, host_, gpus);
    std::vector<BytesPerSecond>& all = routes_.in_domain;
    if (first) {
      all = links.offered;
      routes_.nvlink_ranks = links.nvlink_ranks;
    } else {
      merge(all, links.offered);
      routes_.nvlink_ranks = std::min(routes_.nvlink_ranks, links.nvlink_ranks);
    }
    if (!routes_.in_domain_narrowed_by.empty()) return;
    routes_.in_domain_narrowed_by = causes(graph_, [&](const PartLink& link) {
      const bool inside = link.kind == LinkKind::nvlink ||
                          (cluster_.system.intra_node == IntraNode::pcie &&
                           (link.kind == LinkKind::pcie || link.kind == LinkKind::socket));
      return inside && std::binary_search(gpus.begin(), gpus.end(), link.from);
    });
  }

  // The narrower of each; a shorter list goes on as it ends.
  static void merge(std::vector<BytesPerSecond>& all, const std::vector<BytesPerSecond>& more) {
    if (more.empty()) return;
    if (all.empty()) {
      all = more;
      return;
    }
    all.resize(std::max(all.size(), more.size()), all.back());
    for (std::size_t i = 0; i < all.size(); ++i)
      all[i] = std::min(all[i], more[std::min(i, more.size() - 1)]);
  }

  void read_network() {
    std::vector<NodeNetwork> nodes;
    PartNumbers gpus, nics;
    const auto finish = [&] {
      if (!gpus.empty()) nodes.push_back(node_network(gpus, nics));
      gpus.clear();
      nics.clear();
    };
    std::int64_t owner = -1;
    for (std::size_t i = 0; i < graph_.parts().size(); ++i) {
      const PartKind kind = part(i).kind;
      if (kind != PartKind::gpu && kind != PartKind::nic) continue;
      if (part(i).owner != owner) finish();
      owner = part(i).owner;
      if (!part(i).failed) (kind == PartKind::gpu ? gpus : nics).push_back(i);
    }
    finish();
    if (nodes.empty()) return;
    mark_touched(nodes);
    pick_domain(nodes);
  }

  void mark_touched(std::vector<NodeNetwork>& nodes) const {
    for (const PartLink& link : graph_.part_links()) {
      if (link.cause < 0 || !of_network(link)) continue;
      for (NodeNetwork& node : nodes) node.touched |= node.node == part(link.from).owner;
    }
  }
  [[nodiscard]] bool of_network(const PartLink& link) const {
    return link.kind == LinkKind::network || link.kind == LinkKind::pcie;
  }

  [[nodiscard]] NodeNetwork node_network(const PartNumbers& gpus, const PartNumbers& nics) const {
    NodeNetwork node;
    node.node = part(gpus.front()).owner;
    node.domain = domain_of(cluster_.system, node.node);
    node.many = part(gpus.front()).multiplicity > 1;
    BytesPerSecond slots, widest_slot, sum;
    for (const std::size_t gpu : gpus) {
      slots += host_.slot(gpu);
      widest_slot = std::max(widest_slot, host_.slot(gpu));
    }
    PartNumbers alive;
    for (const std::size_t nic : nics) {
      const BytesPerSecond carried = std::min(host_.slot(nic), wire_[nic]);
      node.wires += wire_[nic];
      sum += carried;
      node.nic = std::max(node.nic, std::min(carried, widest_slot));
      if (carried > BytesPerSecond{}) alive.push_back(nic);
    }
    node.total = std::min(sum, slots);
    share_nics(node, gpus, alive);
    return node;
  }

  // Each GPU takes the NICs nearest to it, in NCCL's order of paths; GPUs that have the same ones
  // share them evenly.
  void share_nics(NodeNetwork& node, const PartNumbers& gpus, const PartNumbers& nics) const {
    std::vector<PathKind> nearest(gpus.size(), PathKind::dis);
    std::vector<double> sharers(nics.size(), 0.0);
    std::vector<PathKind> kinds(gpus.size() * nics.size(), PathKind::dis);
    for (std::size_t g = 0; g < gpus.size(); ++g) {
      PathKind* of_gpu = kinds.data() + g * nics.size();
      for (std::size_t n = 0; n < nics.size(); ++n) {
        of_gpu[n] = host_.kind(gpus[g], nics[n]);
        nearest[g] = std::min(nearest[g], of_gpu[n]);
      }
      for (std::size_t n = 0; n < nics.size(); ++n)
        sharers[n] += of_gpu[n] == nearest[g] && of_gpu[n] != PathKind::dis ? 1.0 : 0.0;
      node.nearest = std::min(node.nearest, nearest[g]);
      node.farthest = std::max(node.farthest, nearest[g]);
    }
    for (std::size_t g = 0; g < gpus.size(); ++g) {
      BytesPerSecond rate;
      for (std::size_t n = 0; n < nics.size(); ++n) {
        if (kinds[g * nics.size() + n] != nearest[g] || nearest[g] == PathKind::dis) continue;
        rate += std::min(wire_[nics[n]], host_.bandwidth(gpus[g], nics[n])) / sharers[n];
      }
      node.gpu = std::min({node.gpu, rate, host_.slot(gpus[g])});
    }
  }

  // The domain whose NICs carry least. Of a domain of many nodes only some are listed: the others
  // are like one that no failure touches.
  void pick_domain(const std::vector<NodeNetwork>& nodes) {
    const NodeNetwork* intact = nullptr;
    for (const NodeNetwork& node : nodes) {
      if (!node.touched && (intact == nullptr || node.total > intact->total)) intact = &node;
    }
    const NodeNetwork* worst = nullptr;
    BytesPerSecond least = unlimited;
    std::int64_t worst_domain = 0;
    for (std::size_t i = 0; i < nodes.size(); ++i) {
      if (i > 0 && nodes[i].domain == nodes[i - 1].domain) continue;
      const NodeNetwork* of_domain = &nodes[i];
      const BytesPerSecond total = domain_network(nodes, i, intact, of_domain);
      routes_.gpu_network = i == 0 ? of_domain->gpu : std::min(routes_.gpu_network, of_domain->gpu);
      routes_.farthest_nic_path =
          i == 0 ? of_domain->farthest : std::max(routes_.farthest_nic_path, of_domain->farthest);
      if (worst != nullptr && total >= least) continue;
      least = total;
      worst = of_domain;
      worst_domain = nodes[i].domain;
    }
    routes_.node_network = least;
    routes_.nic = worst->nic;
    routes_.nic_path = worst->nearest;
    routes_.network_bottleneck = worst->total < worst->wires ? "PCIe" : "NIC";
    routes_.network_narrowed_by = causes(graph_, [&](const PartLink& link) {
      const bool of_nic = part(link.from).kind == PartKind::nic;
      return of_nic && domain_of(cluster_.system, part(link.from).owner) == worst_domain;
    });
  }

  // Per node of the domain whose first node is the i-th; `worst` becomes its poorest node.
  BytesPerSecond domain_network(const std::vector<NodeNetwork>& nodes, std::size_t first,
                                const NodeNetwork* intact, const NodeNetwork*& worst) const {
    const System& system = cluster_.system;
    const std::int64_t domain = nodes[first].domain;
    BytesPerSecond sum;
    std::int64_t listed = 0;
    const NodeNetwork* like_the_others = intact;
    for (std::size_t i = first; i < nodes.size() && nodes[i].domain == domain; ++i, ++listed) {
      sum += nodes[i].total;
      if (nodes[i].total < worst->total || nodes[i].gpu < worst->gpu) worst = &nodes[i];
      // Of those that may stand for the others the poorest.
      const bool known = like_the_others != intact;
      if (nodes[i].many && (!known || nodes[i].total < like_the_others->total))
        like_the_others = &nodes[i];
    }
    const std::int64_t end =
        std::min(first_node_of(system, domain + 1), std::max<std::int64_t>(1, cluster_.nodes));
    std::int64_t size = end - first_node_of(system, domain);
    for (const Part& one : graph_.parts()) {
      const bool node = one.kind == PartKind::gpu && one.index == 0 && one.failed;
      if (node && domain_of(system, one.owner) == domain) --size;
    }
    if (size <= listed || like_the_others == nullptr) return sum / static_cast<double>(listed);
    sum += like_the_others->total * static_cast<double>(size - listed);
    return sum / static_cast<double>(size);
  }

  // Of each leaf that is left, what it can send up over what its downlinks bring.
  void read_uplinks() {
    const FabricShape& fabric = graph_.shape();
    if (fabric.spines < 1 || fabric.leaf_downlinks <= BytesPerSecond{}) return;
    std::size_t narrowest = graph_.parts().size();
    std::vector<BytesPerSecond> up(graph_.parts().size());
    for (const PartLink& link : graph_.part_links()) {
      if (link.kind == LinkKind::uplink)
        up[link.from] += link.bandwidth * static_cast<double>(link.parallel);
    }
    for (std::size_t i = 0; i < graph_.parts().size(); ++i) {
      if (part(i).kind != PartKind::leaf || part(i).failed) continue;
      const double share = up[i] / fabric.leaf_downlinks;
      if (narrowest < graph_.parts().size() && share >= routes_.uplink_share) continue;
      narrowest = i;
      routes_.uplink_share = share;
    }
    routes_.uplink_share = std::min(1.0, routes_.uplink_share);
    routes_.uplink_narrowed_by = causes(graph_, [&](const PartLink& link) {
      return link.kind == LinkKind::uplink && link.from == narrowest;
    });
  }

  // Of each pod, the links to the core switches that are left, over what its NICs bring.
  void read_cores() {
    const FabricShape& fabric = graph_.shape();
    const BytesPerSecond nics =
        fabric.leaf_downlinks * static_cast<double>(fabric.units_per_pod * fabric.leaves_per_unit);
    if (nics <= BytesPerSecond{}) return;
    const double built =
        fabric.core_uplink / nics * static_cast<double>(fabric.cores * fabric.spines);
    double least = 1.0;
    std::int64_t narrowest = 0;
    std::vector<std::pair<double, double>> of_pod(static_cast<std::size_t>(fabric.pods));
    for (const PartLink& link : graph_.part_links()) {
      if (link.kind != LinkKind::core_uplink) continue;
      auto& [left, all] = of_pod[static_cast<std::size_t>(part(link.from).owner)];
      left += link.bandwidth / fabric.core_uplink * static_cast<double>(link.multiplicity);
      all += static_cast<double>(link.multiplicity);
    }
    for (std::size_t pod = 0; pod < of_pod.size(); ++pod) {
      const auto& [left, all] = of_pod[pod];
      if (all <= 0.0 || left / all >= least) continue;
      least = left / all;
      narrowest = static_cast<std::int64_t>(pod);
    }
    routes_.core_share = std::min(1.0, built * least);
    routes_.core_narrowed_by = causes(graph_, [&](const PartLink& link) {
      return link.kind == LinkKind::core_uplink && part(link.from).owner == narrowest;
    });
  }

  const Cluster& cluster_;
  const ClusterGraph& graph_;
  HostPaths host_;
  std::vector<BytesPerSecond> wire_;
  Routes routes_;
};

}  // namespace

BytesPerSecond Routes::link(std::int64_t ranks) const {
  if (in_domain.empty()) return {};
  const auto last = static_cast<std::int64_t>(in_domain.size()) - 1;
  return in_domain[static_cast<std::size_t>(std::clamp<std::int64_t>(ranks - 2, 0, last))];
}

Routes routes(const Cluster& cluster) {
  return routes(cluster, ClusterGraph{cluster});
}

Routes routes(const Cluster& cluster, const ClusterGraph& graph) {
  return Reader(cluster, graph).read();
}

}  // namespace lockstep
