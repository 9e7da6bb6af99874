// What no search needs to look at: layouts that are too slow to be shown, judged by a few plans
// that are timed beforehand. The same for every process and thread, so that what is counted does
// not depend on how the work is split.
#pragma once

#include <atomic>
#include <cstddef>
#include <vector>

#include "sim/search/incumbents.hpp"
#include "sim/search/space.hpp"

namespace lockstep {

class Hopeless {
 public:
  // Without pruning nothing is hopeless. Ends early once `stop`, if not null, is true.
  Hopeless(const Scenario& scenario, const PlanSpace& space, const SearchGoal& goal, bool pruning,
           const std::atomic<bool>* stop);

  // Whether a plan with at least these costs, on the nodes of this index, can be in no list: its
  // step takes longer than fronts show, and enough plans have a better objective. `least` has no
  // memory.
  [[nodiscard]] bool is(std::size_t nodes_index, const PlanCosts& least) const;

  // Of the plans that were timed: the best, which every limit lets pass.
  [[nodiscard]] const std::vector<Candidate>& timed() const { return best_.list(); }

 private:
  const PlanSpace& space_;
  const SearchGoal& goal_;
  BestList best_;
  std::size_t wanted_ = 1;
  std::vector<double> fastest_s_;  // by index of nodes
};

}  // namespace lockstep
