// Search of every legal plan of a scenario's model, cluster and batch.
//
//   PlanSearch search(scenario, options);
//   SearchState state = search.empty();
//   for (item = 0; item < search.items(); ++item) search.run(item, state);   // any order, any
//   split merge(state, other);                                                      // any order
//   SearchResult result = search.finish(state);
//
// The result is the same byte for byte however the items are split, in whatever order they run.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "scenarios/scenario.hpp"
#include "sim/search/plan_costs.hpp"

namespace lockstep {

struct SearchOptions {
  bool pruning = true;
  bool count_alike = false;  // sets FoundPlan::alike of the best plans, some milliseconds for each
};

// A plan by its number in the space; numbers order plans that are equally good.
struct Candidate {
  std::uint64_t number = 0;
  std::int64_t nodes = 1;
  PlanCosts costs;
  double objective = 0;  // smaller is better
};

// The best plan that breaks one limit and no other.
struct RelaxedBest {
  std::size_t limit = 0;  // the memory of the GPU, the request's constraints, P(fits)
  Candidate best;
};

struct SearchCounts {
  std::uint64_t enumerated = 0;                     // combinations of values
  std::map<std::string, std::uint64_t> illegal;     // by reason: "heads do not divide by tensor"
  std::map<std::string, std::uint64_t> infeasible;  // by reason: "memory", "peak_memory <= 70 GiB"
  std::uint64_t legal = 0;
  // Of the legal ones: those whose layout alone takes more than twice the best step, so that their
  // memory was not looked at. None without pruning.
  std::uint64_t too_slow = 0;
  std::uint64_t feasible = 0;  // legal and within the memory and every constraint on memory
};

// What depends on the machine: never part of a result.
struct SearchEffort {
  std::uint64_t timed = 0;   // plans whose step time was computed
  std::uint64_t pruned = 0;  // feasible plans that a bound excluded from every list
  int threads = 0;           // that searched, of all processes
};

// What some items gave. A value: copied, merged, sent to another process.
struct SearchState {
  SearchCounts counts;
  SearchEffort effort;
  std::vector<Candidate> best;          // by objective; of variants of a plan the best alone
  std::vector<Candidate> memory_front;  // step time against memory, on the scenario's nodes
  std::vector<Candidate> gpu_front;     // step time against GPUs
  std::vector<RelaxedBest> relaxed;     // by limit; one of each, but of the deadline a front

  [[nodiscard]] std::string to_bytes() const;
  // Throws std::runtime_error for anything that to_bytes() did not write.
  static SearchState from_bytes(const std::string& bytes);
};

// A plan that was found, ready for predict_with_intervals().
struct FoundPlan {
  Candidate candidate;
  Plan plan;  // named after what it does: "tp8-pp2x5-dp4-zero1-mb1-selective"
  Cluster cluster;
  // Other variants of the plan that keep every limit and take as long, to 0.1 %: those that differ
  // in the placement of ranks and the overlap of tensor collectives alone.
  std::size_t alike = 0;
};

struct Relaxation {
  Constraint constraint;    // "memory of the GPU", or one of the request's
  double bound_needed = 0;  // what it would have to allow, in its base units
  FoundPlan plan;
  double gain = 0;  // of the objective: 0.06 is 6 % better
};

struct SearchResult {
  SearchRequest request;
  SearchCounts counts;
  SearchEffort effort;
  double looked_at = 1;                 // share of the items; below 1 where the search was stopped
  std::vector<FoundPlan> best;          // best first
  std::vector<FoundPlan> memory_front;  // least memory last
  std::vector<FoundPlan> gpu_front;     // fewest GPUs first
  std::vector<FoundPlan> cost_front;    // cost of the run against its time; empty without a price
  std::vector<Relaxation> relaxations;  // largest gain first
};

class PlanSearch {
 public:
  // Throws InputError where the request contradicts the scenario or leaves no plan to look at.
  // Times some plans for its bounds, for up to some seconds, unless `stop` becomes true.
  explicit PlanSearch(const Scenario& scenario, const SearchOptions& options = {},
                      const std::atomic<bool>* stop = nullptr);
  ~PlanSearch();
  PlanSearch(const PlanSearch&) = delete;
  PlanSearch& operator=(const PlanSearch&) = delete;

  // Pieces of the space, each some milliseconds to seconds of work.
  [[nodiscard]] std::size_t items() const;
  // Combinations of an item, for progress.
  [[nodiscard]] std::uint64_t combinations(std::size_t item) const;

  [[nodiscard]] SearchState empty() const;
  // Adds an item to the state. Safe to call from several threads with states of their own. Stops
  // early, leaving the item out of the counts, once `stop` is true.
  void run(std::size_t item, SearchState& state, const std::atomic<bool>* stop = nullptr) const;
  // This and learn() throw std::runtime_error for what is no state of this search.
  void merge(SearchState& into, const SearchState& from) const;
  // What other processes found, so that this one prunes by it.
  void learn(const SearchState& from) const;
  [[nodiscard]] SearchResult finish(const SearchState& state) const;

  // The plan of a number, on its nodes.
  [[nodiscard]] FoundPlan found(const Candidate& candidate) const;

 private:
  void add_relaxations(const SearchState& state, SearchResult& result) const;
  [[nodiscard]] std::size_t alike(const Candidate& best) const;

  struct Parts;
  std::unique_ptr<Parts> parts_;
};

// Every item, over all cores (threads 0) or so many; null progress and stop where nobody asks.
// `progress` is called now and then with combinations done, from one thread at a time.
SearchResult search_plans(
    const Scenario& scenario, const SearchOptions& options = {}, int threads = 0,
    const std::function<void(std::uint64_t done, std::uint64_t all)>& progress = {},
    const std::atomic<bool>* stop = nullptr);

}  // namespace lockstep
