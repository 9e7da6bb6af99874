// Two GPUs exchange, per direction,
//   nvswitch   sum over the planes of min(link a, link b): transfers are striped over all planes
//   bridge     their NVLink
//   host       the narrowest link of the way over PCIe and the sockets
// the wider of NVLink and host. A group has what its poorest pair has: every algorithm waits for
// its slowest step. In a mesh a group's rings use all direct links at once, so it has what its
// poorest member has to the others together; where a member has none, the widest way that is left.
//
// Groups of r GPUs are those that start at multiples of r, as ranks are placed, and the slowest of
// them counts. Where r does not divide the domain, any pair may meet: the poorest pair counts (of a
// mesh, the first r GPUs). Source: NCCL 2.30 src/graph/paths.cc, search.cc. Ignores: groups with a
// stride, which take every s-th GPU.
#include "topology/domain_links.hpp"

#include <algorithm>

namespace lockstep {
namespace {

constexpr BytesPerSecond unlimited{std::numeric_limits<double>::infinity()};

class Domain {
 public:
  Domain(IntraNode kind, const ClusterGraph& graph, const HostPaths& host,
         const std::vector<std::size_t>& gpus)
      : kind_(kind), graph_(graph), host_(host), gpus_(gpus), nvlink_(gpus.size() * gpus.size()) {
    if (kind == IntraNode::nvswitch) read_planes();
    if (kind == IntraNode::nvlink_mesh || kind == IntraNode::nvlink_bridge) read_direct();
  }

  // Of the GPUs [first, last): what each can exchange with the others, and whether over NVLink.
  struct Offer {
    BytesPerSecond bandwidth = unlimited;
    bool nvlink = true;
    void take(const Offer& other) {
      bandwidth = std::min(bandwidth, other.bandwidth);
      nvlink = nvlink && other.nvlink;
    }
  };
  [[nodiscard]] Offer group(std::size_t first, std::size_t last) const {
    if (kind_ == IntraNode::nvlink_mesh) return mesh_group(first, last);
    Offer poorest;
    for (std::size_t i = first; i < last; ++i) {
      for (std::size_t j = i + 1; j < last; ++j) poorest.take(pair(i, j));
    }
    return poorest;
  }

 private:
  [[nodiscard]] BytesPerSecond& nvlink(std::size_t i, std::size_t j) {
    return nvlink_[i * gpus_.size() + j];
  }
  [[nodiscard]] BytesPerSecond nvlink(std::size_t i, std::size_t j) const {
    return nvlink_[i * gpus_.size() + j];
  }

  // The place of a part among the domain's GPUs; their count where it is none of them.
  [[nodiscard]] std::size_t place(std::size_t part) const {
    const auto found = std::lower_bound(gpus_.begin(), gpus_.end(), part);
    return found != gpus_.end() && *found == part ? static_cast<std::size_t>(found - gpus_.begin())
                                                  : gpus_.size();
  }

  void read_planes() {
    std::vector<std::size_t> planes;
    std::vector<BytesPerSecond> link;  // of each plane, each GPU
    for (const PartLink& one : graph_.part_links()) {
      if (one.kind != LinkKind::nvlink) continue;
      const std::size_t gpu = place(one.from);
      if (gpu == gpus_.size()) continue;
      std::size_t plane = 0;
      while (plane < planes.size() && planes[plane] != one.to) ++plane;
      if (plane == planes.size()) {
        planes.push_back(one.to);
        link.resize(link.size() + gpus_.size());
      }
      link[plane * gpus_.size() + gpu] = one.bandwidth;
    }
    for (std::size_t plane = 0; plane < planes.size(); ++plane) {
      const BytesPerSecond* of_plane = &link[plane * gpus_.size()];
      for (std::size_t i = 0; i < gpus_.size(); ++i) {
        for (std::size_t j = i + 1; j < gpus_.size(); ++j)
          nvlink(i, j) += std::min(of_plane[i], of_plane[j]);
      }
    }
  }

