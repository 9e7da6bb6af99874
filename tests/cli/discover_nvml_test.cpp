// `lockstep-validate discover` with a library that stands in for NVML: the real loader, run in a
// process of its own.
#include <nlohmann/json.hpp>

#include "tests/catch.hpp"
#include "tests/support/discover_fixture.hpp"

using namespace lockstep;
using namespace lockstep::test;

namespace {

Finished discover(const std::string& mode, std::vector<std::string> words = {},
                  const std::string& age = "new") {
  words.insert(words.begin(),
               {"discover", "--libraries", std::string(LOCKSTEP_TEST_FAKE_NVML) + "/" + age});
  StartOptions options;
  options.environment = {{"LOCKSTEP_FAKE_NVML", mode}};
  return start(LOCKSTEP_TEST_VALIDATE_PROGRAM, words, options);
}

nlohmann::json json_of(const std::string& mode, const std::string& age = "new") {
  const Finished finished = discover(mode, {"--format", "json"}, age);
  CHECK(finished.code == 0);
  CHECK(finished.err.empty());
  return nlohmann::json::parse(finished.out);
}

bool has_remark(const nlohmann::json& json, const std::string& text) {
  const auto& remarks = json["remarks"];
  return std::find(remarks.begin(), remarks.end(), text) != remarks.end();
}

}  // namespace

// 18 NVLinks x 25 GB/s; links go to four switches in turn.
TEST_CASE("discover: NVML's eight GPUs", "[cli]") {
  const auto json = json_of("dgx-h100");
  const auto& nvml = json["nvml"];
  CHECK(nvml["driver"] == "580.82.07");
  CHECK(nvml["peer_to_peer"] == true);
  REQUIRE(nvml["gpus"].size() == 8);
  const auto& gpu = nvml["gpus"][1];
  CHECK(gpu["name"] == "NVIDIA H100 80GB HBM3");
  CHECK(gpu["bus_id"] == "0000:43:00.0");
  CHECK(gpu["memory_bytes"] == 81559LL << 20);
  CHECK(gpu["power_limit_w"] == 700.0);
  CHECK(gpu["compute_capability"] == 90);
  CHECK(gpu["cores"] == 16896);
  CHECK(gpu["memory_bus_bits"] == 5120);
  CHECK(gpu["memory_clock_mhz"] == 2619);
  CHECK(gpu["pcie_generation"] == 5);
  CHECK(gpu["pcie_width"] == 16);
  REQUIRE(gpu["nvlinks"].size() == 18);
  CHECK(gpu["nvlinks"][5]["to"] == "nvswitch");
  CHECK(gpu["nvlinks"][5]["remote_bus_id"] == "0000:08:00.0");
  CHECK(gpu["nvlinks"][5]["version"] == 4);
  CHECK(json["system"]["gpu"] == "h100-sxm-80gb");
  CHECK(json["system"]["link_bandwidth_bytes_per_s"] == 450e9);
  CHECK(json["system"]["yaml"].get<std::string>().find("nvswitch_planes: 4  # NVML on ") !=
        std::string::npos);
}

TEST_CASE("discover: a driver that is not loaded is no GPU", "[cli]") {
  const auto json = json_of("no-driver");
  CHECK(json["system"].is_null());
  CHECK(json["no_gpus"] == "the NVIDIA driver does not run: NVML says 'Driver Not Loaded'");
  const Finished yaml = discover("no-driver", {"--format", "yaml"});
  CHECK(yaml.code == 77);
  CHECK(yaml.err ==
        "lockstep-validate: skipped: a system of the catalog is made of GPUs, and here are none: "
        "the NVIDIA driver does not "
        "run: NVML says 'Driver Not Loaded'; --format text shows what is here\n");
}

TEST_CASE("discover: a driver that lists no GPU", "[cli]") {
  CHECK(json_of("no-gpus")["no_gpus"] == "the NVIDIA driver lists none");
}

