// Calls of MPI whose failures become errors that name the rank and the call.
#pragma once

#include <mpi.h>

namespace lockstep {

// Throws MeasurementError where `code` is not MPI_SUCCESS. `call` is the function's name.
void check_mpi(int code, const char* call);

}  // namespace lockstep
