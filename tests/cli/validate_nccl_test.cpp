// `lockstep-validate nccl`: the real program on fake GPUs, whose NCCL takes 10 us and moves bus
// bytes at 1 GB/s in virtual time.
#include "tests/catch.hpp"

#if LOCKSTEP_HAS_NCCL

#include <unistd.h>

#include <algorithm>
#include <array>
#include <string>
#include <utility>
#include <vector>

#include "tests/cli/process.hpp"
#include "tests/support/fake_gpu.hpp"
#include "validate/measure/measurement.hpp"
#include "validate/nccl_tests_log.hpp"

namespace {

using namespace lockstep;
using test::FakeGpuLibraries;
using test::Finished;

using Environment = std::vector<std::pair<std::string, std::string>>;

constexpr double latency_s = 10e-6;
constexpr double bandwidth = 1e9;
constexpr double printed_s = 0.0051e-6;  // half of the last digit of a time that is printed

Finished measure(const FakeGpuLibraries& libraries, const std::vector<std::string>& options,
                 Environment environment) {
  std::vector<std::string> words{"nccl", "--libraries", libraries.path()};
  words.insert(words.end(), options.begin(), options.end());
  // Launches that cost nothing leave the model's own time.
  environment.emplace(environment.begin(), "LOCKSTEP_FAKE_LAUNCH", "0");
  environment.emplace(environment.begin(), "LOCKSTEP_FAKE_NCCL_BANDWIDTH", "1e9");
  return test::start(LOCKSTEP_TEST_VALIDATE_PROGRAM, words, {.environment = environment});
}

Finished measure(const std::vector<std::string>& options, const Environment& environment) {
  return measure(FakeGpuLibraries(), options, environment);
}

std::string host() {
  std::array<char, 256> name{};
  REQUIRE(::gethostname(name.data(), name.size() - 1) == 0);
  return name.data();
}

const std::string by_name =
    "lockstep-validate: predicted as generic-h100-sxm-80gb, by the GPUs' name; --cluster names the "
    "system\n";

// One small all-reduce on four GPUs.
const std::vector<std::string> small{"-c", "all_reduce", "--smallest", "1K", "--largest", "1K"};

}  // namespace

TEST_CASE(
    "validate nccl: every collective's table is read back, with the library's latency and "
    "bandwidth",
    "[cli]") {
  const Finished run = measure({"--smallest", "256", "--largest", "16K", "--factor", "8"},
                               {{"LOCKSTEP_FAKE_GPUS", "4"}});
  CHECK(run.err == by_name);
  REQUIRE(run.code == 0);
  const NcclLog log = parse_nccl_log(run.out, "out");
  CHECK(log.nccl_version == std::to_string(NCCL_MAJOR) + "." + std::to_string(NCCL_MINOR) + "." +
                                std::to_string(NCCL_PATCH));
  // Bus bytes per byte of buffer on 4 ranks: 2 x 3/4, 3/4 or 1.
  const std::vector<std::pair<std::string, double>> expected{
      {"all_reduce", 1.5}, {"all_gather", 0.75}, {"reduce_scatter", 0.75}, {"broadcast", 1},
      {"reduce", 1},       {"alltoall", 0.75},   {"sendrecv", 1}};
  REQUIRE(log.tables.size() == expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const NcclTable& table = log.tables[i];
    INFO(expected[i].first);
    CHECK(table.program == expected[i].first);
    CHECK(table.devices.size() == 4);
    REQUIRE(table.rows.size() == 3);  // 256 B, 2 and 16 KiB
    for (const NcclRow& row : table.rows) {
      const double time =
          latency_s + static_cast<double>(row.size_bytes) * expected[i].second / bandwidth;
      CHECK(row.out_of_place.time.value() == Approx(time).margin(printed_s));
      CHECK(row.in_place.time.value() == Approx(time).margin(printed_s));
      CHECK(row.out_of_place.wrong == "0");
      const bool unchecked = i >= 5;  // what is sent in place is overwritten
      CHECK(row.in_place.wrong == (unchecked ? "N/A" : "0"));
    }
  }
}

