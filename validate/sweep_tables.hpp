// The sweeps of a measurement as tables, so that one fit serves them and the logs of nccl-tests.
#pragma once

#include <string>
#include <vector>

#include "validate/kernel_samples.hpp"
#include "validate/measure/measurement.hpp"
#include "validate/measured_table.hpp"

namespace lockstep {

struct SweepTables {
  std::vector<MeasuredTable> tables;  // in the order of the sweeps; a status says what is refused
};

// Refused: a rank far slower than the fastest (NCCL), a system or a GPU that the catalog lacks.
// Left out, with a status: groups that ran at the same time (a calibration holds groups alone), one
// rank.
SweepTables sweep_tables(const Measurement& measurement, const std::string& file,
                         const Catalog& catalog, const Aliases& aliases,
                         const ClusterChoice& choice);

}  // namespace lockstep
