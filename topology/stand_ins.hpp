// Which listed node, unit or pod of a folded graph looks like one that is not listed.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "topology/cluster_shape.hpp"
#include "topology/graph.hpp"

namespace lockstep {

class StandIns {
 public:
  StandIns(const Cluster& cluster, const ClusterGraph& graph);

  // Itself where it is listed; else one that stands for others, of the same domain, unit or pod
  // where there is one.
  [[nodiscard]] std::int64_t node(std::int64_t number) const;
  [[nodiscard]] std::int64_t unit(std::int64_t number) const;
  [[nodiscard]] std::int64_t pod(std::int64_t number) const;

  // Ascending.
  [[nodiscard]] std::vector<std::int64_t> listed_nodes() const;

 private:
  struct Listed {
    std::int64_t number = 0;
    std::int64_t weight = 1;
  };
  using Groups = std::vector<std::function<std::int64_t(std::int64_t)>>;
  static std::int64_t closest(const std::vector<Listed>& listed, std::int64_t number,
                              const Groups& groups);

  System system_;
  FabricShape fabric_;
  std::vector<Listed> nodes_, units_, pods_;
};

}  // namespace lockstep
