#include "validate/mpi/mpi_check.hpp"

#include <fmt/format.h>

#include <array>
#include <string>

#include "validate/measure/failures.hpp"

namespace lockstep {

void check_mpi(int code, const char* call) {
  if (code == MPI_SUCCESS) return;
  std::array<char, MPI_MAX_ERROR_STRING> text{};
  int length = 0;
  if (MPI_Error_string(code, text.data(), &length) != MPI_SUCCESS) length = 0;
  int rank = -1;
  std::array<char, MPI_MAX_PROCESSOR_NAME> host{};
  int host_length = 0;
  int ready = 0;
  MPI_Initialized(&ready);
  if (ready != 0) {
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Get_processor_name(host.data(), &host_length);
  }
  const std::string who =
      rank < 0 ? std::string("MPI")
               : fmt::format("rank {} on {}", rank,
                             std::string(host.data(), static_cast<std::size_t>(host_length)));
  throw MeasurementError(
      fmt::format("{}: {} failed: {}", who, call,
                  length == 0 ? fmt::format("error {}", code)
                              : std::string(text.data(), static_cast<std::size_t>(length))));
}

}  // namespace lockstep
