#include "topology/host_paths.hpp"

#include <algorithm>

namespace lockstep {

HostPaths::HostPaths(const ClusterGraph& graph)
    : above_(graph.parts().size()), is_switch_(graph.parts().size()) {
  for (std::size_t i = 0; i < above_.size(); ++i)
    is_switch_[i] = graph.parts()[i].kind == PartKind::pcie_switch;
  for (const PartLink& link : graph.part_links()) {
    if (link.bandwidth <= BytesPerSecond{}) continue;
    if (link.kind == LinkKind::pcie) above_[link.from] = {link.to, link.bandwidth};
    if (link.kind == LinkKind::socket) sockets_.push_back(link);
  }
}

std::size_t HostPaths::cpu_of(std::size_t device) const {
  const std::size_t first = above_[device].part;
  if (first == none || !is_switch_[first]) return first;
  return above_[first].part;
}

BytesPerSecond HostPaths::to_cpu(std::size_t device) const {
  const Above& first = above_[device];
  return is_switch_[first.part] ? std::min(first.bandwidth, above_[first.part].bandwidth)
                                : first.bandwidth;
}

BytesPerSecond HostPaths::socket(std::size_t a, std::size_t b) const {
  for (const PartLink& link : sockets_) {
    if ((link.from == a && link.to == b) || (link.from == b && link.to == a)) return link.bandwidth;
  }
  return {};
}

PathKind HostPaths::kind(std::size_t from, std::size_t to) const {
  const std::size_t a = above_[from].part, b = above_[to].part;
  if (a == none || b == none) return PathKind::dis;
  if (a == b) return is_switch_[a] ? PathKind::pix : PathKind::phb;
  const std::size_t cpu_a = cpu_of(from), cpu_b = cpu_of(to);
  if (cpu_a == none || cpu_b == none) return PathKind::dis;
  if (cpu_a == cpu_b) return PathKind::phb;
  return socket(cpu_a, cpu_b) > BytesPerSecond{} ? PathKind::sys : PathKind::dis;
}

BytesPerSecond HostPaths::bandwidth(std::size_t from, std::size_t to) const {
  const PathKind way = kind(from, to);
  if (way == PathKind::dis) return {};
  if (above_[from].part == above_[to].part) return std::min(slot(from), slot(to));
  const BytesPerSecond ends = std::min(to_cpu(from), to_cpu(to));
  return way == PathKind::phb ? ends : std::min(ends, socket(cpu_of(from), cpu_of(to)));
}

}  // namespace lockstep
