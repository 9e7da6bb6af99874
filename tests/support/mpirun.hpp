// Starts programs under mpirun, several ranks on this machine.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "tests/cli/process.hpp"

namespace lockstep::test {

// mpirun of the MPI that this build has; "" where there is none.
inline std::string mpirun_program() {
  const std::string program = LOCKSTEP_TEST_MPIRUN;
  std::error_code unknown;
  return LOCKSTEP_HAS_MPI && std::filesystem::exists(program, unknown) ? program : std::string{};
}

// For root, more ranks than cores, no network but shared memory; the same for Open MPI 4 and 5.
inline StartOptions mpirun_options() {
  StartOptions options;
  // What Open MPI keeps at its end is no leak of ours, and cannot be told from one any more.
  options.environment = {{"ASAN_OPTIONS", "detect_leaks=0"},
                         {"OMPI_ALLOW_RUN_AS_ROOT", "1"},
                         {"OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1"},
                         {"OMPI_MCA_rmaps_base_oversubscribe", "1"},
                         {"OMPI_MCA_hwloc_base_binding_policy", "none"},
                         {"OMPI_MCA_mpi_yield_when_idle", "1"},
                         {"OMPI_MCA_btl", "self,vader"},
                         {"OMPI_MCA_btl_vader_single_copy_mechanism", "none"},
                         {"OMPI_MCA_plm", "isolated"},
                         {"PRTE_MCA_rmaps_default_mapping_policy", ":oversubscribe"}};
  return options;
}

// `mpirun -np RANKS PROGRAM ARGUMENTS...`
inline Finished mpirun(int ranks, const std::string& program, const std::vector<std::string>& arguments) {
  std::vector<std::string> words{"-np", std::to_string(ranks), program};
  words.insert(words.end(), arguments.begin(), arguments.end());
  return start(mpirun_program(), words, mpirun_options());
}

}  // namespace lockstep::test

#define LOCKSTEP_NEEDS_MPIRUN()                                                     \
  do {                                                                              \
    if (lockstep::test::mpirun_program().empty()) LOCKSTEP_SKIP("there is no mpirun"); \
  } while (false)