TEST_CASE("validate nccl: JSON has groups, registration, NCCL's estimate and the prediction",
          "[cli]") {
  const FakeGpuLibraries libraries;
  const test::TemporaryFolder folder;
  const std::string file = (folder.path() / "nccl.json").string();
  const Finished run =
      measure(libraries,
              {"-c", "all_reduce", "--smallest", "16K", "--largest", "16K", "--type", "bf16",
               "--groups", "world,blocks:2,every:2+", "--register", "both", "--cluster", "dgx-h100",
               "--format", "json", "-o", file},
              {{"LOCKSTEP_FAKE_GPUS", "8"}});
  CHECK(run.err == "lockstep-validate: wrote " + file + "\n");
  REQUIRE(run.code == 0);
  CHECK(test::read_file(file) == run.out);
  const Measurement measurement = parse_measurement(run.out, "out");
  CHECK(measurement.functional_only.empty());
  CHECK(measurement.machine.system == "dgx-h100");
  CHECK(measurement.machine.hosts == std::vector<std::string>{host()});
  CHECK(measurement.machine.cuda ==
        std::to_string(CUDART_VERSION / 1000) + "." + std::to_string(CUDART_VERSION % 1000 / 10));
  REQUIRE(measurement.machine.gpus.size() == 8);
  CHECK(measurement.machine.gpus[7].bus_id == "0000:22:00.0");
  CHECK(measurement.machine.gpus[7].device == 7);
  REQUIRE(measurement.collectives.size() == 6);
  const std::vector<std::int64_t> ranks{8, 2, 4, 8, 2, 4};
  const std::vector<std::int64_t> groups{1, 1, 2, 1, 1, 2};
  for (std::size_t i = 0; i < 6; ++i) {
    const CollectiveSweep& sweep = measurement.collectives[i];
    INFO(i);
    CHECK(sweep.backend == "nccl");
    CHECK(sweep.type == "bfloat16");
    CHECK(sweep.redop == "sum");
    CHECK(sweep.ranks == ranks[i]);
    CHECK(sweep.groups == groups[i]);
    CHECK(sweep.nodes == 1);
    CHECK(sweep.registered == (i >= 3));
    REQUIRE(sweep.points.size() == 1);
    const CollectivePoint& point = sweep.points.front();
    CHECK(point.count == 8192);
    // 10 us + 16 KiB x 2(n-1)/n over 1 GB/s
    const auto n = static_cast<double>(ranks[i]);
    const double time = latency_s + 16384 * 2 * (n - 1) / n / bandwidth;
    CHECK(point.out_of_place.value().time.median_s == Approx(time).epsilon(1e-3));
    CHECK(point.out_of_place.value().wrong == 0);
    CHECK(point.in_place.value().wrong == 0);
    CHECK(point.nccl_estimate_s.value() == Approx(0.9 * time).epsilon(1e-3));
    CHECK(point.predicted_s.value() > 0);
  }
}

TEST_CASE("validate nccl: sums of half precision are exact", "[cli]") {
  const Finished run = measure({"-c", "all_reduce,reduce_scatter,reduce", "--smallest", "128K",
                                "--largest", "128K", "--type", "half"},
                               {{"LOCKSTEP_FAKE_GPUS", "3"}});
  CHECK(run.err == by_name);
  REQUIRE(run.code == 0);
  const NcclLog log = parse_nccl_log(run.out, "out");
  REQUIRE(log.tables.size() == 3);
  for (const NcclTable& table : log.tables) {
    CHECK(table.rows.front().type == "half");
    CHECK(table.rows.front().out_of_place.wrong == "0");
    CHECK(table.rows.front().in_place.wrong == "0");
  }
}

