// lockstep-validate mpi, alone and under mpirun.
#include <unistd.h>

#include <algorithm>

#include "tests/catch.hpp"
#include "tests/cli/process.hpp"
#include "tests/support/mpirun.hpp"
#include "validate/measure/failures.hpp"
#include "validate/measure/measurement.hpp"
#include "validate/measure/processes.hpp"
#include "validate/measure/together.hpp"
#include "validate/nccl_tests_log.hpp"

using namespace lockstep;
using namespace lockstep::test;

namespace {

const std::string program = LOCKSTEP_TEST_VALIDATE_PROGRAM;

// Small and quick; what the times are is not looked at.
std::vector<std::string> quick(const std::vector<std::string>& more) {
  std::vector<std::string> words{"mpi", "--largest", "4K", "--factor", "8", "--seconds", "0.01"};
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

std::size_t count(const std::string& text, const std::string& what) {
  std::size_t found = 0;
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++found;
  return found;
}

bool has(const std::string& text, const std::string& what) { return text.find(what) != std::string::npos; }

// This program, of which mpirun starts hidden test cases.
std::string own_program() { return std::filesystem::read_symlink("/proc/self/exe").string(); }

// mpirun of a script that does one thing on rank 1 and runs lockstep-validate on the others.
Finished mpirun_unlike(int ranks, const std::string& on_rank_1, const std::string& on_others) {
  const std::string rank = "${OMPI_COMM_WORLD_RANK:-${PMIX_RANK:-$PMI_RANK}}";
  return mpirun(ranks, "/bin/sh",
                {"-c", "if [ \"" + rank + "\" = 1 ]; then exec " + on_rank_1 + "; else exec " + program + " " +
                           on_others + "; fi"});
}

void check_sweep(const CollectiveSweep& sweep, std::int64_t ranks) {
  INFO(to_string(sweep.collective) << " on " << sweep.group);
  CHECK(sweep.backend == "mpi");
  CHECK(sweep.type == "float");
  CHECK(sweep.ranks == ranks);
  CHECK(sweep.nodes == 1);
  CHECK_FALSE(sweep.registered);
  REQUIRE_FALSE(sweep.points.empty());
  CHECK(sweep.points.back().size_bytes == 4096);
  for (const CollectivePoint& point : sweep.points) {
    REQUIRE(point.out_of_place);
    CHECK(point.out_of_place->wrong == 0);
    CHECK(point.out_of_place->time.repeats >= 1);
    CHECK_FALSE(point.nccl_estimate_s);
    CHECK(point.in_place.has_value() == (sweep.collective != Collective::broadcast));
    if (point.in_place) CHECK(point.in_place->wrong.value_or(0) == 0);
  }
}

}  // namespace

TEST_CASE("mpi explains itself and refuses what it cannot read", "[mpi]") {
  const Finished help = start(program, {"mpi", "--help"});
  CHECK(help.code == 0);
  CHECK(has(help.out, "usage: mpirun -np N lockstep-validate mpi [options]\n"));
  CHECK(count(help.out, "\n") <= 40);
  if (!LOCKSTEP_HAS_MPI) LOCKSTEP_SKIP("built without MPI");
  const Finished file = start(program, {"mpi", "log.txt"});
  CHECK(file.code == 2);
  CHECK(file.err ==
        "lockstep-validate: mpi takes no file: log.txt\n"
        "  = hint: --cluster CLUSTER names what is measured, --output FILE where it is written\n"
        "  = help: lockstep-validate --help\n");
  const Finished timeout = start(program, {"mpi", "--timeout", "0"});
  CHECK(timeout.code == 2);
  CHECK(timeout.err ==
        "lockstep-validate: --timeout is '0'\n"
        "  = hint: seconds above 0, such as 60\n"
        "  = help: lockstep-validate --help\n");
  const Finished large = start(program, {"mpi", "--largest", "8G"});
  CHECK(large.code == 2);
  CHECK(large.err ==
        "lockstep-validate: --largest is 8G\n  = hint: 4G at most\n  = help: lockstep-validate --help\n");
  const Finished cluster = start(program, {"mpi", "--cluster", "no-such"});
  CHECK(cluster.code == 3);
  CHECK(has(cluster.err, "error[E301]: 'no-such' is neither a system of the catalog nor a file\n"));
}

TEST_CASE("A build without MPI skips in one line", "[mpi]") {
  if (LOCKSTEP_HAS_MPI) LOCKSTEP_SKIP("built with MPI");
  const Finished run = start(program, quick({}));
  CHECK(run.code == 77);
  CHECK(run.out.empty());
  CHECK(run.err ==
        "lockstep-validate: skipped: this lockstep-validate was built without MPI (Debian: libopenmpi-dev)\n");
}

TEST_CASE("One rank alone runs, and its times calibrate nothing", "[mpi]") {
  LOCKSTEP_NEEDS_MPIRUN();
  const TemporaryFolder folder;
  const std::string file = (folder.path() / "alone.json").string();
  StartOptions options = mpirun_options();
  const Finished run = start(program, quick({"-c", "all_reduce", "-o", file}), options);
  INFO(run.err);
  REQUIRE(run.code == 0);
  CHECK(run.err == "lockstep-validate: wrote " + file + "\n");
  CHECK(has(run.out, "# no calibration: one rank alone communicates with nobody\n"));
  const Measurement measured = parse_measurement(read_file(file), file);
  CHECK(measured.functional_only == "one rank alone communicates with nobody");
  REQUIRE(measured.collectives.size() == 1);
  check_sweep(measured.collectives[0], 1);
}

TEST_CASE("Two ranks measure every collective, and one of them prints", "[mpi]") {
  LOCKSTEP_NEEDS_MPIRUN();
  const TemporaryFolder folder;
  const std::string file = (folder.path() / "two.json").string();
  const Finished run = mpirun(2, program, quick({"--cluster", "dgx-h100", "-o", file}));
  INFO(run.err);
  REQUIRE(run.code == 0);
  CHECK(count(run.out, "# lockstep-validate mpi, ") == 1);
  CHECK(count(run.out, "# Out of bounds values : 0 OK\n") == all_collectives.size());
  const NcclLog log = parse_nccl_log(run.out, "two.txt");
  REQUIRE(log.tables.size() == all_collectives.size());
  CHECK(log.tables[6].program == "sendrecv");

  const Measurement measured = parse_measurement(read_file(file), file);
  CHECK(measured.functional_only.empty());
  CHECK(measured.machine.system == "dgx-h100");
  CHECK(measured.machine.hosts.size() == 1);
  CHECK_FALSE(measured.machine.mpi.empty());
  CHECK(measured.machine.gpus.empty());
  CHECK(has(measured.machine.command, "lockstep-validate mpi --largest 4K"));
  REQUIRE(measured.collectives.size() == all_collectives.size());
  for (std::size_t i = 0; i < all_collectives.size(); ++i) {
    CHECK(measured.collectives[i].collective == all_collectives[i]);
    check_sweep(measured.collectives[i], 2);
    CHECK(measured.collectives[i].rank_slowness.size() == 2);
  }
}

TEST_CASE("Four ranks measure groups alone and at once", "[mpi]") {
  LOCKSTEP_NEEDS_MPIRUN();
  const Finished run = mpirun(4, program, quick({"-c", "all_reduce,alltoall", "--groups",
                                                 "world,blocks:2,every:2+", "--format", "json"}));
  INFO(run.err);
  REQUIRE(run.code == 0);
  const Measurement measured = parse_measurement(run.out, "four.json");
  REQUIRE(measured.collectives.size() == 6);
  const std::vector<std::string> names{"world", "blocks of 2", "every 2nd"};
  for (std::size_t i = 0; i < 6; ++i) {
    const CollectiveSweep& sweep = measured.collectives[i];
    CHECK(sweep.group == names[i / 2]);
    CHECK(sweep.groups == (i / 2 == 2 ? 2 : 1));
    check_sweep(sweep, i / 2 == 0 ? 4 : 2);
    // of those that took part
    CHECK(sweep.rank_slowness.size() == (i / 2 == 1 ? 2U : 4U));
  }
}

TEST_CASE("Under mpirun an error is said once and is every rank's exit code", "[mpi]") {
  LOCKSTEP_NEEDS_MPIRUN();
  const Finished usage = mpirun(3, program, quick({"--groups", "blocks:2"}));
  CHECK(usage.code == 2);
  CHECK(usage.out.empty());
  CHECK(count(usage.err,
              "lockstep-validate: --groups blocks:2: blocks of 2 do not divide 3 ranks\n"
              "  = hint: N from 2 on that divides the ranks\n"
              "  = help: lockstep-validate --help\n") == 1);
  CHECK(count(usage.err, "lockstep-validate: ") == 1);
  const Finished help = mpirun(2, program, {"mpi", "--help"});
  CHECK(help.code == 0);
  CHECK(count(help.out, "usage: ") == 1);
  const TemporaryFolder folder;
  const std::string nowhere = (folder.path() / "no" / "such" / "folder.json").string();
  const Finished unwritable = mpirun(2, program, quick({"-c", "all_reduce", "-o", nowhere}));
  CHECK(unwritable.code == 3);
  CHECK(count(unwritable.err, "error[E530]: the measurement could not be written\n") == 1);
}

TEST_CASE("Ranks with other options are refused instead of waiting for each other", "[mpi]") {
  LOCKSTEP_NEEDS_MPIRUN();
  const Finished run = mpirun_unlike(2, program + " mpi -c reduce", "mpi -c all_reduce");
  CHECK(run.code == 2);
  CHECK(run.out.empty());
  CHECK(count(run.err,
              "lockstep-validate: process 1 was started as `lockstep-validate mpi -c reduce`, process 0 as "
              "`lockstep-validate mpi -c all_reduce`\n"
              "  = hint: all processes of a run take the same options\n") == 1);
}

// Started by the test below, as rank 1 of a run.
TEST_CASE("A rank that throws", "[.mpi-throws]") {
  const std::unique_ptr<Processes> processes = processes_of_run(started_by_launcher());
  static_cast<void>(validation::run_together(*processes, {std::cout, std::cerr}, [&]() -> validation::Outcome {
    if (processes->rank() == 1) throw MeasurementError("rank 1: the cable is out", "push it in");
    processes->barrier();
    return {"never", 0, {}};
  }));
}

TEST_CASE("A rank that throws ends all ranks with one message", "[mpi]") {
  LOCKSTEP_NEEDS_MPIRUN();
  const Finished run = mpirun(3, own_program(), {"[.mpi-throws]"});
  CHECK(run.code != 0);
  CHECK(count(run.err,
              "lockstep-validate: measuring failed: rank 1: the cable is out\n"
              "  = hint: push it in\n"
              "  = note: process 1 of 3 ended the run\n") == 1);
  CHECK(count(run.err, "lockstep-validate: ") == 1);
}

TEST_CASE("A rank that never answers", "[.mpi-hangs]") {
  const std::unique_ptr<Processes> processes = processes_of_run(started_by_launcher());
  while (processes->size() > 1) ::pause();  // until it is ended
}

TEST_CASE("A rank that never answers is noticed, and all ranks end", "[mpi]") {
  LOCKSTEP_NEEDS_MPIRUN();
  const Finished run =
      mpirun_unlike(2, "'" + own_program() + "' '[.mpi-hangs]'", "mpi -c all_reduce --timeout 1");
  CHECK(run.code != 0);
  CHECK_FALSE(has(run.out, "# lockstep-validate mpi"));
  CHECK(has(run.err, "lockstep-validate: measuring failed: rank 0 on "));
  CHECK(has(run.err,
            ": waiting for the other processes: no answer within 1 s\n"
            "  = hint: did another process end? --timeout S waits longer\n"));
}
