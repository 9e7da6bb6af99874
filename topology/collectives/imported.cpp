// A dump speaks of whole nodes in good order. Failed parts and changed cables come from the routes:
//
//   NVSwitch: link = dump * min(1, routes/nominal); NICs = floor(dump * alive), each at its rate.
//
// Source: NCCL 2.30 src/graph/topo.cc and paths.cc for what the dump's numbers mean.
// Ignores: which GPUs of a node a group has (it takes the first), a failed link between two GPUs
// without NVSwitch beside an imported file.
#include "topology/collectives/imported.hpp"

#include <algorithm>
#include <cmath>

namespace lockstep::nccl {
namespace {

constexpr double rounding = 1e-9;

double share(BytesPerSecond now, BytesPerSecond nominal) {
  return nominal > BytesPerSecond{} ? std::min(1.0, now / nominal) : 1.0;
}

void apply_network(const ImportedLinks& links, const Cluster& cluster, const Routes& routes,
                   NodeView& view) {
  if (view.nodes < 2 || links.nics == 0) return;
  const System& system = cluster.system;
  const BytesPerSecond nominal = *system.nic_bandwidth * static_cast<double>(system.nics_per_node);
  const double slower = share(routes.nic, *system.nic_bandwidth);
  const double alive =
      slower > 0.0 ? std::min(1.0, share(routes.node_network, nominal) / slower) : 0.0;
  view.nics =
      static_cast<std::int64_t>(std::floor(static_cast<double>(links.nics) * alive + rounding));
  view.nic = std::min(links.nic, *system.nic_bandwidth / 1_GBps * slower);
  view.path_across = links.path_across;
}

}  // namespace

void apply_imported(const Cluster& cluster, const Routes& routes, NodeView& view) {
  const std::optional<ImportedTopology>& imported = cluster.imported.topology;
  if (!imported || imported->gpus == 0) return;
  if (view.ranks < 1 || static_cast<std::size_t>(view.ranks) > imported->first.size()) return;
  const ImportedLinks& links = imported->first[static_cast<std::size_t>(view.ranks) - 1];
  view.compute_capability = imported->compute_capability;
  view.pcie = imported->slot;
  view.nvlink = links.nvlink;
  view.nvswitch = links.nvswitch;
  if (view.ranks > 1) {
    const double intact =
        links.nvswitch ? share(routes.link(view.ranks), *cluster.system.link_bandwidth) : 1.0;
    const bool staged = !links.nvlink && !cluster.system.peer_to_peer;
    view.link = links.link * intact * (staged ? 1.0 : links.peer_share);
    // A path through the CPU that GPUs do take is no meeting in host memory.
    view.path_inside = staged                                       ? PathType::host_bridge
                       : links.path_inside == PathType::host_bridge ? PathType::socket
                                                                    : links.path_inside;
  }
  apply_network(links, cluster, routes, view);
}

GraphSource graph_source(const Cluster& cluster, const NodeView& view) {
  const std::optional<ImportedGraphs>& imported = cluster.imported.graphs;
  if (!imported) return GraphSource::search;
  const bool fits =
      imported->ranks_on_node == view.ranks && imported->several_nodes == (view.nodes > 1);
  return fits ? GraphSource::dump : GraphSource::dump_unfitting;
}

Graphs graphs_of(const Cluster& cluster, NodeView& view) {
  if (graph_source(cluster, view) != GraphSource::dump) return graphs(view);
  const ImportedGraphs& imported = *cluster.imported.graphs;
  if (imported.has_ring || imported.has_tree) {
    view.path_inside = imported.graphs.path_inside;
    if (view.nodes > 1) view.path_across = imported.graphs.path_across;
  }
  Graphs result = graphs(view);
  if (imported.has_ring) result.ring = imported.graphs.ring;
  if (imported.has_tree) result.tree = imported.graphs.tree;
  if (imported.has_nvls) result.nvls = imported.graphs.nvls;
  if (imported.has_collnet_chain) result.collnet_chain = imported.graphs.collnet_chain;
  if (imported.has_collnet_direct) result.collnet_direct = imported.graphs.collnet_direct;
  return result;
}

}  // namespace lockstep::nccl
