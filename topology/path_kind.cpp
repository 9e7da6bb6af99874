// How two devices reach each other, in NCCL's words, read off a cluster's graph.
#include "topology/path_kind.hpp"

#include <algorithm>
#include <string>

#include "topology/graph.hpp"
#include "topology/host_paths.hpp"

namespace lockstep {
namespace {

bool is_left(const PartLink& link) {
  return link.bandwidth > BytesPerSecond{};
}

// The other ends of a part's NVLinks.
std::vector<std::size_t> nvlink_peers(const ClusterGraph& graph, std::size_t part) {
  std::vector<std::size_t> peers;
  for (const PartLink& link : graph.part_links()) {
    if (link.kind != LinkKind::nvlink || !is_left(link)) continue;
    if (link.from == part) peers.push_back(link.to);
    if (link.to == part) peers.push_back(link.from);
  }
  std::sort(peers.begin(), peers.end());
  return peers;
}

// nvl, nvb, or dis: a link, a switch between, a GPU between.
PathKind nvlink_path(const ClusterGraph& graph, std::size_t from, std::size_t to) {
  const std::vector<std::size_t> a = nvlink_peers(graph, from), b = nvlink_peers(graph, to);
  if (std::binary_search(a.begin(), a.end(), to)) return PathKind::nvl;
  std::vector<std::size_t> both;
  std::set_intersection(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(both));
  if (both.empty()) return PathKind::dis;
  const bool by_switch = graph.parts()[both.front()].kind == PartKind::nvswitch;
  return by_switch ? PathKind::nvl : PathKind::nvb;
}

// A GPU to a NIC that is not beside it: through a peer that has both NVLink to the GPU and the NIC
// beside it, where there is one. Source: NCCL 2.30 src/graph/paths.cc:816-842.
bool through_a_peer(const ClusterGraph& graph, const HostPaths& host, std::size_t gpu,
                    std::size_t nic) {
  for (std::size_t peer = 0; peer < graph.parts().size(); ++peer) {
    const Part& part = graph.parts()[peer];
    if (part.kind != PartKind::gpu || part.failed || peer == gpu) continue;
    if (host.kind(peer, nic) == PathKind::pix && nvlink_path(graph, gpu, peer) == PathKind::nvl)
      return true;
  }
  return false;
}

}  // namespace

const char* to_string(PathKind kind) {
  switch (kind) {
    case PathKind::loc:
      return "LOC";
    case PathKind::nvl:
      return "NVL";
    case PathKind::nvb:
      return "NVB";
    case PathKind::pix:
      return "PIX";
    case PathKind::pxb:
      return "PXB";
    case PathKind::pxn:
      return "PXN";
    case PathKind::phb:
      return "PHB";
    case PathKind::sys:
      return "SYS";
    case PathKind::net:
      return "NET";
    case PathKind::dis:
      return "DIS";
  }
  return "";
}

PathKind ClusterGraph::path_kind(std::size_t from, std::size_t to) const {
  if (from == to) return PathKind::loc;
  const PathKind nvlink = nvlink_path(*this, from, to);
  if (nvlink != PathKind::dis) return nvlink;
  const HostPaths host(*this);
  const PathKind inside = host.kind(from, to);
  if (inside == PathKind::pix) return inside;
  const bool from_nic = parts()[from].kind == PartKind::nic;
  const std::size_t gpu = from_nic ? to : from, nic = from_nic ? from : to;
  const bool gpu_and_nic = parts()[gpu].kind == PartKind::gpu && parts()[nic].kind == PartKind::nic;
  if (gpu_and_nic && parts()[gpu].owner == parts()[nic].owner &&
      through_a_peer(*this, host, gpu, nic))
    return PathKind::pxn;
  if (inside != PathKind::dis) return inside;
  return hops(name(parts()[from]), name(parts()[to])) ? PathKind::net : PathKind::dis;
}

PathKind ClusterGraph::path_kind(std::string_view from, std::string_view to) const {
  const std::optional<std::size_t> a = find(from), b = find(to);
  return a && b ? path_kind(*a, *b) : PathKind::dis;
}

}  // namespace lockstep
