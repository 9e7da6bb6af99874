#include "topology/stand_ins.hpp"

#include <algorithm>

namespace lockstep {

StandIns::StandIns(const Cluster& cluster, const ClusterGraph& graph)
    : system_(cluster.system), fabric_(fabric_shape(cluster)) {
  for (const Part& part : graph.parts()) {
    const bool first = part.index == 0;
    if (part.kind == PartKind::gpu && first) nodes_.push_back({part.owner, part.multiplicity});
    if (part.kind == PartKind::leaf && first) units_.push_back({part.owner, part.multiplicity});
    if (part.kind != PartKind::spine || part.owner == no_pod) continue;
    const bool known = std::any_of(pods_.begin(), pods_.end(),
                                   [&](const Listed& pod) { return pod.number == part.owner; });
    if (!known) pods_.push_back({part.owner, part.multiplicity});
  }
}

std::int64_t StandIns::closest(const std::vector<Listed>& listed, std::int64_t number,
                               const Groups& groups) {
  const Listed* best = nullptr;
  std::size_t best_level = groups.size() + 1;
  for (const Listed& one : listed) {
    if (one.number == number) return number;
    if (one.weight < 2) continue;
    std::size_t level = 0;
    while (level < groups.size() && groups[level](one.number) != groups[level](number)) ++level;
    if (level > best_level || (level == best_level && one.weight <= best->weight)) continue;
    best = &one;
    best_level = level;
  }
  if (best != nullptr) return best->number;
  return listed.empty() ? number : listed.front().number;
}

std::int64_t StandIns::node(std::int64_t number) const {
  return closest(
      nodes_, number,
      {[&](std::int64_t n) { return domain_of(system_, n); },
       [&](std::int64_t n) { return n / fabric_.nodes_per_unit; },
       [&](std::int64_t n) { return n / fabric_.nodes_per_unit / fabric_.units_per_pod; }});
}

std::int64_t StandIns::unit(std::int64_t number) const {
  return closest(units_, number, {[&](std::int64_t u) { return u / fabric_.units_per_pod; }});
}

std::int64_t StandIns::pod(std::int64_t number) const {
  return closest(pods_, number, {});
}

std::vector<std::int64_t> StandIns::listed_nodes() const {
  std::vector<std::int64_t> numbers;
  for (const Listed& node : nodes_) numbers.push_back(node.number);
  std::sort(numbers.begin(), numbers.end());
  return numbers;
}

}  // namespace lockstep
