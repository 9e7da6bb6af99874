// The `timeline` object of a plan in the JSON of the reports.
#pragma once

#include <nlohmann/json.hpp>

#include "sim/report/timeline_report.hpp"

namespace lockstep {

// Stages, critical path, bubble by its paper, memory of the worst stage. Plays the timeline once.
nlohmann::ordered_json timeline_json(const TimelineReport& timeline);

}  // namespace lockstep