  void read_direct() {
    for (const PartLink& one : graph_.part_links()) {
      if (one.kind != LinkKind::nvlink) continue;
      const std::size_t i = place(one.from), j = place(one.to);
      if (i == gpus_.size() || j == gpus_.size()) continue;
      nvlink(std::min(i, j), std::max(i, j)) += one.bandwidth;
    }
  }

  [[nodiscard]] Offer pair(std::size_t i, std::size_t j) const {
    const BytesPerSecond nvlink_way = nvlink(i, j);
    if (nvlink_way > BytesPerSecond{} &&
        nvlink_way >= std::min(host_.slot(gpus_[i]), host_.slot(gpus_[j])))
      return {nvlink_way, true};
    const BytesPerSecond host_way = host_.bandwidth(gpus_[i], gpus_[j]);
    const bool by_nvlink = nvlink_way > BytesPerSecond{} && nvlink_way >= host_way;
    return {std::max(nvlink_way, host_way), by_nvlink};
  }

  [[nodiscard]] Offer mesh_group(std::size_t first, std::size_t last) const {
    Offer poorest;
    for (std::size_t i = first; i < last; ++i) {
      BytesPerSecond direct;
      for (std::size_t j = first; j < last; ++j) direct += nvlink(std::min(i, j), std::max(i, j));
      poorest.bandwidth = std::min(poorest.bandwidth, direct);
    }
    return poorest.bandwidth > BytesPerSecond{} ? poorest : widest_group(first, last);
  }

  // Widest ways over undirected links are ultrametric, w(i, j) >= min(w(0, i), w(0, j)): the
  // narrowest way between any two is the narrowest from the first.
  [[nodiscard]] Offer widest_group(std::size_t first, std::size_t last) const {
    const std::vector<BytesPerSecond> any =
        graph_.widest_from(gpus_[first], {LinkKind::nvlink, LinkKind::pcie, LinkKind::socket});
    const std::vector<BytesPerSecond> links = graph_.widest_from(gpus_[first], {LinkKind::nvlink});
    Offer poorest;
    for (std::size_t i = first + 1; i < last; ++i) {
      const std::size_t gpu = gpus_[i];
      poorest.take({any[gpu], links[gpu] > BytesPerSecond{} && links[gpu] >= any[gpu]});
    }
    return poorest;
  }

  IntraNode kind_;
  const ClusterGraph& graph_;
  const HostPaths& host_;
  const std::vector<std::size_t>& gpus_;
  std::vector<BytesPerSecond> nvlink_;  // above the diagonal
};

}  // namespace

DomainLinks domain_links(IntraNode kind, const ClusterGraph& graph, const HostPaths& host,
                         const std::vector<std::size_t>& gpus) {
  DomainLinks links;
  const std::size_t n = gpus.size();
  const bool has_nvlink = kind != IntraNode::pcie;
  links.nvlink_ranks = has_nvlink ? 1 : 0;
  if (n < 2) {
    links.nvlink_ranks = has_nvlink ? DomainLinks::all_ranks : 0;
    return links;
  }
  const Domain domain(kind, graph, host, gpus);
  const Domain::Offer any = domain.group(0, n);
  bool unbroken = has_nvlink;
  for (std::size_t r = 2; r <= n; ++r) {
    Domain::Offer slowest = any;
    if (n % r == 0) {
      slowest = domain.group(0, r);
      for (std::size_t first = r; first < n; first += r)
        slowest.take(domain.group(first, first + r));
    } else if (kind == IntraNode::nvlink_mesh) {
      slowest = domain.group(0, r);
    }
    links.offered.push_back(slowest.bandwidth);
    unbroken = unbroken && slowest.nvlink;
    if (unbroken) links.nvlink_ranks = static_cast<std::int64_t>(r);
  }
  if (unbroken) links.nvlink_ranks = DomainLinks::all_ranks;
  return links;
}

}  // namespace lockstep