TEST_CASE("validate nccl: one rank is measured and marked", "[cli]") {
  const Finished run = measure(small, {});
  CHECK(
      run.err ==
      "lockstep-validate: a functional test, no calibration: one rank alone does not communicate: "
      "its times are launches and copies\n");
  CHECK(run.code == 0);
  CHECK(run.out.find("# no calibration: one rank alone does not communicate") != std::string::npos);
}

TEST_CASE("validate nccl: --gpus takes some of a process's GPUs", "[cli]") {
  std::vector<std::string> options = small;
  options.insert(options.end(), {"--gpus", "2"});
  const Finished run = measure(options, {{"LOCKSTEP_FAKE_GPUS", "4"}});
  CHECK(run.code == 0);
  CHECK(run.out.find("# group: world, 2 ranks on 1 node\n") != std::string::npos);
  options.back() = "5";
  const Finished more = measure(options, {{"LOCKSTEP_FAKE_GPUS", "4"}});
  CHECK(more.code == 1);
  CHECK(more.err == "lockstep-validate: measuring failed: 5 GPUs per process, but " + host() +
                        " shows process 0 only 4\n"
                        "  = hint: --gpus N takes fewer; CUDA_VISIBLE_DEVICES hides GPUs; several "
                        "ranks on one GPU need a process each, under mpirun, and --share-gpu\n");
}

TEST_CASE("validate nccl: without a GPU, a driver or a library it is skipped in one line",
          "[cli]") {
  const Finished none = measure(small, {{"LOCKSTEP_FAKE_GPUS", "0"}});
  CHECK(none.code == 77);
  CHECK(none.err ==
        "lockstep-validate: skipped: no GPU: no CUDA-capable device is detected "
        "(cudaErrorNoDevice)\n");
  const std::string cuda =
      std::to_string(CUDART_VERSION / 1000) + "." + std::to_string(CUDART_VERSION % 1000 / 10);
  const Finished driver = measure(small, {{"LOCKSTEP_FAKE_DRIVER", "old"}});
  CHECK(driver.code == 77);
  CHECK(driver.err == "lockstep-validate: skipped: no NVIDIA driver, or one too old for CUDA " +
                          cuda +
                          ": CUDA driver version is insufficient for CUDA runtime version\n");
  CHECK(driver.out.empty());
}

TEST_CASE("validate nccl: an NCCL that is too old or of another major version is skipped",
          "[cli]") {
  const FakeGpuLibraries libraries;
  const std::string path = libraries.path() + "/" + FakeGpuLibraries::nccl_name();
  const Finished major = measure(libraries, small, {{"LOCKSTEP_FAKE_NCCL_VERSION", "30102"}});
  CHECK(major.code == 77);
  CHECK(major.err == "lockstep-validate: skipped: " + path +
                         " is NCCL 3.1.2, but this lockstep-validate was built for NCCL " +
                         std::to_string(NCCL_MAJOR) + "\n");
  libraries.replace(FakeGpuLibraries::nccl_name(), LOCKSTEP_TEST_OLD_NCCL);
  const Finished old = measure(libraries, small, {});
  CHECK(old.code == 77);
  CHECK(old.err == "lockstep-validate: skipped: NCCL (" + path +
                       ") is too old or too new: it has no ncclGetErrorString\n");
}

