// What the search picks where measurements know the fastest of some plans: groups of runs that
// differ only in the plan, searched within the measured plans and ever farther from them.
//
// A pick that was measured has a regret. Most picks were never run: that they are faster is then a
// prediction that no measurement tests, and the numbers tell how far the search goes from what was
// measured.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "validate/search_limits.hpp"

namespace lockstep {

// Where the search may go, each within the next.
enum class SearchSpace {
  plans,    // the measured plans of the group
  values,   // request_of_values() of them
  features  // request_of_features() of all measured plans of the source
};
constexpr std::array search_spaces{SearchSpace::plans, SearchSpace::values, SearchSpace::features};
const char* name_of(SearchSpace space);    // "plans", for programs
const char* words_for(SearchSpace space);  // "the measured plans", for readers

struct MeasuredPlan {
  Plan plan;               // resolved, with its software
  double step_time_s = 0;  // measured; of repeats the median
  double predicted_s = 0;
  bool fits = true;  // predicted to
};

// One question: a model, training and cluster, and the plans that were measured.
struct SearchQuestion {
  std::string source;
  std::string model;
  std::string gpu;
  Scenario scenario;  // without plans; its software and search are set for each search
  std::vector<MeasuredPlan> plans;
};

struct SearchPick {
  std::string problem;             // why there is no pick; "" if there is one
  std::uint64_t combinations = 0;  // looked at, over all software profiles of the group
  std::string plan;                // the name of the shortest predicted step that fits
  bool measured = false;           // it was run, or is predicted as fast as a plan that was
  double regret = 0;               // measured(pick) / measured(fastest) - 1; only where measured
  // Share of the step that the pick is predicted to save against the plan that was measured
  // fastest, as that one is predicted. Below 0 where that one is predicted to be faster: it is
  // predicted not to fit, or has what the search does not vary (recompute of so many layers).
  double predicted_gain = 0;
  // What the pick has that no run of the source was measured with: unmeasured_settings().
  std::vector<std::string> unmeasured;
  [[nodiscard]] bool found() const { return problem.empty(); }
};

struct SearchedChoice {
  std::string source;
  std::string model;
  std::string gpu;
  std::int64_t gpus = 0;
  std::size_t plans = 0;     // measured
  std::string fastest;       // the name of the plan measured fastest
  bool fastest_fits = true;  // predicted to; else the search cannot pick it
  std::array<SearchPick, search_spaces.size()> picks;  // by SearchSpace
  [[nodiscard]] const SearchPick& pick(SearchSpace space) const {
    return picks[static_cast<std::size_t>(space)];
  }
};

// The groups of one source in one space.
struct SearchRegret {
  std::string source;  // "all" over all but the noisy ones
  SearchSpace space = SearchSpace::plans;
  std::size_t groups = 0;
  std::size_t found = 0;     // of them, those with a pick
  std::size_t measured = 0;  // of those, those whose pick was measured
  double median_regret = 0;  // over the measured picks
  double mean_regret = 0;
  std::size_t fastest = 0;           // measured picks that are the fastest
  std::size_t nearly = 0;            // measured picks within 5 % of it
  double median_predicted_gain = 0;  // over the picks that were not measured
  double largest_predicted_gain = 0;
  std::size_t beyond = 0;  // picks with something that no run of the source had
};

// A pick of so many seconds against what was measured; `of_source` holds every measured plan of the
// source. `measured` is not empty.
SearchPick judge_pick(const Plan& pick, double predicted_s,
                      const std::vector<MeasuredPlan>& measured, const PlanPointers& of_source);

// Picks in every space. The result does not depend on `threads`. A search that leaves no plan, or
// finds none that fits, is the pick's problem.
SearchedChoice search_choice(const SearchQuestion& question, const PlanPointers& of_source,
                             int threads);

// Every question, in their order; each with the plans of all questions of its source.
std::vector<SearchedChoice> search_choices(const std::vector<SearchQuestion>& questions,
                                           int threads);

// By source in order of first appearance, then all but `apart` together; of each every space.
std::vector<SearchRegret> summarize_search(const std::vector<SearchedChoice>& choices,
                                           const std::vector<std::string>& apart);

}  // namespace lockstep
