#include "sim/launcher.hpp"

#include <array>
#include <charconv>
#include <string_view>

namespace lockstep {
namespace {

// A launcher is known by a variable that only it sets in the processes it starts. srun: its step's
// tasks, since a batch script has SLURM_NTASKS too and is one process.
struct LauncherSign {
  const char* name;
  const char* variable;
  const char* processes;  // the variable with their number; null: none has it
};
constexpr std::array<LauncherSign, 6> signs{
    {{"mpirun", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_SIZE"},
     {"mpirun", "MV2_COMM_WORLD_SIZE", "MV2_COMM_WORLD_SIZE"},
     {"mpiexec", "PMI_RANK", "PMI_SIZE"},
     {"mpiexec", "MPI_LOCALNRANKS", nullptr},
     {"srun", "SLURM_STEP_NUM_TASKS", "SLURM_STEP_NUM_TASKS"},
     {"mpirun", "PMIX_RANK", nullptr}}};

// 0 where it is none.
std::int64_t number(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() ? value : 0;
}

}  // namespace

Launcher find_launcher(const std::function<const char*(const char*)>& variable) {
  for (const LauncherSign& sign : signs) {
    if (variable(sign.variable) == nullptr) continue;
    const char* count = sign.processes == nullptr ? nullptr : variable(sign.processes);
    const std::int64_t processes = count == nullptr ? 0 : number(count);
    // srun of one task is as good as none.
    if (std::string_view(sign.name) == "srun" && processes == 1) continue;
    return {sign.name, processes};
  }
  return {};
}

}  // namespace lockstep
