// What the methods share: look-ups by generation, nodes and wire.
#include <array>
#include <cmath>

#include "topology/collectives/registered.hpp"

namespace lockstep::nccl {

std::size_t Tuning::generation_index() const {
  return static_cast<std::size_t>(generation(view.compute_capability));
}

std::size_t Tuning::nodes_index() const {
  return view.nodes <= 2 ? static_cast<std::size_t>(view.nodes - 1) : 2;
}

double Tuning::table(const ByGeneration& values) const {
  return values[generation_index()][nodes_index()];
}

Wire Tuning::inside_wire() const {
  return view.path_inside == PathType::nvlink ? Wire::nvlink : Wire::pcie;
}

double Tuning::inside_latency(Algorithm algorithm, Protocol protocol) const {
  return constants->latency[static_cast<std::size_t>(inside_wire())][static_cast<std::size_t>(
      algorithm)][static_cast<std::size_t>(protocol)];
}

// One rank per node takes the tree's value for every algorithm (:395).
double Tuning::across_latency(Algorithm algorithm, Protocol protocol) const {
  const Algorithm row =
      view.ranks == 1 ? Algorithm::tree : algorithm;
  // What the NIC adds counts twice for Simple: its last step flushes. Source: tuning.cc:384-436.
  const double of_nic =
      graph(algorithm).across_latency * (protocol == Protocol::simple ? 2.0 : 1.0);
  return of_nic +
         constants->latency[static_cast<std::size_t>(Wire::network)][static_cast<std::size_t>(row)]
                           [static_cast<std::size_t>(protocol)];
}

const Graph& Tuning::graph(Algorithm algorithm) const {
  switch (algorithm) {
    case Algorithm::tree:
      return graphs.tree;
    case Algorithm::collnet_direct:
      return graphs.collnet_direct;
    case Algorithm::collnet_chain:
      return graphs.collnet_chain;
    case Algorithm::nvls:
    case Algorithm::nvls_tree:
      return graphs.nvls;
    default:
      return graphs.ring;
  }
}

double Tuning::base_latency(Algorithm algorithm, Protocol protocol) const {
  return constants
      ->base_latency[static_cast<std::size_t>(algorithm)][static_cast<std::size_t>(protocol)];
}

double Tuning::channel(const Graph& graph) const {
  return view.nodes <= 2 ? graph.inside : graph.across;
}

double ring_steps(Collective collective, std::int64_t ranks) {
  const auto n = static_cast<double>(ranks);
  if (collective == Collective::all_reduce) return 2.0 * (n - 1.0);
  return gathers_or_scatters(collective) ? n - 1.0 : n;
}

bool gathers_or_scatters(Collective collective) {
  return collective == Collective::all_gather || collective == Collective::reduce_scatter;
}

double payload(Protocol protocol) {
  if (protocol == Protocol::ll) return 0.5;
  return protocol == Protocol::ll128 ? 120.0 / 128.0 : 1.0;
}

double doublings(std::int64_t nodes) {
  return nodes > 1 ? static_cast<double>(std::ilogb(static_cast<double>(nodes))) : 0.0;
}

std::span<const Method* const> methods() {
  static constexpr std::array table{
      &ring,
      &tree,
      &collnet_direct,
      &collnet_chain,
      &nvls,
      &nvls_tree,
      &pat,
  };
  return table;
}

}  // namespace lockstep::nccl
