// Which legal plan needs the least memory, whatever a GPU has: what comes nearest where nothing
// fits.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>

#include "sim/search/search.hpp"

namespace lockstep {

// Of the scenario's search without its constraints and head-room. Nothing where no plan is legal.
// `threads`, `progress` and `stop` are those of search_plans().
std::optional<FoundPlan> least_memory_plan(
    const Scenario& scenario, int threads = 0,
    const std::function<void(std::uint64_t done, std::uint64_t all)>& progress = {},
    const std::atomic<bool>* stop = nullptr);

}  // namespace lockstep
