// The best plan of a point, by the search.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include "sim/search/search.hpp"
#include "sim/sweep.hpp"

namespace lockstep {

namespace {

// The reason that most plans have.
std::string largest(const std::map<std::string, std::uint64_t>& by_reason) {
  std::string reason;
  std::uint64_t most = 0;
  for (const auto& [name, count] : by_reason) {
    if (count > most) reason = name;
    most = std::max(most, count);
  }
  return reason;
}

std::string why_none(const SearchCounts& counts) {
  if (counts.legal == 0) {
    return fmt::format("none of {} combinations is legal; of most the reason is: {}",
                       counts.enumerated, largest(counts.illegal));
  }
  if (counts.feasible > 0) {
    return fmt::format("none of {} plans that fit keeps the other limits", counts.feasible);
  }
  return fmt::format("none of {} legal plans is within the limits; of most the reason is: {}",
                     counts.legal, largest(counts.infeasible));
}

}  // namespace

FoundBest find_best_plan(const Scenario& scenario) {
  return best_of(search_plans(scenario));
}

FoundBest best_of(SearchResult result) {
  if (result.best.empty()) return {std::nullopt, why_none(result.counts)};
  return {std::move(result.best.front()), {}};
}

}  // namespace lockstep
