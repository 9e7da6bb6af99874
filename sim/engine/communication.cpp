#include "sim/engine/communication.hpp"

#include <algorithm>
#include <numeric>
#include <string>

#include "sim/engine/plan_traffic.hpp"

namespace lockstep {

namespace {

std::size_t index(GroupKind group) {
  return static_cast<std::size_t>(group);
}

// A transfer between stages is a group of two: of neighbours in the chain, or of its ends.
GroupShape shape_of(const Cluster& cluster, const Plan& plan, GroupKind kind) {
  const GroupGrid grid = group_grid(plan, kind);
  if (kind != GroupKind::pipeline_neighbor && kind != GroupKind::pipeline_ends)
    return group_shape(cluster, grid.degree, grid.stride);
  if (grid.degree < 2) return {};
  return group_shape(cluster, 2, grid.ends_only ? grid.stride * (grid.degree - 1) : grid.stride);
}

}  // namespace

Communication::Communication(const Cluster& cluster, const Plan& plan)
    : cluster_(cluster), plan_(plan), strides_(rank_strides(plan)), routes_(routes(cluster)) {
  for (std::size_t i = 0; i < shapes_.size(); ++i)
    shapes_[i] = shape_of(cluster, plan, static_cast<GroupKind>(i));
  const nccl::Conditions step = nccl::in_training_step(cluster.system);
  for (std::size_t i = 0; i < shapes_.size(); ++i)
    groups_[i] = nccl::prepare(cluster, routes_, shapes_[i], step);
  if (plan.pipeline.stages < 2) return;
  const std::int64_t domain = std::max<std::int64_t>(1, cluster.system.gpus_per_nvlink_domain);
  GroupShape across = group_shape(cluster, 2, std::max(strides_.pipeline, domain));
  across.sibling_groups = std::min(strides_.pipeline, domain);
  across_ = nccl::prepare(cluster, routes_, across, step);
}

const GroupShape& Communication::shape(GroupKind group) const {
  return shapes_[index(group)];
}

nccl::CollectiveChoice Communication::cost(const CollectiveCall& call) const {
  return nccl::choose(groups_[index(call.group)], call.collective, call.bytes);
}

// With stride s and p stages, ranks lie in blocks of s p; stage i owns [i s, (i + 1) s) of each.
// The transfer stays inside where both stages of every block lie in one domain. Blocks lie over
// domains the same way after domain / gcd(block, domain) of them.
bool Communication::stays_inside(std::int64_t from_stage) const {
  const std::int64_t stages = plan_.pipeline.stages;
  const std::int64_t domain = std::max<std::int64_t>(1, cluster_.system.gpus_per_nvlink_domain);
  const std::int64_t stride = strides_.pipeline;
  const std::int64_t block = stride * stages;
  const std::int64_t blocks = std::max<std::int64_t>(1, plan_.tensor * plan_.data / stride);
  const std::int64_t period = domain / std::gcd(block, domain);
  const std::int64_t to_stage = (from_stage + 1) % stages;
  for (std::int64_t b = 0; b < std::min(blocks, period); ++b) {
    const std::int64_t first = b * block + std::min(from_stage, to_stage) * stride;
    const std::int64_t last = b * block + (std::max(from_stage, to_stage) + 1) * stride - 1;
    if (first / domain != last / domain) return false;
  }
  return true;
}

nccl::CollectiveChoice Communication::transfer_cost(const CollectiveCall& call,
                                                    std::int64_t from_stage) const {
  return stays_inside(from_stage) ? cost(call) : nccl::choose(across_, call.collective, call.bytes);
}

Seconds Communication::overlapped_time(const CollectiveCall& call) const {
  const nccl::CollectiveChoice alone = cost(call);
  const double efficiency = shape(call.group).domains > 1 ? *plan_.software.fsdp_inter_efficiency
                                                          : *plan_.software.fsdp_intra_efficiency;
  return alone.latency + (alone.time - alone.latency) / efficiency;
}

void CollectiveTally::add(const CollectiveCall& call, double calls, Seconds time_of_one,
                          Seconds exposed_of_one) {
  if (calls <= 0 || time_of_one.value() <= 0) return;
  const auto known = std::find_if(uses_.begin(), uses_.end(), [&](const CollectiveUse& use) {
    return use.name == call.name && use.bytes == call.bytes;
  });
  CollectiveUse* use = nullptr;
  if (known != uses_.end()) {
    use = &*known;
  } else {
    const nccl::CollectiveChoice cost = communication_.cost(call);
    CollectiveUse fresh;
    fresh.name = call.name;
    fresh.collective = call.collective;
    fresh.shape = communication_.shape(call.group);
    fresh.bytes = call.bytes;
    fresh.algorithm = cost.algorithm;
    fresh.protocol = cost.protocol;
    fresh.bottleneck = cost.bottleneck;
    uses_.push_back(std::move(fresh));
    use = &uses_.back();
  }
  use->calls += calls;
  use->time += calls * time_of_one;
  use->exposed += calls * exposed_of_one;
}

}  // namespace lockstep
