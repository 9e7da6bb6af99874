// The cluster as a graph: routes between its parts, and what a failed or slow link changes.
// Boost.Graph stays in the .cpp files.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "topology/cluster_parts.hpp"
#include "topology/cluster_shape.hpp"
#include "topology/path_kind.hpp"

namespace lockstep {

// One link as a report shows it. `bandwidth` is of one link and per direction.
struct Link {
  std::string from, to;
  LinkKind kind = LinkKind::nvlink;
  BytesPerSecond bandwidth;
  std::int64_t parallel = 1;      // links of the one `from` that this one stands for
  std::int64_t multiplicity = 1;  // links of the whole cluster that this one stands for
};

// The widest way between two parts and, of the widest, one with the fewest hops. A GPU's NVLinks to
// the NVSwitch planes of its domain count together: hardware stripes every transfer over them.
struct Route {
  std::vector<std::string> parts;  // from the first to the last; empty where no way is left
  BytesPerSecond bandwidth;        // of the narrowest link; zero where no way is left
  Link bottleneck;                 // the first link as narrow as that
  [[nodiscard]] std::size_t hops() const { return parts.empty() ? 0 : parts.size() - 1; }
};

// Two GPUs that stand for all pairs as far apart as they are.
struct Distance {
  const char* relation = "";  // "same PCIe switch", "same node", "same leaf" …
  std::string from, to;
  std::size_t hops = 0;  // links of the shortest way; 0 where there is none
  PathKind path = PathKind::dis;
  BytesPerSecond bandwidth;  // of the widest way
};

class ClusterGraph {
 public:
  explicit ClusterGraph(const Cluster& cluster, Extent extent = Extent::folded);
  ClusterGraph(ClusterGraph&&) noexcept;
  ClusterGraph& operator=(ClusterGraph&&) noexcept;
  ~ClusterGraph();

  // The parts by number, in the order of cluster_parts().
  [[nodiscard]] const std::vector<Part>& parts() const;
  [[nodiscard]] std::optional<std::size_t> find(std::string_view name) const;
  // Those that are left.
  [[nodiscard]] std::vector<Link> links() const;
  // All, by number of their parts; those that are gone have no bandwidth.
  [[nodiscard]] const std::vector<PartLink>& part_links() const;

  [[nodiscard]] const FabricShape& shape() const;

  // Parts of the whole cluster, failed ones not counted.
  [[nodiscard]] std::int64_t count(PartKind kind) const;

  // Changes or takes away the link between two named parts. False where there is none. In a folded
  // graph that happens to all the links that this one stands for; Cluster::failed takes away one.
  bool set_bandwidth(std::string_view from, std::string_view to, BytesPerSecond bandwidth);
  bool remove_link(std::string_view from, std::string_view to);

  // Unknown names give an empty route.
  [[nodiscard]] Route widest_route(std::string_view from, std::string_view to) const;

  // Links on the shortest way; nothing where there is none.
  [[nodiscard]] std::optional<std::size_t> hops(std::string_view from, std::string_view to) const;

  // Unknown names: dis.
  [[nodiscard]] PathKind path_kind(std::string_view from, std::string_view to) const;
  [[nodiscard]] PathKind path_kind(std::size_t from, std::size_t to) const;

  // GPU 0 of the first node in use to GPUs ever farther away, one row per relation that exists.
  [[nodiscard]] std::vector<Distance> distances() const;

  // The bandwidth of the widest way from one part to every other over links of these kinds;
  // infinite to itself, zero where there is none.
  [[nodiscard]] std::vector<BytesPerSecond> widest_from(std::size_t part,
                                                        const std::vector<LinkKind>& kinds) const;

  // The sum over the links of one kind at a part, folded ones counted.
  [[nodiscard]] BytesPerSecond incident(std::size_t part, LinkKind kind) const;

  // The bandwidth of the direct link of one kind between two parts; zero where there is none.
  [[nodiscard]] BytesPerSecond direct(std::size_t from, std::size_t to, LinkKind kind) const;

  // Why a link is narrower than it was built: "node3.nic2 is down"; "" where it is not.
  [[nodiscard]] std::string cause(const PartLink& link) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace lockstep
