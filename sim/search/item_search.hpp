// One item of the search: every combination that has the item's nodes, tensor, stages and context.
#pragma once

#include <atomic>
#include <memory>
#include <utility>
#include <vector>

#include "sim/fit_probability.hpp"
#include "sim/search/hopeless.hpp"
#include "sim/search/incumbents.hpp"
#include "sim/search/plan_evaluator.hpp"
#include "sim/search/space.hpp"
#include "strategies/rank_order.hpp"

namespace lockstep {

class ItemSearch {
 public:
  ItemSearch(const Scenario& scenario, const PlanSpace& space, const SearchGoal& goal,
             const Hopeless& hopeless, const Cluster& cluster, PlanEvaluator& evaluator,
             Incumbents& incumbents, const SearchOptions& options);

  // False, and the counts of no use, where `stop` became true.
  bool run(const AxisIndices& item, const std::atomic<bool>* stop);
  void add_counts(SearchState& state) const;

 private:
  // What does not change the memory: how tensor collectives overlap, and where ranks lie.
  struct Variant {
    std::uint16_t overlap = 0;
    std::uint16_t placement = 0;
    std::uint16_t alike =
        0;  // the first variant whose passes and transfers run over the same links
    // Seconds that no plan goes below; of variants that are alike the first one's count.
    double least_of_passes = 0;
    double least_of_layout = 0;  // of the layout at hand: its own where it is known, else as above
    bool layout_known = false;
  };
  struct Tally {
    const char* words;
    std::uint64_t count;
  };
  // Least seconds of each variant's passes, which depend on the schedule by these two alone.
  struct PassBounds {
    bool splits_backward = false;
    bool ends_apart = false;
    std::vector<double> of_variants;
  };

  bool enter(Axis axis, std::size_t index);
  void descend(Axis axis);
  void refuse(const char* words, std::uint64_t count);
  void list_variants();
  [[nodiscard]] std::uint16_t index_of_alike(std::uint16_t overlap,
                                             std::vector<RankStrides>& strides);
  void look_at_plans();
  // Whether no plan of the layout can be shown, whatever its memory.
  [[nodiscard]] bool hopeless_layout();
  void skip_layout();
  void time_variants(const PlanCosts& memory, std::size_t broken);
  void consider(const PlanCosts& costs, std::size_t broken);
  [[nodiscard]] bool wanted(const PlanCosts& least, std::size_t broken) const;
  void bound_passes();
  [[nodiscard]] const PassBounds& known_bounds();
  void forget_layout();
  void bound_layout(Variant& variant);
  [[nodiscard]] double least_of_layout();
  [[nodiscard]] bool hopeless(double least_step_time_s) const;
  [[nodiscard]] Variant& first_alike(const Variant& variant) { return variants_[variant.alike]; }
  void set(const Variant& variant);
  [[nodiscard]] bool likely_enough();

  const Scenario& scenario_;
  const PlanSpace& space_;
  const SearchGoal& goal_;
  const Hopeless& hopeless_;
  PlanEvaluator& evaluator_;
  Incumbents& incumbents_;
  const SearchOptions& options_;
  const std::atomic<bool>* stop_ = nullptr;

  Plan plan_;
  AxisIndices indices_{};
  std::int64_t gpus_ = 0;
  std::int64_t nodes_ = 0;
  bool on_memory_front_ = false;  // whether plans of this item are compared by memory
  std::vector<Variant> variants_;
  std::vector<PassBounds> pass_bounds_;  // of the micro-batch and recompute at hand
  const Cluster& cluster_;
  std::unique_ptr<FitProbability> fits_;  // null until it is asked
  double fit_probability_ = -1;           // of the plans at hand; negative: not asked yet
  double least_of_layout_ = -1;           // of all variants; negative: to be found again
  std::vector<Tally> refused_;
  std::vector<Tally> variant_refusals_;  // of every plan of variants_
  // Of the axes behind the layout, which are the same for every layout of the item.
  bool counting_ = false;
  bool layout_counted_ = false;
  std::uint64_t layout_leaves_ = 0;  // plans without their variants
  std::vector<Tally> layout_refusals_;
  std::vector<std::uint64_t> infeasible_;  // by limit
  SearchCounts counts_;
  SearchEffort effort_;
};

}  // namespace lockstep
