#include "topology/routes.hpp"

#include <algorithm>
#include <limits>

#include "topology/graph.hpp"

namespace lockstep {
namespace {

using PartNumbers = std::vector<std::size_t>;

template <class Wanted>
PartNumbers select(const ClusterGraph& graph, Wanted wanted) {
  PartNumbers numbers;
  for (std::size_t i = 0; i < graph.parts().size(); ++i) {
    if (wanted(graph.parts()[i])) numbers.push_back(i);
  }
  return numbers;
}

// A mesh: NCCL's rings use a GPU's direct links to the others, all at once, so the group has what
// its poorest member has. Zero where one has no direct link left.
BytesPerSecond mesh_link(const ClusterGraph& graph, const PartNumbers& gpus, std::size_t count) {
  BytesPerSecond least{std::numeric_limits<double>::infinity()};
  for (std::size_t i = 0; i < count; ++i) {
    BytesPerSecond sum;
    for (std::size_t j = 0; j < count; ++j) {
      if (i != j) sum += graph.direct(gpus[i], gpus[j], LinkKind::nvlink);
    }
    least = std::min(least, sum);
  }
  return least;
}

// Widest ways over undirected links are ultrametric, w(i, j) >= min(w(0, i), w(0, j)): the
// narrowest way between any two of the first r GPUs is the narrowest from GPU 0, and one run of
// Dijkstra's algorithm gives them all.
void read_domain(Routes& routes, const Cluster& cluster, const ClusterGraph& graph,
                 const PartNumbers& gpus, const std::vector<BytesPerSecond>& width) {
  const bool mesh = cluster.system.intra_node == IntraNode::nvlink_mesh;
  BytesPerSecond narrowest{std::numeric_limits<double>::infinity()};
  bool direct = cluster.system.intra_node != IntraNode::pcie;
  bool all_linked = mesh;
  for (std::size_t count = 2; count <= gpus.size(); ++count) {
    narrowest = std::min(narrowest, width[gpus[count - 1]]);
    const BytesPerSecond direct_links = mesh ? mesh_link(graph, gpus, count) : BytesPerSecond{};
    all_linked = all_linked && direct_links > BytesPerSecond{};
    routes.in_domain.push_back(direct_links > BytesPerSecond{} ? direct_links : narrowest);
  }
  // NVLink only where no GPU must take the way over PCIe. A mesh whose links are counted together is
  // NVLink also where the host is wider than one of them (NVLink-C2C of a Grace Hopper).
  if (direct && !all_linked && gpus.size() > 1) {
    const std::vector<BytesPerSecond> nvlink = graph.widest_from(gpus.front(), {LinkKind::nvlink});
    for (std::size_t i = 1; i < gpus.size(); ++i)
      direct = direct && nvlink[gpus[i]] >= width[gpus[i]];
  }
  routes.in_domain_bottleneck = direct ? "NVLink" : "PCIe";
}

// A node sends what its NICs carry, each no more than its slot, and no more than its GPUs' slots
// pass on.
void read_network(Routes& routes, const ClusterGraph& graph,
                  const std::vector<BytesPerSecond>& width) {
  BytesPerSecond wires, nics, slots;
  for (std::size_t i = 0; i < graph.parts().size(); ++i) {
    const Part& part = graph.parts()[i];
    if (part.owner != 0) continue;
    if (part.kind == PartKind::gpu) slots += graph.incident(i, LinkKind::pcie);
    if (part.kind != PartKind::nic) continue;
    const BytesPerSecond wire = graph.incident(i, LinkKind::network);
    wires += wire;
    nics += std::min(graph.incident(i, LinkKind::pcie), wire);
    routes.nic = std::max(routes.nic, std::min(width[i], wire));
  }
  routes.node_network = std::min(nics, slots);
  routes.network_bottleneck = routes.node_network < wires ? "PCIe" : "NIC";
}

void read_uplinks(Routes& routes, const Cluster& cluster, const ClusterGraph& graph) {
  const BytesPerSecond downlinks = leaf_downlinks(cluster);
  if (cluster.fabric.type == FabricType::single_switch || downlinks <= BytesPerSecond{}) return;
  for (const std::size_t leaf : select(graph, [](const Part& part) {
         return part.kind == PartKind::leaf && part.owner == 0;
       })) {
    routes.uplink_share =
        std::min(routes.uplink_share, graph.incident(leaf, LinkKind::uplink) / downlinks);
  }
}

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
  const System& system = cluster.system;
  const PartNumbers gpus = select(graph, [&](const Part& part) {
    return part.kind == PartKind::gpu &&
           part.owner * system.gpus_per_node + part.index < system.gpus_per_nvlink_domain;
  });
  Routes result;
  if (gpus.empty()) return result;
  const std::vector<BytesPerSecond> width =
      graph.widest_from(gpus.front(), {LinkKind::nvlink, LinkKind::pcie, LinkKind::socket});
  read_domain(result, cluster, graph, gpus, width);
  read_network(result, graph, width);
  read_uplinks(result, cluster, graph);
  return result;
}

}  // namespace lockstep
