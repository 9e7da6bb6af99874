#include "tests/catch.hpp"

#if LOCKSTEP_HAS_NCCL

#include "tests/cli/process.hpp"
#include "validate/gpu/driver_version.hpp"
#include "validate/measure/failures.hpp"
#include "validate/nccl/nccl_library.hpp"
#include "validate/nccl/rank_places.hpp"

namespace {

using namespace lockstep;
using Devices = std::vector<std::vector<std::int64_t>>;

RankPlace place(std::int64_t process, const std::string& host, std::int64_t device,
                const std::string& bus) {
  RankPlace out;
  out.process = process;
  out.gpu.host = host;
  out.gpu.device = device;
  out.gpu.bus_id = bus;
  return out;
}

std::string message_of(const std::vector<ProcessVersions>& versions) {
  try {
    check_same_versions(versions, {0, 3});
  } catch (const MeasurementError& error) {
    return error.what();
  }
  return {};
}

}  // namespace

TEST_CASE("rank places: who takes which devices", "[unit]") {
  CHECK(devices_of_processes({{"a", 4}}, {}) == Devices{{0, 1, 2, 3}});
  CHECK(devices_of_processes({{"a", 4}}, 2) == Devices{{0, 1}});
  CHECK(devices_of_processes({{"a", 4}, {"a", 4}, {"b", 4}}, {}) == Devices{{0}, {1}, {0}});
  CHECK(devices_of_processes({{"a", 4}, {"b", 4}, {"a", 4}}, 2) == Devices{{0, 1}, {0, 1}, {2, 3}});
  // A launcher that shows every process only its own GPU.
  CHECK(devices_of_processes({{"a", 1}, {"a", 1}}, {}) == Devices{{0}, {0}});
  CHECK_THROWS_WITH(devices_of_processes({{"a", 4}, {"b", 1}}, 2),
                    "2 GPUs per process, but b shows process 1 only 1");
}

TEST_CASE("rank places: two ranks on one GPU are found by host and bus id", "[unit]") {
  const std::vector<RankPlace> apart{place(0, "a", 0, "0000:1b:00.0"),
                                     place(1, "b", 0, "0000:1b:00.0"),
                                     place(2, "a", 1, "0000:1c:00.0")};
  CHECK_FALSE(shared_gpu(apart));
  std::vector<RankPlace> together = apart;
  together.push_back(place(3, "a", 0, "0000:1c:00.0"));
  CHECK(shared_gpu(together).value() == "ranks 2 and 3 on a share GPU 1 (0000:1c:00.0)");
  CHECK(describe(apart, 2) == "rank 2 on a, GPU 1 (0000:1c:00.0)");
}

TEST_CASE("rank places: processes with different versions are named", "[unit]") {
  CHECK(message_of({{"node1", "2.28.9", "13.0"}, {"node7", "2.28.9", "13.0"}}).empty());
  CHECK(message_of({{"node1", "2.28.9", "13.0"}, {"node7", "2.26.2", "13.0"}}) ==
        "rank 3 on node7 has NCCL 2.26.2, rank 0 on node1 has NCCL 2.28.9");
  CHECK(message_of({{"node1", "2.28.9", "13.0"}, {"node7", "2.28.9", "12.8"}}) ==
        "rank 3 on node7 has CUDA 12.8, rank 0 on node1 has CUDA 13.0");
}

TEST_CASE("NCCL's version codes have one digit more from 2.9 on", "[unit]") {
  CHECK(nccl_version_text(2804) == "2.8.4");
  CHECK(nccl_version_text(20906) == "2.9.6");
  CHECK(nccl_version_text(22809) == "2.28.9");
  CHECK(nccl_version_text(30102) == "3.1.2");
}

TEST_CASE("the driver's version comes from the kernel module's text", "[unit]") {
  const test::TemporaryFolder folder;
  CHECK(driver_version(folder.file(
            "version",
            "NVRM version: NVIDIA UNIX x86_64 Kernel Module  580.82.07  Wed "
            "Aug 27 01:22:33 UTC 2025\nGCC version:  gcc version 12.2.0\n")) == "580.82.07");
  CHECK(driver_version(folder.file("open",
                                   "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  "
                                   "570.133.20  Release Build  (dvs)\n")) == "570.133.20");
  CHECK(driver_version(folder.file("other", "something else\n")).empty());
  CHECK(driver_version("/nowhere/version").empty());
}

#endif
