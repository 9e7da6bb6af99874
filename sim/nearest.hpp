// The measured runs that a prediction can lean on.
#pragma once

#include <vector>

#include "sim/report/report.hpp"

namespace lockstep {

constexpr std::size_t nearest_count = 8;

// The runs with a measured step time that are nearest by evidence_distance.hpp, at most
// nearest_count, nearest first and at equal distance in the order of the file. Of runs that differ
// in nothing that a reader is told (source, model, software, GPUs), the nearest.
std::vector<NearestRun> nearest_runs(const std::vector<EvidenceRow>& rows, const EvidenceRow& plan);


}  // namespace lockstep
