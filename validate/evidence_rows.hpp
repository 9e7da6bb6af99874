// From a measured run and its errors to a row of the evidence.
#pragma once

#include "scenarios/evidence.hpp"
#include "validate/run_record.hpp"
#include "validate/run_row.hpp"

namespace lockstep {

// What the run is and what was measured of it; errors are left at 0 for the caller, who knows which
// fit took part. `fitted` sets how far the constants explain errors (step_spread, memory_spread).
// The run must have been built (skipped empty).
EvidenceRow evidence_row(const RunRecord& record, const RunScenario& run,
                         const FittedParameters& fitted);

// Learns both laws from the rows.
Evidence evidence_of(const FittedParameters& fitted, std::vector<EvidenceRow> rows);

}  // namespace lockstep