TEST_CASE("validate nccl: errors of NCCL say who, which call and what NCCL says", "[cli]") {
  const std::string where = "ranks 0 to 3 on " + host();
  const std::string call = "all_reduce of 1024 bytes in place on world, ";
  const Environment four{{"LOCKSTEP_FAKE_GPUS", "4"}};
  const auto with = [&](const Environment& more) {
    Environment all = four;
    all.insert(all.end(), more.begin(), more.end());
    return measure(small, all);
  };

  const Finished init =
      with({{"LOCKSTEP_FAKE_NCCL_INIT_ERROR", "ncclSystemError"},
            {"LOCKSTEP_FAKE_NCCL_LAST_ERROR", "socketStartConnect: no route to host"}});
  CHECK(init.code == 1);
  CHECK(init.err ==
        "lockstep-validate: measuring failed: " + where +
            ": making the communicator of all ranks: unhandled system error "
            "(ncclSystemError): socketStartConnect: no route to host\n"
            "  = hint: a socket, a file or shared memory failed: NCCL_DEBUG=WARN says "
            "which; containers need /dev/shm of a gigabyte, and NCCL_SOCKET_IFNAME names "
            "the network interface\n");

  const Finished call_error = with({{"LOCKSTEP_FAKE_NCCL_CALL_ERROR", "ncclInternalError"},
                                    {"LOCKSTEP_FAKE_NCCL_CALL_ERROR_AFTER", "1"}});
  CHECK(call_error.code == 1);
  CHECK(call_error.err == "lockstep-validate: measuring failed: " + where + ": " + call +
                              "the call: internal error - please report this issue to the NCCL "
                              "developers (ncclInternalError)\n"
                              "  = hint: NCCL_DEBUG=INFO shows what NCCL does\n");

  const Finished remote = with({{"LOCKSTEP_FAKE_NCCL_HANG_AFTER", "0"},
                                {"LOCKSTEP_FAKE_NCCL_ASYNC_ERROR", "ncclRemoteError"}});
  CHECK(remote.code == 1);
  CHECK(remote.err ==
        "lockstep-validate: measuring failed: rank 0 on " + host() +
            ", GPU 0 (0000:1b:00.0): " + call +
            "warm-up of 5 calls: remote process exited or there was a network error "
            "(ncclRemoteError)\n"
            "  = hint: another rank ended or the network failed: the first message of "
            "the other ranks says why\n");
}

TEST_CASE("validate nccl: a GPU that fails is named", "[cli]") {
  // The calls on GPU 2 before the first collective are some dozens; the collective itself meets it.
  const Finished early =
      measure(small, {{"LOCKSTEP_FAKE_GPUS", "4"}, {"LOCKSTEP_FAKE_FAIL_DEVICE", "2"}});
  CHECK(early.code == 1);
  CHECK(early.err ==
        "lockstep-validate: measuring failed: GPU 2: cudaSetDevice: uncorrectable ECC error "
        "encountered (cudaErrorECCUncorrectable)\n"
        "  = hint: nvidia-smi -q and the kernel's log (dmesg | grep -i xid) say more\n");
  const Finished late = measure(small, {{"LOCKSTEP_FAKE_GPUS", "4"},
                                        {"LOCKSTEP_FAKE_FAIL_DEVICE", "2"},
                                        {"LOCKSTEP_FAKE_FAIL_AFTER", "60"}});
  CHECK(late.code == 1);
  CHECK(
      late.err.find("lockstep-validate: measuring failed: ranks 0 to 3 on " + host() +
                    ": all_reduce of 1024 bytes in place on world, the call: unhandled cuda error "
                    "(ncclUnhandledCudaError): Cuda failure 'uncorrectable ECC error encountered'\n"
                    "  = hint: a GPU or the driver failed: nvidia-smi -q and the kernel's log "
                    "(dmesg | grep -i xid) say more\n") == 0);
}

TEST_CASE("validate nccl: memory that does not suffice is said with its size", "[cli]") {
  const Finished run = measure({"--largest", "64M"}, {{"LOCKSTEP_FAKE_GPU_MEMORY", "100e6"}});
  CHECK(run.code == 1);
  CHECK(run.err ==
        "lockstep-validate: measuring failed: GPU 0: cudaMalloc of 67108864 bytes: out of memory "
        "(cudaErrorMemoryAllocation)\n"
        "  = hint: nvidia-smi -q and the kernel's log (dmesg | grep -i xid) say more\n");
}

