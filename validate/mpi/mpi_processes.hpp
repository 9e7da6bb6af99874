// The processes of an MPI job.
#pragma once

#include <memory>

#include "validate/measure/processes.hpp"

namespace lockstep {

// Initialises MPI; finalises it when it goes. Call it once. Throws MeasurementError.
std::unique_ptr<Processes> mpi_processes();

}  // namespace lockstep
