// The memory of the stage that needs most, as an area under the drawing of the schedule.
#pragma once

#include <string>

#include "sim/report/timeline_drawing.hpp"

namespace lockstep {

// Columns are those of the axis. Empty without a curve.
std::string memory_curve_text(const TimelineReport& timeline, const TimelineSummary& summary,
                              const drawing::TimeAxis& axis, const TextOptions& options);

}  // namespace lockstep
