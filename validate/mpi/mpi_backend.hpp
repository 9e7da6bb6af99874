// Collectives of MPI on the CPU, one rank per process.
#pragma once

#include <memory>

#include "validate/measure/collective_backend.hpp"
#include "validate/measure/processes.hpp"

namespace lockstep {

// The largest size of a call: MPI counts elements with an int.
inline constexpr std::int64_t largest_mpi_bytes = std::int64_t{4} << 30;

// Elements are floats, reductions sums. MPI's broadcast has one buffer only, so both of its sides
// are the same. `processes` is of MPI and outlives the backend. `hosts`: of every rank. Throws
// MeasurementError where the ranks are not in blocks of equal size by host.
std::unique_ptr<CollectiveBackend> mpi_backend(Processes& processes,
                                               const std::vector<std::string>& hosts);

}  // namespace lockstep
