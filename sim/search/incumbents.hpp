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

  static constexpr std::size_t gpu_memory = 0;  // its place among the limits

  // Smaller is better; never falls when the step gets longer. `gpus` the plan's.
  [[nodiscard]] double objective(const PlanCosts& costs, double gpus) const;

  // Limits on a plan: the memory of the GPU less head-room first, then that of the host where it is
  // known, then the request's constraints but P(fits).
  [[nodiscard]] std::size_t limits() const { return limits_.size(); }
  [[nodiscard]] const Constraint& limit(std::size_t limit) const { return limits_[limit]; }
  [[nodiscard]] const std::string& limit_text(std::size_t limit) const {
    return limits_[limit].text;
  }
  // Whether the limit needs no step time: it is about memory or GPUs.
  [[nodiscard]] bool known_before_timing(std::size_t limit) const;
  [[nodiscard]] bool keeps(std::size_t limit, const PlanCosts& costs, double gpus) const;
  // The place of the objective's deadline among the limits; limits() where there is none.
  [[nodiscard]] std::size_t deadline() const { return deadline_; }
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
  std::size_t deadline_ = 0;
  double fit_probability_ = 0;
  double flops_per_token_ = 0;  // of the model
  double peak_flops_ = 0;       // of one GPU
};

// Beyond so many times the best step a plan is in no front: it is shown nowhere.
constexpr double slowest_shown = 2.0;

// Whether `a` is the better of two by objective; between equals the shorter step decides, then the
// number.
bool better(const Candidate& a, const Candidate& b);

// The best so many, and of plans that are one plan but for their variant (`number / variants` is
// the same) only the best.
class BestList {
 public:
  explicit BestList(std::size_t most, std::uint64_t variants = 1)
      : most_(most), variants_(variants) {}
  // Whether a plan with at least this objective and step time could still enter.
  [[nodiscard]] bool could_enter(double objective, double step_time_s) const;
  void add(const Candidate& candidate);
  [[nodiscard]] const std::vector<Candidate>& list() const { return list_; }

 private:
  std::size_t most_;
  std::uint64_t variants_;
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

double objective_of(const Candidate& candidate);
double step_time_of(const Candidate& candidate);
double memory_of(const Candidate& candidate);
double nodes_of(const Candidate& candidate);

// The lists of a state, ready to be searched by.
struct Incumbents {
  Incumbents(const SearchGoal& goal, std::size_t most_best);

  BestList best;
  Front memory_front;
  Front gpu_front;
  // Of plans that break one limit alone, by limit; P(fits) comes after the others. Of the deadline
  // all that no other beats in objective and in time: which one is the least that has to be granted
  // is known at the end.
  std::vector<BestList> relaxed;
  std::size_t deadline;  // its place among the limits, or beyond them
  Front late;

  [[nodiscard]] bool could_be_relaxed(std::size_t limit, double objective, double time) const;
  void relax(std::size_t limit, const Candidate& candidate);

  void add(const SearchState& state);
  void write_to(SearchState& state) const;
};

}  // namespace lockstep
