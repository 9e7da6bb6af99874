// The lists that a search keeps, and what can no longer enter them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "scenarios/scenario.hpp"
#include "sim/search/search.hpp"

namespace lockstep {

// What the search is after, with the scenario's price and batch.
class SearchGoal {
 public:
  explicit SearchGoal(const Scenario& scenario);

  // Smaller is better; never falls when the step gets longer. `gpus` the plan's.
  [[nodiscard]] double objective(const PlanCosts& costs, double gpus) const;

  // Limits on a plan: the memory of the GPU less head-room first, then the request's constraints but
  // P(fits).
  [[nodiscard]] std::size_t limits() const { return limits_.size(); }
  [[nodiscard]] const Constraint& limit(std::size_t limit) const { return limits_[limit]; }
  [[nodiscard]] const std::string& limit_text(std::size_t limit) const {
    return limits_[limit].text;
  }
  // Whether the limit needs no step time: it is about memory or GPUs.
  [[nodiscard]] bool known_before_timing(std::size_t limit) const;
  [[nodiscard]] bool keeps(std::size_t limit, const PlanCosts& costs, double gpus) const;
  // What the limit would have to be for these costs.
  [[nodiscard]] double needed(std::size_t limit, const PlanCosts& costs, double gpus) const;
  // Memory beyond the limit up to which plans are looked at for what relaxing would bring.
  [[nodiscard]] bool within_reach(std::size_t limit, const PlanCosts& costs) const;
  // The least P(fits) that is asked for; 0: none.
  [[nodiscard]] double fit_probability() const { return fit_probability_; }

 private:
  [[nodiscard]] double measured(const Constraint& limit, const PlanCosts& costs, double gpus) const;

  const Scenario& scenario_;
  std::vector<Constraint> limits_;
  double fit_probability_ = 0;
  double flops_per_token_ = 0;  // of the model
  double peak_flops_ = 0;       // of one GPU
};

// Beyond so many times the best step a plan is in no front: it is shown nowhere.
constexpr double slowest_shown = 2.0;

// Whether `a` is the better of two by objective; between equals the shorter step decides, then the
// number.
bool better(const Candidate& a, const Candidate& b);

// The best so many, and no plan twice.
class BestList {
 public:
  explicit BestList(std::size_t most) : most_(most) {}
  // Whether a plan with at least this objective and step time could still enter.
  [[nodiscard]] bool could_enter(double objective, double step_time_s) const;
  void add(const Candidate& candidate);
  [[nodiscard]] const std::vector<Candidate>& list() const { return list_; }

 private:
  std::size_t most_;
  std::vector<Candidate> list_;  // best first
};

// Plans that no other beats in both of two costs: ascending in the first, descending in the second.
class Front {
 public:
  using Cost = double (*)(const Candidate&);
  Front(Cost first, Cost second) : first_(first), second_(second) {}
  // Whether a plan with at least these costs could still enter.
  [[nodiscard]] bool could_enter(double first, double second) const;
  void add(const Candidate& candidate);
  [[nodiscard]] const std::vector<Candidate>& list() const { return list_; }

 private:
  Cost first_;
  Cost second_;
  std::vector<Candidate> list_;
};

double step_time_of(const Candidate& candidate);
double memory_of(const Candidate& candidate);
double nodes_of(const Candidate& candidate);

}  // namespace lockstep
