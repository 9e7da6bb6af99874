// How NCCL would run the groups of one cluster inside a training step: each shape prepared once, for
// every plan that has it.
#pragma once

#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

#include "topology/collectives/nccl_model.hpp"
#include "topology/placement.hpp"

namespace lockstep {

class GroupBook {
 public:
  // `cluster` outlives it, and its links stay as they are.
  explicit GroupBook(const Cluster& cluster);

  struct Group {
    GroupShape shape;
    nccl::NcclGroup prepared;
  };
  // Valid as long as the book.
  const Group& group(std::int64_t degree, std::int64_t stride);
  const Group& group(const GroupShape& shape);

  [[nodiscard]] const Routes& routes() const { return routes_; }

 private:
  struct Grid {
    std::int64_t degree;
    std::int64_t stride;
    bool operator==(const Grid& other) const {
      return degree == other.degree && stride == other.stride;
    }
  };
  struct GridHash {
    std::size_t operator()(const Grid& grid) const;
  };

  const Cluster& cluster_;
  Routes routes_;
  std::vector<std::unique_ptr<Group>> groups_;
  std::unordered_map<Grid, const Group*, GridHash> by_grid_;
};

}  // namespace lockstep
