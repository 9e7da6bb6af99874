#include "validate/measure/processes.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "validate/measure/failures.hpp"
#if LOCKSTEP_HAS_MPI
#include "validate/mpi/mpi_processes.hpp"
#endif

namespace lockstep {
namespace {

class SingleProcess : public Processes {
 public:
  [[nodiscard]] int rank() const override { return 0; }
  [[nodiscard]] int size() const override { return 1; }
  void barrier() override {}
  void broadcast(std::span<std::byte> /*bytes*/, int /*root*/) override {}
  [[nodiscard]] std::vector<double> gather(double value) override { return {value}; }
  [[nodiscard]] std::vector<std::string> gather(const std::string& text) override { return {text}; }
  void let_words_arrive() override {}
  [[noreturn]] void abort(int code) override {
    std::fflush(nullptr);
    std::_Exit(code);
  }
  [[nodiscard]] std::string library() const override { return {}; }
};

}  // namespace

double Processes::max(double value) {
  const std::vector<double> values = gather(value);
  return *std::max_element(values.begin(), values.end());
}

std::unique_ptr<Processes> single_process() {
  return std::make_unique<SingleProcess>();
}

Launcher started_by_launcher() {
  return find_launcher([](const char* name) -> const char* { return std::getenv(name); });
}

std::unique_ptr<Processes> processes_of_run(const Launcher& launcher) {
  if (!launcher) return single_process();
#if LOCKSTEP_HAS_MPI
  std::unique_ptr<Processes> processes = mpi_processes();
  if (launcher.processes <= processes->size()) return processes;
  throw MeasurementError(
      fmt::format("{} started {} processes, but MPI ({}) knows of {}", launcher.name,
                  launcher.processes, processes->library(), processes->size()),
      "start them with the mpirun of that MPI, or with srun --mpi=pmix");
#else
  if (launcher.processes == 1) return single_process();
  throw Unavailable(
      fmt::format("{} started several processes, but this lockstep-validate was built without MPI",
                  launcher.name));
#endif
}

}  // namespace lockstep
