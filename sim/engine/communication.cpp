#include "sim/engine/communication.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>

#include "sim/engine/plan_traffic.hpp"

namespace lockstep {

namespace {

std::size_t index(GroupKind group) {
  return static_cast<std::size_t>(group);
}

}  // namespace

Communication::Communication(const Cluster& cluster, const Plan& plan)
    : cluster_(cluster),
      plan_(plan),
      own_book_(std::make_unique<GroupBook>(cluster)),
      book_(*own_book_),
      strides_(rank_strides(plan)) {
  find_groups();
}

Communication::Communication(const Cluster& cluster, const Plan& plan, GroupBook& book)
    : cluster_(cluster), plan_(plan), book_(book), strides_(rank_strides(plan)) {
  find_groups();
}

void Communication::find_groups() {
  groups_.fill(&book_.group(GroupShape{}));
  for (std::size_t i = 0; i < kinds; ++i) {
    const auto kind = static_cast<GroupKind>(i);
    if (kind == GroupKind::pipeline_neighbor || kind == GroupKind::pipeline_ends) continue;
    const GroupGrid grid = group_grid(plan_, kind, strides_);
    if (grid.degree > 1) groups_[i] = &book_.group(grid.degree, grid.stride);
  }
  const std::int64_t stages = plan_.pipeline.stages;
  if (stages < 2) return;
  groups_[pair_inside] = &stage_pair(1, true);
  bool crosses = false;
  for (std::int64_t i = 0; i + 1 < stages; ++i) crosses = crosses || !stays_inside(i, i + 1);
  groups_[index(GroupKind::pipeline_neighbor)] = &stage_pair(1, !crosses);
  groups_[index(GroupKind::pipeline_ends)] = &stage_pair(stages - 1, stays_inside(0, stages - 1));
  groups_[pair_across] = &stage_pair(1, false);
}

void Communication::list_prices() {
  prices_ = std::make_unique<PriceList>();
  for (const GroupBook::Group* group : groups_) {
    prices_->add(cluster_, book_.routes(), group->shape);
  }
  reprice();
}

void Communication::reprice() {
  prices_->reprice(nccl::in_training_step(cluster_.system));
}

nccl::CollectiveChoice Communication::choose(std::size_t group, Collective collective,
                                             Bytes bytes) const {
  return prices_ ? prices_->price(group, collective, bytes)
                 : nccl::choose(groups_[group]->prepared, collective, bytes);
}

// A rank and its counterpart so many stages on.
const GroupBook::Group& Communication::stage_pair(std::int64_t stages_apart, bool inside) {
  if (inside) return book_.group(GroupShape{2, 1, 2, 1, 1, 1, 1});
  const std::int64_t domain = std::max<std::int64_t>(1, cluster_.system.gpus_per_nvlink_domain);
  GroupShape pair = group_shape(cluster_, 2, std::max(strides_.pipeline * stages_apart, domain));
  pair.sibling_groups = std::min(strides_.pipeline, domain);
  return book_.group(pair);
}

const GroupShape& Communication::shape(GroupKind group) const {
  return groups_[index(group)]->shape;
}

const GroupBook::Group* Communication::group(GroupKind group) const {
  return groups_[index(group)];
}

nccl::CollectiveChoice Communication::cost(const CollectiveCall& call) const {
  return choose(index(call.group), call.collective, sent_bytes(call));
}

// A token with k experts, spread evenly over D domains, meets D (1 - (1 - 1/D)^k) of them, at most
// as many as the router allows; software that sends it once to each saves the other copies. Source:
// DeepSeek-V3 Technical Report (arXiv:2412.19437), section 3.2.2. Holds where the network is slower
// than the links inside a domain, over which the copies then travel: those are left out.
Bytes Communication::sent_bytes(const CollectiveCall& call) const {
  const auto domains = static_cast<double>(shape(call.group).domains);
  if (call.copies <= 1 || domains <= 1 || !plan_.software.dispatch_once_per_node) return call.bytes;
  const auto copies = static_cast<double>(call.copies);
  double met = domains * (1 - std::pow(1 - 1 / domains, copies));
  if (call.most_nodes > 0) met = std::min(met, static_cast<double>(call.most_nodes));
  return call.bytes * std::min(1.0, met / copies);
}

// With stride s and p stages, ranks lie in blocks of s p; stage i owns [i s, (i + 1) s) of each.
// The transfer stays inside where both stages of every block lie in one domain. Blocks lie over
// domains the same way after domain / gcd(block, domain) of them.
bool Communication::stays_inside(std::int64_t from_stage, std::int64_t to_stage) const {
  const std::int64_t stages = plan_.pipeline.stages;
  const std::int64_t domain = std::max<std::int64_t>(1, cluster_.system.gpus_per_nvlink_domain);
  const std::int64_t stride = strides_.pipeline;
  const std::int64_t block = stride * stages;
  const std::int64_t blocks = std::max<std::int64_t>(1, plan_.tensor * plan_.replicas() / stride);
  const std::int64_t period = domain / std::gcd(block, domain);
  for (std::int64_t b = 0; b < std::min(blocks, period); ++b) {
    const std::int64_t first = b * block + std::min(from_stage, to_stage) * stride;
    const std::int64_t last = b * block + (std::max(from_stage, to_stage) + 1) * stride - 1;
    if (first / domain != last / domain) return false;
  }
  return true;
}

nccl::CollectiveChoice Communication::transfer_cost(const CollectiveCall& call,
                                                    std::int64_t from_stage) const {
  const std::int64_t to_stage = (from_stage + 1) % plan_.pipeline.stages;
  return choose(stays_inside(from_stage, to_stage) ? pair_inside : pair_across, call.collective,
                call.bytes);
}

Seconds Communication::overlapped_time(const CollectiveCall& call) const {
  const nccl::CollectiveChoice alone = cost(call);
  const double efficiency = shape(call.group).domains > 1 ? *plan_.software.fsdp_inter_efficiency
                                                          : *plan_.software.fsdp_intra_efficiency;
  return alone.latency + (alone.time - alone.latency) / efficiency;
}

void CollectiveTally::add(const CollectiveCall& call, StepPart part, double calls,
                          Seconds time_of_one, Seconds exposed_of_one) {
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
    fresh.part = part;
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