TEST_CASE("validate nccl: wrong results are counted and end in exit code 1", "[cli]") {
  const Finished run =
      measure(small, {{"LOCKSTEP_FAKE_GPUS", "4"}, {"LOCKSTEP_FAKE_NCCL_CORRUPT", "3"}});
  CHECK(run.code == 1);
  // One element of one rank, in place and out of place.
  CHECK(run.err ==
        by_name + "lockstep-validate: wrong results: 2 elements of all_reduce on world\n");
  const NcclLog log = parse_nccl_log(run.out, "out");
  CHECK(log.tables.front().rows.front().out_of_place.wrong == "1");
  CHECK(log.tables.front().rows.front().in_place.wrong == "1");
}

TEST_CASE("validate nccl: a GPU that is far slower than its siblings is named", "[cli]") {
  // 1 MiB at 100 MB/s takes t = 15.7 ms, so that each of the 5 repeats is one call: 1.3 t on the
  // slow rank, t on the others. In a warm-up of 5 calls the others wait for it in all but the last:
  // (4 x 1.3 + 1) / 5 = 1.24 t. Together 6 x 1.3 / (5 + 1.24) = 1.25.
  // Its copy takes 1.3 x (2 us + 2 MiB over 3 TB/s).
  const Finished run = measure({"-c", "all_reduce", "--smallest", "1M", "--largest", "1M"},
                               {{"LOCKSTEP_FAKE_GPUS", "4"},
                                {"LOCKSTEP_FAKE_NCCL_BANDWIDTH", "1e8"},
                                {"LOCKSTEP_FAKE_SLOW_DEVICE", "2"},
                                {"LOCKSTEP_FAKE_SLOW_FACTOR", "1.3"}});
  CHECK(run.code == 0);
  const std::string gpu = "lockstep-validate: GPU 2 (0000:1d:00.0) of " + host();
  CHECK(run.err ==
        by_name + gpu +
            " takes 1.30 times as long as the fastest to copy its own memory: its clocks "
            "or another program slow it\n" +
            gpu + " takes 1.25 times as long as the fastest in all_reduce on world\n");
}

TEST_CASE("validate nccl: a hang is ended, with the rank and the call", "[cli]") {
  // The first group is the meeting before the warm-up.
  std::vector<std::string> options = small;
  options.insert(options.end(), {"--timeout", "0.5"});
  const Finished run =
      measure(options, {{"LOCKSTEP_FAKE_GPUS", "2"}, {"LOCKSTEP_FAKE_NCCL_HANG_AFTER", "3"}});
  CHECK(run.code == 1);
  CHECK(run.err ==
        "lockstep-validate: measuring failed: rank 0 on " + host() +
            ", GPU 0 (0000:1b:00.0): all_reduce of 1024 bytes in place on world, warm-up "
            "of 5 calls: no answer within 0.5 s\n"
            "  = hint: NCCL_DEBUG=INFO shows what NCCL waits for; --timeout S waits longer\n");
  CHECK(run.out.empty());
}

TEST_CASE("validate nccl: the command line is read strictly", "[cli]") {
  const std::string help = "  = help: lockstep-validate --help\n";
  const Finished gpus = measure({"--gpus", "0"}, {});
  CHECK(gpus.code == 2);
  CHECK(gpus.err ==
        "lockstep-validate: --gpus is '0'\n  = hint: a whole number from 1 on\n" + help);
  const Finished timeout = measure({"--timeout", "soon"}, {});
  CHECK(timeout.code == 2);
  CHECK(timeout.err ==
        "lockstep-validate: --timeout is 'soon'\n  = hint: seconds above 0, such as 60\n" + help);
  const Finished file = measure({"log.txt"}, {});
  CHECK(file.code == 2);
  CHECK(file.err ==
        "lockstep-validate: nccl takes no file: log.txt\n"
        "  = hint: --cluster CLUSTER names what is measured, --output FILE where it is "
        "written\n" +
            help);
  CHECK(measure({"--cluster", "dgx-h10"}, {}).code == 3);
  const Finished text = measure({"--help"}, {});
  CHECK(text.code == 0);
  CHECK(std::count(text.out.begin(), text.out.end(), '\n') <= 40);
  CHECK(text.out.find("examples:\n") != std::string::npos);
}

#endif
