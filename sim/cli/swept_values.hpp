// --over of the command line: a key and its values.
#pragma once

#include <string>
#include <vector>

#include "sim/sweep.hpp"

namespace lockstep::cli {

// "cluster.nodes=8,16", "cluster.nodes=8..512x2" (each twice the one before),
// "model.layers=8..64+8" (each 8 more); ranges and values may stand in one list, and a range may
// have a unit: "100..400x2 Gb/s" or "100 Gb/s..400 Gb/s x2". What the last step would go beyond is
// left out. Throws UsageError.
SweepAxis swept_axis(const std::string& text);

// Every --over. Throws UsageError also for three of them, two of one key, or too many points.
std::vector<SweepAxis> swept_axes(const std::vector<std::string>& texts);

}  // namespace lockstep::cli
