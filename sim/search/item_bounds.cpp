// What no plan of a layout can be faster than: of its passes whatever the interleave, then of the
// layout itself. Found before any plan is looked at, and for as few variants as will do.
#include <algorithm>
#include <limits>
#include <utility>

#include "sim/search/item_search.hpp"
#include "strategies/pipeline/schedule.hpp"

namespace lockstep {

// Of every interleave that the schedule at hand may have.
void ItemSearch::bound_passes() {
  if (!options_.pruning || counting_) return;
  const PassBounds& bounds = known_bounds();
  for (std::size_t i = 0; i < variants_.size(); ++i)
    variants_[i].least_of_passes = bounds.of_variants[i];
}

const ItemSearch::PassBounds& ItemSearch::known_bounds() {
  const Schedule& schedule = *find_schedule(plan_.pipeline.schedule);
  plan_.pipeline.interleave = schedule.chunks == ChunkRule::two ? 2 : 1;  // as it has at least
  const bool apart = ends_apart(plan_.pipeline);
  for (const PassBounds& known : pass_bounds_) {
    if (known.splits_backward == schedule.splits_backward && known.ends_apart == apart)
      return known;
  }
  PassBounds bounds{schedule.splits_backward, apart, std::vector<double>(variants_.size())};
  for (std::size_t i = 0; i < variants_.size(); ++i) {
    if (variants_[i].alike < i) continue;
    set(variants_[i]);
    bounds.of_variants[i] = evaluator_.least_of_passes(plan_);
  }
  space_.reset(Axis::tensor_overlap, plan_);
  space_.reset(Axis::placement, plan_);
  return pass_bounds_.emplace_back(std::move(bounds));
}

void ItemSearch::forget_layout() {
  least_of_layout_ = -1;
  for (Variant& variant : variants_) {
    variant.least_of_layout = variant.least_of_passes;
    variant.layout_known = false;
  }
}

// Of the plans that differ in what only adds to a layout's time. The first of variants that are
// alike is asked for all of them.
void ItemSearch::bound_layout(Variant& variant) {
  const Sharding sharding = std::exchange(plan_.sharding, Sharding::none);
  const std::int64_t shard_group = std::exchange(plan_.shard_group, 0);
  const DataCommunication sync = std::exchange(plan_.sync, {});
  const Offload offload = std::exchange(plan_.offload, {});
  set(variant);
  variant.least_of_layout = std::max(variant.least_of_passes, evaluator_.least_of_layout(plan_));
  variant.layout_known = true;
  least_of_layout_ = -1;
  space_.reset(Axis::tensor_overlap, plan_);
  space_.reset(Axis::placement, plan_);
  plan_.sharding = sharding;
  plan_.shard_group = shard_group;
  plan_.sync = sync;
  plan_.offload = offload;
}

double ItemSearch::least_of_layout() {
  if (least_of_layout_ >= 0) return least_of_layout_;
  least_of_layout_ = std::numeric_limits<double>::infinity();
  for (const Variant& variant : variants_)
    least_of_layout_ = std::min(least_of_layout_, first_alike(variant).least_of_layout);
  return least_of_layout_;
}

bool ItemSearch::hopeless(double least_step_time_s) const {
  PlanCosts least;
  least.step_time_s = least_step_time_s;
  return hopeless_.is(indices_[index_of(Axis::nodes)], least);
}

bool ItemSearch::hopeless_layout() {
  if (!options_.pruning || variants_.empty()) return false;
  for (std::size_t i = 0; i < variants_.size(); ++i) {
    Variant& variant = variants_[i];
    if (variant.alike < i || hopeless(variant.least_of_passes)) continue;
    bound_layout(variant);
    if (!hopeless(variant.least_of_layout)) return false;
  }
  return true;
}

}  // namespace lockstep
