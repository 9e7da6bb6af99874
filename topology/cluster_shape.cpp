#include "topology/cluster_shape.hpp"

#include <algorithm>
#include <cmath>

namespace lockstep {
namespace {

std::int64_t ceil_div(std::int64_t a, std::int64_t b) {
  return (a + b - 1) / b;
}

std::int64_t at_least_one(double ports) {
  return std::max<std::int64_t>(1, static_cast<std::int64_t>(std::floor(ports)));
}

// Switches of a level: enough ports for the links from below, and no more switches than one switch
// below has uplinks, so that each reaches them all.
//   switches = clamp( ceil(links / ports of one), 1, uplinks of one below )
std::int64_t switches_above(double links, double ports, std::int64_t uplinks) {
  if (ports <= 0.0) return 1;
  return std::clamp<std::int64_t>(static_cast<std::int64_t>(std::ceil(links / ports)), 1, uplinks);
}

}  // namespace

NodeShape node_shape(const System& system) {
  const std::int64_t gpus_of_two_sockets = 4;
  NodeShape shape;
  shape.gpus = std::max<std::int64_t>(1, system.gpus_per_node);
  shape.nics = system.nics_per_node;
  if (system.gpus_per_pcie_switch > 0)
    shape.pcie_switches = std::max<std::int64_t>(1, shape.gpus / system.gpus_per_pcie_switch);
  shape.sockets = system.sockets > 0 ? system.sockets : shape.gpus >= gpus_of_two_sockets ? 2 : 1;
  if (system.intra_node == IntraNode::nvswitch)
    shape.planes = std::max<std::int64_t>(1, system.nvswitch_planes);
  return shape;
}

std::int64_t domain_of(const System& system, std::int64_t node) {
  const std::int64_t domain = system.gpus_per_nvlink_domain;
  return domain > system.gpus_per_node ? node * system.gpus_per_node / domain : node;
}

std::int64_t first_node_of(const System& system, std::int64_t domain) {
  const std::int64_t size = system.gpus_per_nvlink_domain;
  return size > system.gpus_per_node ? ceil_div(domain * size, system.gpus_per_node) : domain;
}

// With U nodes below a leaf, r NICs of a node on it, and oversubscription o at the leaf and c at
// the spine:
//   leaf    d = U r ports down, u = d / o up
//   radix   d + u, of every switch
//   spines  of a pod of L leaves: L u links onto radix ports, of which c/(1+c) look down where
//           there are cores
//   cores   of p pods: p spines * (links down / c) onto radix ports
// Source: port counts of NVIDIA's DGX H100 SuperPOD: 1, 2 and 4 units of 8 leaves have 4, 8 and 16
// spines. Holds for folded-Clos trees whose switches have one size. Ignores: spare ports, spines
// rounded up to a power of two, cores split into groups.
FabricShape fabric_shape(const Cluster& cluster) {
  const Fabric& fabric = cluster.fabric;
  const System& system = cluster.system;
  const std::int64_t nodes = std::max<std::int64_t>(1, cluster.nodes);
  const bool rails = fabric.type == FabricType::rail_optimized;
  FabricShape shape;
  shape.nodes_per_unit = std::max<std::int64_t>(1, fabric.nodes_per_leaf);
  if (fabric.type == FabricType::single_switch) {
    shape.nodes_per_unit = nodes;
    return shape;
  }
  shape.leaves_per_unit = rails ? system.nics_per_node : 1;
  shape.units = ceil_div(nodes, shape.nodes_per_unit);
  shape.units_per_pod =
      fabric.nodes_per_pod > 0 ? ceil_div(fabric.nodes_per_pod, shape.nodes_per_unit) : shape.units;
  shape.pods = ceil_div(shape.units, shape.units_per_pod);

  const auto down = static_cast<double>(shape.nodes_per_unit * (rails ? 1 : system.nics_per_node));
  const std::int64_t up = at_least_one(down / fabric.oversubscription);
  const double radix = down + static_cast<double>(up);
  const auto leaves = static_cast<double>(shape.units_per_pod * shape.leaves_per_unit);
  const double c = fabric.core_oversubscription;
  const bool has_cores = fabric.nodes_per_pod > 0;
  const double ports = has_cores ? radix * c / (1.0 + c) : radix;
  shape.spines = fabric.spines > 0 ? fabric.spines
                                   : switches_above(leaves * static_cast<double>(up), ports, up);
  shape.leaf_downlinks = *system.nic_bandwidth * down;
  shape.uplink = shape.leaf_downlinks / fabric.oversubscription / static_cast<double>(shape.spines);
  if (!has_cores) return shape;

  const std::int64_t spine_up =
      at_least_one(leaves * static_cast<double>(up) / static_cast<double>(shape.spines) / c);
  shape.cores = fabric.cores > 0
                    ? fabric.cores
                    : switches_above(static_cast<double>(shape.pods * shape.spines * spine_up),
                                     radix, spine_up);
  shape.core_uplink = shape.uplink * leaves / c / static_cast<double>(shape.cores);
  return shape;
}

}  // namespace lockstep
