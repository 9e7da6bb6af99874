// The table of distances: one pair of GPUs for each way of being apart.
#include <algorithm>

#include "topology/cluster_shape.hpp"
#include "topology/graph.hpp"
#include "topology/host_paths.hpp"

namespace lockstep {
namespace {

// What two GPUs share, from the nearest on.
constexpr const char* same_switch = "same PCIe switch";
constexpr const char* same_node = "same node";
constexpr const char* same_domain = "same NVLink domain";
constexpr const char* same_leaf = "same leaf";
constexpr const char* same_unit = "same unit, other rail";
constexpr const char* same_pod = "same pod";
constexpr const char* same_spines = "other unit";
constexpr const char* other_pod = "other pod";

}  // namespace

std::vector<Distance> ClusterGraph::distances() const {
  std::vector<std::size_t> gpus;
  for (std::size_t i = 0; i < parts().size(); ++i) {
    if (parts()[i].kind == PartKind::gpu && !parts()[i].failed) gpus.push_back(i);
  }
  std::vector<Distance> table;
  if (gpus.empty()) return table;
  const std::size_t first = gpus.front();
  const Part from = parts()[first];
  const HostPaths host(*this);
  const std::vector<LinkKind> every{LinkKind::nvlink,  LinkKind::pcie,   LinkKind::socket,
                                    LinkKind::network, LinkKind::uplink, LinkKind::core_uplink};
  const std::vector<BytesPerSecond> width = widest_from(first, every);

  const auto relation = [&](std::size_t other) -> const char* {
    const Part& to = parts()[other];
    if (to.owner == from.owner)
      return host.kind(first, other) == PathKind::pix ? same_switch : same_node;
    if (path_kind(first, other) == PathKind::nvl) return same_domain;
    const FabricShape& fabric = shape();
    const std::int64_t unit_a = from.owner / fabric.nodes_per_unit;
    const std::int64_t unit_b = to.owner / fabric.nodes_per_unit;
    if (unit_a == unit_b)
      return fabric.leaves_per_unit < 2 || to.index == from.index ? same_leaf : same_unit;
    if (to.index != from.index) return nullptr;
    if (!fabric.has_cores()) return same_spines;
    return unit_a / fabric.units_per_pod == unit_b / fabric.units_per_pod ? same_pod : other_pod;
  };
  for (const char* wanted : {same_switch, same_node, same_domain, same_leaf, same_unit, same_pod,
                             same_spines, other_pod}) {
    // Of a node and a unit the farthest GPU, else the first.
    const bool last = wanted == same_node || wanted == same_unit;
    std::size_t found = first;
    for (const std::size_t other : gpus) {
      if (other == first || relation(other) != wanted) continue;
      if (found == first || last) found = other;
    }
    if (found == first) continue;
    const std::string a = name(from), b = name(parts()[found]);
    table.push_back({wanted, a, b, hops(a, b).value_or(0), path_kind(first, found), width[found]});
  }
  return table;
}

}  // namespace lockstep
