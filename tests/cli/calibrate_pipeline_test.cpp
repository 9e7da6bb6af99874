// Measure, calibrate, compare: the programs one after the other, on fake GPUs with known constants.
#include "tests/catch.hpp"

#if LOCKSTEP_HAS_NCCL

#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "scenarios/calibration_file.hpp"
#include "tests/cli/process.hpp"
#include "tests/support/fake_gpu.hpp"

namespace {

using namespace lockstep;
using test::Finished;

using Environment = std::vector<std::pair<std::string, std::string>>;

const std::string scenario =
    std::string(LOCKSTEP_TEST_SOURCE_DIR) + "/scenarios/llama3-70b-64xh100.yaml";

Finished validate(const std::vector<std::string>& words, const Environment& environment = {}) {
  return test::start(LOCKSTEP_TEST_VALIDATE_PROGRAM, words, {.environment = environment});
}

// `nccl` of eight fake H100 and `kernels` of one: cuBLAS at 600 TFLOP/s and 3 us, HBM at 3 TB/s,
// NCCL's buses at 100 GB/s and 10 us.
struct Node {
  test::TemporaryFolder folder;
  test::FakeGpuLibraries libraries;
  std::string file(const std::string& name) const { return (folder.path() / name).string(); }
  Finished measure(const std::string& what, const std::vector<std::string>& options,
                   Environment environment) const {
    std::vector<std::string> words{what,       "--libraries", libraries.path(),    "--cluster",
                                   "dgx-h100", "--output",    file(what + ".json")};
    words.insert(words.end(), options.begin(), options.end());
    environment.emplace_back("LOCKSTEP_FAKE_LAUNCH", "0");
    environment.emplace_back("LOCKSTEP_FAKE_GPUS", what == "nccl" ? "8" : "1");
    return validate(words, environment);
  }
};

}  // namespace

TEST_CASE("pipeline: collectives that were measured are what a comparison is calibrated with",
          "[cli]") {
  const Node node;
  const Finished measured =
      node.measure("nccl", {"-c", "all_reduce", "--smallest", "1K", "--largest", "64K"}, {});
  INFO(measured.err);
  REQUIRE(measured.code == 0);
  const std::string yaml = node.file("node.yaml");
  const Finished calibrated = validate({"calibrate", node.file("nccl.json"), "-o", yaml});
  INFO(calibrated.out);
  REQUIRE(calibrated.code == 0);
  const Catalog catalog(LOCKSTEP_TEST_SOURCE_DIR "/scenarios");
  const CalibrationContents contents = load_calibration(yaml, catalog);
  REQUIRE(contents.collectives.size() == 1);
  const CollectiveCalibration& entry = contents.collectives[0];
  CHECK(entry.system == "dgx-h100");
  CHECK(entry.ranks == 8);
  // 10 us, and 2 x 7/8 of the buffer at 100 GB/s: 57.1 GB/s.
  CHECK(entry.pieces[0].latency.value() == Approx(10e-6).epsilon(0.01));
  CHECK(entry.pieces[0].seconds_per_byte == Approx(1.75 / 100e9).epsilon(0.01));
  CHECK(contents.machine.gpus.size() == 1);
  CHECK(contents.machine.gpus[0].rfind("8 x ", 0) == 0);
  const Finished compared = test::start(
      LOCKSTEP_TEST_PROGRAM, {"compare", scenario, "--format", "json", "--calibration", yaml}, {});
  REQUIRE(compared.code == 0);
  const auto json = nlohmann::json::parse(compared.out);
  CHECK(json["calibration"]["collectives"][0]["collective"] == "all_reduce");
  // A quarter of an NVSwitch's bandwidth: tensor-parallel plans take longer.
  CHECK(json["calibration"]["plans"][0]["step_time_change"].get<double>() > 0);
}

TEST_CASE("pipeline: kernels that were measured become constants of the GPU", "[cli]") {
  const Node node;
  const Finished measured =
      node.measure("kernels", {"--quick", "--dtype", "bf16", "--copy-size", "16MiB"},
                   {{"LOCKSTEP_FAKE_RATE_BF16", "600e12"},
                    {"LOCKSTEP_FAKE_HBM", "3e12"},
                    {"LOCKSTEP_FAKE_MOVE", "0"},
                    {"LOCKSTEP_FAKE_NCCL_DATA", "0"}});
  INFO(measured.err);
  REQUIRE(measured.code == 0);
  const std::string yaml = node.file("node.yaml");
  const Finished calibrated = validate({"calibrate", node.file("kernels.json"), "-o", yaml});
  INFO(calibrated.out);
  INFO(calibrated.err);
  const Catalog catalog(LOCKSTEP_TEST_SOURCE_DIR "/scenarios");
  const CalibrationContents contents = load_calibration(yaml, catalog);
  const auto value = [&](const std::string& key) {
    for (const CalibratedConstant& one : contents.constants) {
      if (one.key() == key) return one.value;
    }
    return 0.0;
  };
  // 600 of 989.4 TFLOP/s is 0.606; the form loses some at finite sizes that this GPU does not, so
  // the share of a very large product is a little higher.
  CHECK(value("gemm_efficiency_half") == Approx(0.62).margin(0.03));
  // 3 of 3.352 TB/s.
  CHECK(value("memory_efficiency") == Approx(0.895).epsilon(0.02));
}

#endif
