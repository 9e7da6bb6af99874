#include "sim/search/item_search.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "sim/search/refusal.hpp"

namespace lockstep {

namespace {

constexpr std::size_t none_broken = std::numeric_limits<std::size_t>::max();

Axis after(Axis axis) {
  return static_cast<Axis>(index_of(axis) + 1);
}

}  // namespace

ItemSearch::ItemSearch(const Scenario& scenario, const PlanSpace& space, const SearchGoal& goal,
                       const Hopeless& hopeless, const Cluster& cluster, PlanEvaluator& evaluator,
                       Incumbents& incumbents, const SearchOptions& options)
    : scenario_(scenario),
      space_(space),
      goal_(goal),
      hopeless_(hopeless),
      evaluator_(evaluator),
      incumbents_(incumbents),
      options_(options),
      plan_(space.neutral()),
      cluster_(cluster),
      infeasible_(goal.limits(), 0) {}

bool ItemSearch::run(const AxisIndices& item, const std::atomic<bool>* stop) {
  stop_ = stop;
  const std::size_t nodes_index = item[index_of(Axis::nodes)];
  const Cluster& cluster = space_.cluster(nodes_index);
  gpus_ = gpu_count(cluster);
  nodes_ = cluster.nodes;
  on_memory_front_ = nodes_index == space_.nodes_of_memory_front();
  counts_.enumerated = space_.behind(Axis::context);
  for (const Axis axis : {Axis::nodes, Axis::tensor, Axis::stages, Axis::context}) {
    if (!enter(axis, item[index_of(axis)])) {
      // Only this item's combinations; those of its siblings are theirs.
      refused_.back().count = space_.behind(Axis::context);
      return true;
    }
  }
  descend(Axis::context_method);
  return stop_ == nullptr || !*stop_;
}

void ItemSearch::add_counts(SearchState& state) const {
  state.counts.enumerated += counts_.enumerated;
  state.counts.legal += counts_.legal;
  state.counts.feasible += counts_.feasible;
  state.counts.too_slow += counts_.too_slow;
  for (const Tally& tally : refused_) state.counts.illegal[tally.words] += tally.count;
  for (std::size_t limit = 0; limit < infeasible_.size(); ++limit) {
    if (infeasible_[limit] > 0)
      state.counts.infeasible[goal_.limit_text(limit)] += infeasible_[limit];
  }
  state.effort.timed += effort_.timed;
  state.effort.pruned += effort_.pruned;
}

void ItemSearch::refuse(const char* words, std::uint64_t count) {
  if (count == 0) return;
  std::vector<Tally>& tallies = counting_ ? layout_refusals_ : refused_;
  for (Tally& tally : tallies) {
    if (tally.words == words) {
      tally.count += count;
      return;
    }
  }
  tallies.push_back({words, count});
}

// Sets the axis; false where no plan has this value beside those before it.
bool ItemSearch::enter(Axis axis, std::size_t index) {
  indices_[index_of(axis)] = static_cast<std::uint16_t>(index);
  space_.set(axis, index, plan_);
  if (axis == Axis::context) {
    const std::int64_t inner = plan_.tensor * plan_.pipeline.stages * plan_.context.degree;
    plan_.data = std::max<std::int64_t>(1, gpus_ / inner);
  }
  const char* words = space_.refusal(axis, index, plan_, gpus_);
  if (words == nullptr) return true;
  refuse(words, space_.behind(axis));
  return false;
}

void ItemSearch::descend(Axis axis) {
  // One value stands for all where the axis changes nothing.
  const bool matters = changes_something(axis, plan_);
  const std::size_t values = matters ? space_.size(axis) : 1;
  if (!matters) refuse(same_as_another, (space_.size(axis) - 1) * space_.behind(axis));
  for (std::size_t i = 0; i < values; ++i) {
    if (stop_ != nullptr && stop_->load(std::memory_order_relaxed)) return;
    if (!enter(axis, i)) continue;
    if (axis == Axis::sequence_parallel) list_variants();
    if (axis == Axis::recompute_parts) pass_bounds_.clear();
    if (axis == Axis::schedule) bound_passes();
    if (axis == Axis::interleave) forget_layout();
    if (axis == Axis::interleave && hopeless_layout()) {
      skip_layout();
    } else if (axis == Axis::offload_activations) {
      look_at_plans();
    } else {
      descend(after(axis));
    }
  }
  space_.reset(axis, plan_);
}

// The rules about these two axes do not look at those between sequence_parallel and them.
void ItemSearch::list_variants() {
  variants_.clear();
  variant_refusals_.clear();
  const auto refuse_variant = [&](const char* words, std::uint64_t count) {
    variant_refusals_.push_back({words, count});
  };
  std::vector<RankStrides> strides;  // of the variants so far
  const bool overlap_matters = changes_something(Axis::tensor_overlap, plan_);
  for (std::size_t i = 0; i < space_.size(Axis::tensor_overlap); ++i) {
    if (i > 0 && !overlap_matters) {
      refuse_variant(same_as_another, space_.behind(Axis::tensor_overlap));
      continue;
    }
    space_.set(Axis::tensor_overlap, i, plan_);
    for (std::size_t j = 0; j < space_.size(Axis::placement); ++j) {
      space_.set(Axis::placement, j, plan_);
      const char* words = space_.refusal(Axis::placement, j, plan_, gpus_);
      if (words == nullptr) {
        const auto overlap = static_cast<std::uint16_t>(i);
        const std::uint16_t alike = index_of_alike(overlap, strides);
        variants_.push_back({overlap, static_cast<std::uint16_t>(j), alike});
      } else {
        refuse_variant(words, 1);
      }
    }
  }
  space_.reset(Axis::tensor_overlap, plan_);
  space_.reset(Axis::placement, plan_);
}

// Gathers and reductions apart, the order of ranks enters a step by how far apart neighbours are
// along the other dimensions. `strides` gets those of the plan at hand.
std::uint16_t ItemSearch::index_of_alike(std::uint16_t overlap, std::vector<RankStrides>& strides) {
  RankStrides own = rank_strides(plan_);
  if (plan_.tensor == 1) own.tensor = 0;
  if (plan_.context.degree == 1) own.context = 0;
  if (plan_.pipeline.stages == 1) own.pipeline = 0;
  if (plan_.expert.degree == 1) own.expert = 0;
  if (plan_.expert_tensor() == 1) own.expert_tensor = 0;
  const auto same = [&](const RankStrides& other) {
    return own.tensor == other.tensor && own.context == other.context &&
           own.pipeline == other.pipeline && own.expert == other.expert &&
           own.expert_tensor == other.expert_tensor;
  };
  std::size_t first = 0;
  while (first < variants_.size() && (variants_[first].overlap != overlap || !same(strides[first])))
    ++first;
  strides.push_back(own);
  return static_cast<std::uint16_t>(first);
}

void ItemSearch::set(const Variant& variant) {
  indices_[index_of(Axis::tensor_overlap)] = variant.overlap;
  indices_[index_of(Axis::placement)] = variant.placement;
  space_.set(Axis::tensor_overlap, variant.overlap, plan_);
  space_.set(Axis::placement, variant.placement, plan_);
}

// The rules about sharding and offload do not look at the layout, so that all layouts of an item
// have as many plans behind them.
void ItemSearch::skip_layout() {
  if (!layout_counted_) {
    counting_ = true;
    descend(after(Axis::interleave));
    counting_ = false;
    layout_counted_ = true;
  }
  const std::uint64_t plans = layout_leaves_ * variants_.size();
  counts_.legal += plans;
  counts_.too_slow += plans;
  for (const Tally& tally : layout_refusals_) refuse(tally.words, tally.count);
  for (const Tally& tally : variant_refusals_) refuse(tally.words, layout_leaves_ * tally.count);
}

void ItemSearch::look_at_plans() {
  if (counting_) {
    ++layout_leaves_;
    return;
  }
  for (const Tally& tally : variant_refusals_) refuse(tally.words, tally.count);
  const std::uint64_t plans = variants_.size();
  counts_.legal += plans;
  if (plans == 0) return;
  fit_probability_ = -1;
  const PlanEvaluator::Memory memory = evaluator_.memory(plan_);
  PlanCosts costs;
  costs.peak_memory_bytes = memory.reserved;
  costs.peak_allocated_bytes = memory.allocated;
  costs.host_bytes = memory.on_host;
  std::size_t broken = none_broken;
  std::size_t number_broken = 0;
  for (std::size_t limit = 0; limit < goal_.limits(); ++limit) {
    if (!goal_.known_before_timing(limit)) continue;
    if (goal_.keeps(limit, costs, static_cast<double>(gpus_))) continue;
    if (number_broken++ == 0) broken = limit;
  }
  if (number_broken == 0) {
    counts_.feasible += plans;
  } else {
    infeasible_[broken] += plans;
  }
  if (number_broken > 1) return;
  if (number_broken == 1 && !goal_.within_reach(broken, costs)) return;
  time_variants(costs, broken);
}

void ItemSearch::time_variants(const PlanCosts& memory, std::size_t broken) {
  const auto pruned = [&](std::uint64_t plans) {
    if (broken == none_broken) effort_.pruned += plans;
  };
  PlanCosts costs = memory;
  const auto could_be = [&](double least_step_time_s) {
    costs.step_time_s = least_step_time_s;
    return !options_.pruning || wanted(costs, broken);
  };
  if (options_.pruning && !could_be(least_of_layout())) return pruned(variants_.size());
  for (const Variant& variant : variants_) {
    Variant& known = first_alike(variant);
    if (!could_be(known.least_of_layout)) {
      pruned(1);
      continue;
    }
    if (options_.pruning && !known.layout_known) {
      bound_layout(known);
      if (!could_be(known.least_of_layout)) {
        pruned(1);
        continue;
      }
    }
    set(variant);
    evaluator_.prepare(plan_);
    if (options_.pruning && !could_be(evaluator_.least_step_time())) {
      pruned(1);
      continue;
    }
    costs.step_time_s = evaluator_.step_time();
    ++effort_.timed;
    consider(costs, broken);
  }
  space_.reset(Axis::tensor_overlap, plan_);
  space_.reset(Axis::placement, plan_);
}

// Whether a plan with costs from these on could be shown. One that breaks a limit is shown where it
// beats all that keep it.
bool ItemSearch::wanted(const PlanCosts& least, std::size_t broken) const {
  const double objective = goal_.objective(least, static_cast<double>(gpus_));
  const BestList& best = incumbents_.best;
  if (broken != none_broken) {
    const bool beats = best.list().empty() || objective < best.list().front().objective;
    return beats && incumbents_.could_be_relaxed(broken, objective, least.step_time_s);
  }
  if (best.could_enter(objective, least.step_time_s)) return true;
  const double time = least.step_time_s;
  if (incumbents_.gpu_front.could_enter(time, static_cast<double>(nodes_))) return true;
  if (!on_memory_front_) return false;
  const Front& front = incumbents_.memory_front;
  const double slowest = front.list().empty() ? std::numeric_limits<double>::infinity()
                                              : slowest_shown * step_time_of(front.list().front());
  return time <= slowest && front.could_enter(time, least.peak_memory_bytes);
}

void ItemSearch::consider(const PlanCosts& costs, std::size_t broken) {
  Candidate candidate;
  candidate.number = space_.number(indices_);
  candidate.nodes = nodes_;
  candidate.costs = costs;
  candidate.objective = goal_.objective(costs, static_cast<double>(gpus_));
  for (std::size_t limit = 0; limit < goal_.limits(); ++limit) {
    if (goal_.known_before_timing(limit)) continue;
    if (goal_.keeps(limit, costs, static_cast<double>(gpus_))) continue;
    if (broken != none_broken) return;
    broken = limit;
  }
  if (!wanted(costs, broken)) return;
  // What a plan would need of more memory is told by its peak alone.
  if (broken != SearchGoal::gpu_memory && !likely_enough()) {
    if (broken != none_broken) return;
    broken = goal_.limits();
  }
  if (broken != none_broken) {
    incumbents_.relax(broken, candidate);
    return;
  }
  incumbents_.best.add(candidate);
  incumbents_.gpu_front.add(candidate);
  if (on_memory_front_) incumbents_.memory_front.add(candidate);
}

// P(fits) takes a hundred times as long as a step time: asked last, of plans that would be shown,
// and once for those that differ in variant alone.
bool ItemSearch::likely_enough() {
  if (goal_.fit_probability() <= 0) return true;
  if (!fits_) {
    fits_ = std::make_unique<FitProbability>(scenario_.model, scenario_.training, cluster_,
                                             *scenario_.evidence);
  }
  if (fit_probability_ < 0) fit_probability_ = fits_->of(plan_);
  return fit_probability_ >= goal_.fit_probability();
}

}  // namespace lockstep
