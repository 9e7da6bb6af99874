// What a search found, ready to be shown: its plans predicted with intervals, those that tie as
// groups, what the others do otherwise than the best, and what a limit costs.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sim/report/plan_differences.hpp"
#include "sim/report/render.hpp"
#include "sim/report/report.hpp"
#include "sim/search/search.hpp"

namespace lockstep {

// Best plans that the model cannot tell apart by the objective, as places in the list of the best.
struct TieGroup {
  std::size_t first = 0;
  std::size_t last = 0;
  // P(the first of the group is better) for each of the others.
  std::vector<double> probabilities;
  std::vector<std::string> differ_in;  // names of PlanDifference, of all its plans
};

enum class FrontKind { memory, gpus, cost };  // against the step time; cost: against the run's time

struct SearchFront {
  FrontKind kind = FrontKind::memory;
  std::vector<std::size_t> plans;  // of SearchReport::report, in the order of the result
};

// A limit that keeps a better plan out, and the best plan that breaks it and no other.
struct FoundRelaxation {
  Constraint limit;
  double needed = 0;     // what its bound would have to be, in base units
  double gain = 0;       // of the objective; 0.06: 6 % better
  std::size_t plan = 0;  // of SearchReport::report
};
// Texts of the limits that no request states.
inline constexpr const char* memory_of_the_gpu = "memory of the GPU";
inline constexpr const char* memory_of_the_host = "host memory of the node";

struct SearchReport {
  // Plans of every list below, each once: the best in their order, then those of the fronts, then
  // those that a relaxed limit would let in. Without ranking and comparisons.
  Report report;
  std::vector<Candidate> candidates;  // of report.plans
  std::size_t best = 0;               // so many of report.plans are the best ones
  std::vector<TieGroup> groups;       // of the best plans, in their order
  std::vector<std::vector<PlanDifference>> differences;  // of each of the best from the first
  std::vector<std::size_t> alike;  // of each of the best: FoundPlan::alike
  std::vector<SearchFront> fronts;                       // without those that are empty
  std::vector<FoundRelaxation> relaxations;
  std::optional<std::size_t> nearest;  // where none fits: the plan that needs the least memory
  bool nearest_interrupted = false;    // the search for it was
  SearchRequest request;
  SearchCounts counts;
  double looked_at = 1;  // share of the combinations; below 1 where the search was interrupted

  [[nodiscard]] bool complete() const { return looked_at >= 1; }
  [[nodiscard]] bool found() const { return best > 0; }
};

// Pure. `nearest`: where no plan fits, the one that needs the least memory.
SearchReport search_report(const Scenario& scenario, const SearchResult& result,
                           double looked_at = 1,
                           const std::optional<FoundPlan>& nearest = std::nullopt);

// P(a is better than b by the objective): by time as compare_plans() has it, per GPU where the
// objective counts GPUs; 0.5 where both need the same memory to 0.1 %, else 0 or 1.
double better_probability(Objective objective, const PlanReport& a, const PlanReport& b);

// `next`: commands that carry on from here, one a line.
std::string search_text(const SearchReport& report, const std::vector<std::string>& next,
                        const TextOptions& options);
// Everything that does not depend on the machine or the order of work.
std::string search_json(const SearchReport& report);
// A row for each plan of each list.
std::string search_csv(const SearchReport& report);

// "memory", "gpus", "cost".
const char* to_string(FrontKind kind);

}  // namespace lockstep
