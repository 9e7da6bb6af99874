// The cluster as a graph: routes between its parts, and what a failed or slow link changes.
// Boost.Graph stays in graph.cpp.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "topology/cluster_parts.hpp"

namespace lockstep {

// One link as a report shows it. `bandwidth` is per direction.
struct Link {
  std::string from, to;
  LinkKind kind = LinkKind::nvlink;
  BytesPerSecond bandwidth;
};

// The widest way between two parts and, of the widest, one with the fewest hops.
struct Route {
  std::vector<std::string> parts;  // from the first to the last; empty where no way is left
  BytesPerSecond bandwidth;        // of the narrowest link; zero where no way is left
  Link bottleneck;                 // the first link as narrow as that
  [[nodiscard]] std::size_t hops() const { return parts.empty() ? 0 : parts.size() - 1; }
};

class ClusterGraph {
 public:
  explicit ClusterGraph(const Cluster& cluster);
  ClusterGraph(ClusterGraph&&) noexcept;
  ClusterGraph& operator=(ClusterGraph&&) noexcept;
  ~ClusterGraph();

  // The parts by number, in the order of cluster_parts().
  [[nodiscard]] const std::vector<Part>& parts() const;
  [[nodiscard]] std::optional<std::size_t> find(std::string_view name) const;
  [[nodiscard]] std::vector<Link> links() const;

  // Changes or takes away the link between two named parts. False where there is none.
  bool set_bandwidth(std::string_view from, std::string_view to, BytesPerSecond bandwidth);
  bool remove_link(std::string_view from, std::string_view to);

  // Unknown names give an empty route.
  [[nodiscard]] Route widest_route(std::string_view from, std::string_view to) const;

  // The bandwidth of the widest way from one part to every other over links of these kinds;
  // infinite to itself, zero where there is none.
  [[nodiscard]] std::vector<BytesPerSecond> widest_from(std::size_t part,
                                                        const std::vector<LinkKind>& kinds) const;

  // The sum over the links of one kind at a part.
  [[nodiscard]] BytesPerSecond incident(std::size_t part, LinkKind kind) const;

  // The bandwidth of the direct link of one kind between two parts; zero where there is none.
  [[nodiscard]] BytesPerSecond direct(std::size_t from, std::size_t to, LinkKind kind) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace lockstep
