#include "sim/engine/group_book.hpp"

#include <tuple>

namespace lockstep {

namespace {

bool same(const GroupShape& a, const GroupShape& b) {
  const auto members = [](const GroupShape& shape) {
    return std::tie(shape.ranks, shape.domains, shape.ranks_per_domain, shape.sibling_groups,
                    shape.leaves, shape.nodes, shape.pods);
  };
  return members(a) == members(b);
}

}  // namespace

GroupBook::GroupBook(const Cluster& cluster)
    : cluster_(cluster), routes_(lockstep::routes(cluster)) {}

std::size_t GroupBook::GridHash::operator()(const Grid& grid) const {
  constexpr std::uint64_t odd = 0x9e3779b97f4a7c15;
  const auto degree = static_cast<std::uint64_t>(grid.degree);
  return static_cast<std::size_t>((degree * odd) ^ static_cast<std::uint64_t>(grid.stride));
}

const GroupBook::Group& GroupBook::group(std::int64_t degree, std::int64_t stride) {
  const Group*& known = by_grid_[{degree, stride}];
  if (known == nullptr) known = &group(group_shape(cluster_, degree, stride));
  return *known;
}

const GroupBook::Group& GroupBook::group(const GroupShape& shape) {
  for (const std::unique_ptr<Group>& known : groups_) {
    if (same(known->shape, shape)) return *known;
  }
  groups_.push_back(std::make_unique<Group>(
      Group{shape, nccl::prepare(cluster_, routes_, shape,
                                 nccl::in_training_step(cluster_.system))}));
  return *groups_.back();
}

}  // namespace lockstep
