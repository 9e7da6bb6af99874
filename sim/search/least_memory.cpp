#include "sim/search/least_memory.hpp"

#include <utility>

namespace lockstep {

namespace {

// Beyond what any plan needs.
constexpr double any_memory = 1e18;

}  // namespace

std::optional<FoundPlan> least_memory_plan(
    const Scenario& scenario, int threads,
    const std::function<void(std::uint64_t done, std::uint64_t all)>& progress,
    const std::atomic<bool>* stop) {
  Scenario roomy = scenario;
  roomy.cluster.system.gpu.memory_capacity.value = any_memory;
  roomy.cluster.system.host_memory.value = 0;  // not stated: any
  roomy.search.objective = Objective::memory;
  roomy.search.top = 1;
  roomy.search.constraints.clear();
  roomy.search.memory_headroom_bytes = 0;
  SearchResult result = search_plans(roomy, {}, threads, progress, stop);
  if (result.best.empty()) return std::nullopt;
  FoundPlan found = std::move(result.best.front());
  found.cluster.system.gpu.memory_capacity = scenario.cluster.system.gpu.memory_capacity;
  found.cluster.system.host_memory = scenario.cluster.system.host_memory;
  return found;
}

}  // namespace lockstep
