// `mpirun -np 2 lockstep-validate nccl`: one process per fake GPU. The fake NCCL exchanges data
// between processes through shared memory.
#include "tests/catch.hpp"

#if LOCKSTEP_HAS_NCCL

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/fake_gpu.hpp"
#include "tests/support/mpirun.hpp"
#include "validate/measure/measurement.hpp"
#include "validate/nccl/nccl_library.hpp"
#include "validate/nccl/rank_places.hpp"

namespace {

using namespace lockstep;
using test::FakeGpuLibraries;
using test::Finished;

using Environment = std::vector<std::pair<std::string, std::string>>;

// Two processes; `of_second` is the environment of the second alone.
Finished measure(const std::vector<std::string>& options, const Environment& of_both,
                 const Environment& of_second = {}) {
  const FakeGpuLibraries libraries;
  std::vector<std::string> command{LOCKSTEP_TEST_VALIDATE_PROGRAM,
                                   "nccl",
                                   "--libraries",
                                   libraries.path(),
                                   "--smallest",
                                   "1K",
                                   "--largest",
                                   "8K",
                                   "--factor",
                                   "8"};
  command.insert(command.end(), options.begin(), options.end());
  test::StartOptions start = test::mpirun_options();
  start.environment.emplace_back("LOCKSTEP_FAKE_LAUNCH", "0");
  start.environment.emplace_back("LOCKSTEP_FAKE_NCCL_BANDWIDTH", "1e9");
  start.environment.insert(start.environment.end(), of_both.begin(), of_both.end());
  std::vector<std::string> words{"-np", "1"};
  words.insert(words.end(), command.begin(), command.end());
  words.insert(words.end(), {":", "-np", "1"});
  if (!of_second.empty()) words.emplace_back("/usr/bin/env");
  for (const auto& [name, value] : of_second) words.push_back(name + "=" + value);
  words.insert(words.end(), command.begin(), command.end());
  return test::start(test::mpirun_program(), words, start);
}

bool says(const Finished& run, const std::string& text) {
  return run.err.find(text) != std::string::npos;
}

// The same until it says so, three times at most: mpirun may drop the last words of processes that
// are ended.
Finished measure_saying(const std::string& text, const std::vector<std::string>& options,
                        const Environment& of_both, const Environment& of_second = {}) {
  constexpr int most_runs = 3;
  Finished run;
  for (int i = 0; i < most_runs && !says(run, text); ++i)
    run = measure(options, of_both, of_second);
  return run;
}

}  // namespace

TEST_CASE("validate nccl: under mpirun every process takes a GPU, and one prints", "[cli]") {
  LOCKSTEP_NEEDS_MPIRUN();
  const Finished run = measure({"--format", "json"}, {{"LOCKSTEP_FAKE_GPUS", "2"}});
  INFO(run.err);
  REQUIRE(run.code == 0);
  const Measurement measurement = parse_measurement(run.out, "out");
  CHECK(measurement.functional_only.empty());
  CHECK_FALSE(measurement.machine.mpi.empty());
  REQUIRE(measurement.machine.gpus.size() == 2);
  CHECK(measurement.machine.gpus[0].bus_id == "0000:1b:00.0");
  CHECK(measurement.machine.gpus[1].bus_id == "0000:1c:00.0");
  REQUIRE(measurement.collectives.size() == 7);
  for (const CollectiveSweep& sweep : measurement.collectives) {
    INFO(to_string(sweep.collective));
    CHECK(sweep.ranks == 2);
    CHECK(sweep.nodes == 1);
    REQUIRE(sweep.points.size() == 2);
    for (const CollectivePoint& point : sweep.points) {
      // Two ranks: bus bytes are half of the buffer or all of it, over 1 GB/s; 10 us of latency.
      const double time =
          10e-6 + static_cast<double>(point.size_bytes) * bus_factor(sweep.collective, 2) / 1e9;
      CHECK(point.out_of_place.value().time.median_s == Approx(time).epsilon(1e-3));
      CHECK(point.out_of_place.value().wrong == 0);
    }
  }
}

TEST_CASE("validate nccl: two ranks on one GPU are refused, or run as a functional test", "[cli]") {
  LOCKSTEP_NEEDS_MPIRUN();
  const std::string shared = "ranks 0 and 1 on " + host_name() + " share GPU 0 (0000:1b:00.0)";
  const std::string words = "lockstep-validate: measuring failed: " + shared +
                            "\n  = hint: one rank per GPU measures; --share-gpu runs it as a "
                            "functional test, whose times calibrate nothing\n";
  const Finished refused = measure_saying(words, {}, {{"LOCKSTEP_FAKE_GPUS", "1"}});
  CHECK(refused.code == 1);
  CHECK(says(refused, words));
  // The fake refuses two ranks of one host on one GPU as NCCL does, so this needs other host ids.
  const Finished run = measure({"--share-gpu", "-c", "all_reduce", "--format", "json"},
                               {{"LOCKSTEP_FAKE_GPUS", "1"}});
  INFO(run.err);
  REQUIRE(run.code == 0);
  CHECK(says(run, "lockstep-validate: a functional test, no calibration: " + shared + "\n"));
  CHECK(parse_measurement(run.out, "out").functional_only == shared);
}

TEST_CASE("validate nccl: processes with different versions are refused", "[cli]") {
  LOCKSTEP_NEEDS_MPIRUN();
  const std::string host = host_name();
  const std::string own = nccl_version_text(NCCL_VERSION_CODE);
  const std::string words =
      "lockstep-validate: measuring failed: rank 1 on " + host + " has NCCL 2.26.2, rank 0 on " +
      host + " has NCCL " + own +
      "\n  = hint: every process has to load the same libraries: --libraries DIR names their "
      "folder, LD_LIBRARY_PATH may differ between hosts\n";
  const Finished nccl = measure_saying(words, {}, {{"LOCKSTEP_FAKE_GPUS", "2"}},
                                       {{"LOCKSTEP_FAKE_NCCL_VERSION", "22602"}});
  CHECK(nccl.code == 1);
  CHECK(says(nccl, words));
}

TEST_CASE("validate nccl: a process without a GPU ends all of them", "[cli]") {
  LOCKSTEP_NEEDS_MPIRUN();
  const std::string words =
      "lockstep-validate: skipped: no GPU: no CUDA-capable device is detected "
      "(cudaErrorNoDevice)\n";
  const Finished run =
      measure_saying(words, {}, {{"LOCKSTEP_FAKE_GPUS", "2"}}, {{"LOCKSTEP_FAKE_GPUS", "0"}});
  CHECK(run.code == 77);
  CHECK(says(run, words));
}

TEST_CASE("validate nccl: a rank that does not answer ends all of them", "[cli]") {
  LOCKSTEP_NEEDS_MPIRUN();
  const Finished run =
      measure({"-c", "all_reduce", "--timeout", "3"}, {{"LOCKSTEP_FAKE_GPUS", "2"}},
              {{"LOCKSTEP_FAKE_NCCL_HANG_AFTER", "3"}});
  CHECK(run.code == 1);
  CHECK(says(run, "rank 1 on " + host_name() +
                      ", GPU 1 (0000:1c:00.0): all_reduce of 1024 bytes in place on world, warm-up "
                      "of 5 calls: no answer within 3 s\n"));
}

#endif
