// The shape of a process group from its degree and stride, exact also where degrees and domains do
// not divide.
//
// Ranks 0 … N-1 lie on the GPUs in order; unit u (an NVLink domain, or a leaf) holds GPUs [u*size,
// (u+1)*size). A group family of `degree` and `stride` cuts the ranks into blocks of degree*stride;
// inside a block, the ranks that agree modulo `stride` form one group. All questions below are
// about how blocks lie over units, which repeats after lcm(block, size): the loops run over that
// period, at most `size` turns, never over the GPUs. Source: counting; checked against enumeration
// in tests/property/topology_property_test.cpp.
#include "topology/placement.hpp"

#include <algorithm>
#include <numeric>

namespace lockstep {
namespace {

// One family of groups on the GPUs in use.
struct Family {
  std::int64_t degree;
  std::int64_t stride;
  std::int64_t blocks;
  [[nodiscard]] std::int64_t block() const { return degree * stride; }
  [[nodiscard]] std::int64_t ranks() const { return blocks * block(); }
};

std::int64_t ceil_div(std::int64_t a, std::int64_t b) {
  return (a + b - 1) / b;
}

// The most units that one group touches.
//   stride >= size: neighbours in the group are a unit apart or more, so every rank has its own
//   unit. else: no unit between the first and the last rank is skipped; with x the first rank's
//   place in its unit, the group touches floor((x + stride*(degree-1)) / size) + 1 units, most for
//   the largest x that occurs.
std::int64_t units_spanned(const Family& family, std::int64_t size) {
  if (family.stride >= size) return family.degree;
  const std::int64_t period = size / std::gcd(family.block(), size);
  std::int64_t largest = 0;
  for (std::int64_t b = 0; b < std::min(family.blocks, period); ++b) {
    const std::int64_t start = (b * family.block()) % size;
    const std::int64_t last_start = start + family.stride - 1;  // the last group of this block
    largest = std::max(largest, last_start >= size ? size - 1 : last_start);
  }
  return (largest + family.stride * (family.degree - 1)) / size + 1;
}

// Groups with a rank in [low, high): of a block that overlaps it by L ranks, min(stride, L).
std::int64_t groups_touching(const Family& family, std::int64_t low, std::int64_t high) {
  const std::int64_t block = family.block();
  const std::int64_t first = low / block;
  const std::int64_t last = (high - 1) / block;
  if (first == last) return std::min(family.stride, high - low);
  return std::min(family.stride, (first + 1) * block - low) + (last - first - 1) * family.stride +
         std::min(family.stride, high - last * block);
}

// The most groups with a rank in one unit. The unit that starts a period holds at least min(stride,
// size); more are possible only in units with a boundary of blocks inside.
std::int64_t most_groups_in_a_unit(const Family& family, std::int64_t size) {
  const std::int64_t block = family.block();
  const std::int64_t common = std::gcd(block, size);
  const auto in_unit = [&](std::int64_t unit) {
    return groups_touching(family, unit * size, std::min((unit + 1) * size, family.ranks()));
  };
  std::int64_t most = in_unit(0);
  if (block >= size) {
    for (std::int64_t b = 1; b < std::min(family.blocks, size / common + 1); ++b) {
      most = std::max(most, in_unit(b * block / size));
    }
  } else {
    const std::int64_t units = ceil_div(family.ranks(), size);
    for (std::int64_t unit = 1; unit < std::min(units, block / common + 1); ++unit) {
      most = std::max(most, in_unit(unit));
    }
  }
  return most;
}

// Whole units; 0 without pods.
std::int64_t pod_nodes(const Fabric& fabric) {
  const std::int64_t unit = std::max<std::int64_t>(1, fabric.nodes_per_leaf);
  return ceil_div(fabric.nodes_per_pod, unit) * unit;
}

}  // namespace

GroupShape group_shape(const Cluster& cluster, std::int64_t degree, std::int64_t stride) {
  GroupShape shape;
  if (degree < 1 || stride < 1) return shape;

  // A family that asks for more ranks than there are GPUs is placed as if there were more nodes.
  const Family family{degree, stride,
                      std::max<std::int64_t>(1, gpu_count(cluster) / (degree * stride))};
  const std::int64_t domain = std::max<std::int64_t>(1, cluster.system.gpus_per_nvlink_domain);
  shape.ranks = degree;
  // The first unit holds the start of the first block, and no unit holds more of a block than
  // min(block, size).
  shape.ranks_per_domain = std::min(degree, ceil_div(domain, stride));
  shape.domains = units_spanned(family, domain);
  shape.sibling_groups = most_groups_in_a_unit(family, domain);
  shape.nodes = units_spanned(family, std::max<std::int64_t>(1, cluster.system.gpus_per_node));

  const std::int64_t leaf = cluster.fabric.nodes_per_leaf * cluster.system.gpus_per_node;
  const bool one_switch = cluster.fabric.type == FabricType::single_switch || leaf < 1;
  shape.leaves = one_switch ? 1 : units_spanned(family, leaf);
  const std::int64_t pod = pod_nodes(cluster.fabric) * cluster.system.gpus_per_node;
  shape.pods = one_switch || pod < 1 ? 1 : units_spanned(family, pod);
  return shape;
}

GroupShape spread_group(const Cluster& cluster, std::int64_t ranks, std::int64_t nodes) {
  const System& system = cluster.system;
  const std::int64_t on_node = ceil_div(ranks, nodes);
  const std::int64_t domain = std::max<std::int64_t>(1, system.gpus_per_nvlink_domain);
  GroupShape shape;
  shape.ranks = ranks;
  shape.nodes = nodes;
  if (domain >= system.gpus_per_node) {
    const std::int64_t nodes_of_domain = std::max<std::int64_t>(1, domain / system.gpus_per_node);
    shape.domains = ceil_div(nodes, nodes_of_domain);
    shape.ranks_per_domain = on_node * std::min(nodes, nodes_of_domain);
  } else {
    shape.ranks_per_domain = std::min(on_node, domain);
    shape.domains = nodes * ceil_div(on_node, domain);
  }
  const bool one_switch = cluster.fabric.type == FabricType::single_switch;
  shape.leaves = one_switch ? 1 : ceil_div(nodes, cluster.fabric.nodes_per_leaf);
  const std::int64_t pod = pod_nodes(cluster.fabric);
  shape.pods = one_switch || pod < 1 ? 1 : ceil_div(nodes, pod);
  return shape;
}

}  // namespace lockstep
