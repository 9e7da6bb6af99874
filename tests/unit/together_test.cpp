// Processes of a measuring run: who started them, how they fail together.
#include "tests/catch.hpp"

#include <map>
#include <sstream>

#include "tests/support/scripted_processes.hpp"
#include "validate/measure/failures.hpp"
#include "validate/measure/together.hpp"

using namespace lockstep;
using namespace lockstep::validation;
using lockstep::test::Aborted;
using lockstep::test::ScriptedProcesses;

namespace {

Launcher launcher_in(const std::map<std::string, std::string>& environment) {
  return find_launcher([&](const char* name) -> const char* {
    const auto found = environment.find(name);
    return found == environment.end() ? nullptr : found->second.c_str();
  });
}

// This process of two; the other one gives this code wherever codes are gathered.
ScriptedProcesses pair(int own_rank, double other_code) {
  ScriptedProcesses processes;
  processes.own_rank = own_rank;
  processes.others = [other_code](double) { return std::vector<double>{other_code}; };
  return processes;
}

}  // namespace

TEST_CASE("Launchers are known by what only they set", "[measure]") {
  CHECK_FALSE(launcher_in({}));
  const Launcher open_mpi = launcher_in({{"OMPI_COMM_WORLD_SIZE", "4"}, {"PMIX_RANK", "1"}});
  CHECK(open_mpi.name == "mpirun");
  CHECK(open_mpi.processes == 4);
  const Launcher mpich = launcher_in({{"PMI_RANK", "0"}, {"PMI_SIZE", "2"}});
  CHECK(mpich.name == "mpiexec");
  CHECK(mpich.processes == 2);
  const Launcher prte = launcher_in({{"PMIX_RANK", "0"}});
  CHECK(prte.name == "mpirun");
  CHECK(prte.processes == 0);
  const Launcher srun = launcher_in({{"SLURM_PROCID", "3"}, {"SLURM_NTASKS", "8"}, {"SLURM_STEP_NUM_TASKS", "8"}});
  CHECK(srun.name == "srun");
  CHECK(srun.processes == 8);
  // One task of srun, and a batch script of a job with eight: processes on their own.
  CHECK_FALSE(launcher_in({{"SLURM_STEP_NUM_TASKS", "1"}}));
  CHECK_FALSE(launcher_in({{"SLURM_PROCID", "0"}, {"SLURM_NTASKS", "8"}}));
}

TEST_CASE("A process without a launcher is a run of its own", "[measure]") {
  const std::unique_ptr<Processes> one = processes_of_run({});
  CHECK(one->rank() == 0);
  CHECK(one->size() == 1);
  CHECK(one->first());
  CHECK(one->gather(2.5) == std::vector<double>{2.5});
  CHECK(one->gather(std::string("a")) == std::vector<std::string>{"a"});
  CHECK(one->max(2.5) == 2.5);
  CHECK(one->library().empty());
}

TEST_CASE("The largest value is that of any process", "[measure]") {
  ScriptedProcesses processes;
  processes.others = [](double) { return std::vector<double>{1.0, 7.0}; };
  CHECK(processes.max(3.0) == 7.0);
  CHECK(processes.max(9.0) == 9.0);
}

TEST_CASE("Only the first process's outcome is shown, and its code is that of all", "[measure]") {
  std::ostringstream out;
  std::ostringstream err;
  const auto command = [] { return Outcome{"table\n", 0, "note\n"}; };
  ScriptedProcesses first = pair(0, 5);
  const Outcome shown = run_together(first, {out, err}, command);
  CHECK(shown.output == "table\n");
  CHECK(shown.remark == "note\n");
  CHECK(shown.code == 0);
  ScriptedProcesses second = pair(1, 5);
  const Outcome silent = run_together(second, {out, err}, command);
  CHECK(silent.output.empty());
  CHECK(silent.remark.empty());
  CHECK(silent.code == 5);
  CHECK(err.str().empty());
}

TEST_CASE("What one process cannot read ends all, and it alone says why", "[measure]") {
  std::ostringstream out;
  std::ostringstream err;
  const auto fails = [](ScriptedProcesses& processes) {
    return [&processes]() -> Outcome {
      agree(processes, [] { throw UsageError("there is no option --x"); });
      return {"went on", 0, {}};
    };
  };
  // Both fail: the first says it, with exit code 2; the other ends with it silently.
  ScriptedProcesses first = pair(0, 2);
  CHECK(run_together(first, {out, err}, fails(first)).code == 2);
  const std::string words =
      "lockstep-validate: there is no option --x\n  = help: lockstep-validate --help\n";
  CHECK(err.str() == words);
  CHECK(first.arrivals == 1);
  ScriptedProcesses second = pair(1, 2);
  const Outcome silent = run_together(second, {out, err}, fails(second));
  CHECK(silent.output.empty());
  CHECK(silent.code == 2);
  CHECK(second.arrivals == 1);
  // Only the second fails: it says so, the first ends with its code.
  ScriptedProcesses alone = pair(1, 0);
  CHECK(run_together(alone, {out, err}, fails(alone)).code == 2);
  CHECK(err.str() == words + words);
  ScriptedProcesses healthy = pair(0, 3);
  const Outcome ended = run_together(healthy, {out, err}, [&]() -> Outcome {
    agree(healthy, [] {});
    return {"went on", 0, {}};
  });
  CHECK(ended.output.empty());
  CHECK(ended.code == 3);
  CHECK(healthy.arrivals == 1);
  CHECK(err.str() == words + words);
  CHECK(out.str().empty());
}

TEST_CASE("What ends with an error code is written before any process ends", "[measure]") {
  std::ostringstream out;
  std::ostringstream err;
  const auto wrong = [] { return Outcome{"table\n", 1, "2 values are wrong\n"}; };
  ScriptedProcesses first = pair(0, 1);
  const Outcome written = run_together(first, {out, err}, wrong);
  CHECK(written.code == 1);
  CHECK(written.output.empty());
  CHECK(written.remark.empty());
  CHECK(out.str() == "table\n");
  CHECK(err.str() == "2 values are wrong\n");
  CHECK(first.arrivals == 1);
  ScriptedProcesses second = pair(1, 1);
  CHECK(run_together(second, {out, err}, wrong).code == 1);
  CHECK(out.str() == "table\n");
  CHECK(second.arrivals == 1);
}

TEST_CASE("A process that fails while others wait ends the run with one message", "[measure]") {
  std::ostringstream out;
  std::ostringstream err;
  ScriptedProcesses processes = pair(1, 0);
  int code = 0;
  try {
    static_cast<void>(run_together(processes, {out, err}, []() -> Outcome {
      throw MeasurementError("rank 1 on a: MPI_Bcast failed: out of memory", "a smaller --largest");
    }));
  } catch (const Aborted& aborted) {
    code = aborted.code;
  }
  CHECK(code == 1);
  CHECK(err.str() ==
        "lockstep-validate: measuring failed: rank 1 on a: MPI_Bcast failed: out of memory\n"
        "  = hint: a smaller --largest\n"
        "  = note: process 1 of 2 ended the run\n");
}

TEST_CASE("A process that is alone throws its error on", "[measure]") {
  std::ostringstream out;
  std::ostringstream err;
  const auto processes = single_process();
  CHECK_THROWS_WITH(run_together(*processes, {out, err}, []() -> Outcome { throw MeasurementError("no"); }), "no");
  CHECK(err.str().empty());
}
