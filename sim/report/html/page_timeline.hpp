// The slices of a timeline that a page shows.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>

#include "sim/report/timeline_report.hpp"

namespace lockstep {

// At most about `most` slices, in columns. Where the step has more, transfers are left out first,
// then the middle of the step: what is shown is whole, so that no gap looks like a bubble.
nlohmann::ordered_json page_timeline(const TimelineReport& timeline, std::int64_t most);

// Allocated bytes over time by class, of as many stages as `most_points` points allow: the one that
// holds most, the first and the last of all. Null where nothing is known of the memory.
nlohmann::ordered_json page_memory(const TimelineReport& timeline, std::int64_t most_points);

}  // namespace lockstep