TEST_CASE("discover: a driver that fails", "[cli]") {
  const Finished finished = discover("broken");
  CHECK(finished.code == 1);
  CHECK(finished.out.empty());
  CHECK(finished.err ==
        "lockstep-validate: measuring failed: NVML failed to start: Unknown Error\n"
        "  = hint: does `nvidia-smi` work here?\n");
}

TEST_CASE("discover: a GPU that fell off the bus", "[cli]") {
  const auto json = json_of("lost-gpu");
  CHECK(json["system"]["gpus_per_node"] == 7);
  CHECK(has_remark(json, "GPU 3 does not answer: GPU is lost"));
}

TEST_CASE("discover: half of a GPU's NVLinks down", "[cli]") {
  const auto json = json_of("half-links");
  CHECK(json["system"]["link_bandwidth_bytes_per_s"] == 225e9);
  CHECK(has_remark(json, "9 of 18 NVLinks of GPU 5 (0000:c3:00.0) are down"));
}

TEST_CASE("discover: two cards under an NVLink bridge", "[cli]") {
  const auto json = json_of("bridge");
  CHECK(json["system"]["gpu"] == "rtx-a6000");
  CHECK(json["system"]["intra_node"] == "NVLink bridges");
  CHECK(json["system"]["link_bandwidth_bytes_per_s"] == 56.25e9);
}

// 12800 cores / 128 = 100 SMs of the H100's 132; 2 x 2000 MHz x 5120 bits / 8 = 2560 GB/s.
TEST_CASE("discover: a GPU of a name that nobody knows", "[cli]") {
  const Finished finished = discover("unknown-gpu", {"--format", "yaml"});
  CHECK(finished.code == 0);
  const std::string& yaml = finished.out;
  CHECK(yaml.find("gpu:\n  based_on: h100-sxm-80gb\n  description: \"NVIDIA Unheard-of 9000, not "
                  "in the catalog\"\n") != std::string::npos);
  CHECK(yaml.find("\n  memory_bandwidth: {value: 2560 GB/s, kind: measured, spread: 2%, source: "
                  "\"NVML on ") != std::string::npos);
  CHECK(yaml.find("\n  sm_count: 100\n") != std::string::npos);
  // 989.4 x 100/132 = 749.5
  CHECK(
      yaml.find(
          "\n  peak_bf16: {value: 749.5 TFLOP/s, kind: assumed, spread: 20%, source: \"NVML on ") !=
      std::string::npos);
}

TEST_CASE("discover: functions that an old driver lacks", "[cli]") {
  const auto json = json_of("dgx-h100", "old");
  CHECK(
      has_remark(json,
                 "this driver's NVML lacks nvmlDeviceGetMaxClockInfo, nvmlDeviceGetMemoryBusWidth, "
                 "nvmlDeviceGetNumGpuCores, nvmlDeviceGetNvLinkRemoteDeviceType and 2 more"));
  CHECK(json["nvml"]["gpus"].size() == 8);
  CHECK(json["nvml"]["peer_to_peer"].is_null());
  // By bus ids: none of them is a GPU's.
  CHECK(json["nvml"]["gpus"][0]["nvlinks"][0]["to"] == "nvswitch");
}

TEST_CASE("discover: what the fake says is recorded and read back", "[cli]") {
  const TemporaryFolder folder;
  const std::string record = (folder.path() / "record").string();
  CHECK(discover("dgx-h100", {"--record", record}).code == 0);
  CHECK(std::filesystem::exists(record + "/nvml.json"));
  const Finished again =
      start(LOCKSTEP_TEST_VALIDATE_PROGRAM, {"discover", "--from", record, "--format", "json"});
  CHECK(again.code == 0);
  const auto json = nlohmann::json::parse(again.out);
  CHECK(json["nvml"]["gpus"].size() == 8);
  CHECK(json["nvml"]["driver"] == "580.82.07");
}
