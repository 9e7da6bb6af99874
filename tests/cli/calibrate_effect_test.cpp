// From a measurement to `compare --calibration`: before, after, and what changed.
#include "tests/catch.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <sstream>

#include "sim/cli/commands.hpp"
#include "sim/report/display.hpp"
#include "tests/cli/process.hpp"
#include "tests/support/synthetic_kernels.hpp"
#include "validate/command_line.hpp"

namespace {

using lockstep::test::TemporaryFolder;

struct Result {
  int code = 0;
  std::string out;
  std::string err;
};

Result validate(const std::vector<std::string>& arguments) {
  std::ostringstream out;
  std::ostringstream err;
  const int code = lockstep::validation::run(arguments, out, err, {});
  return {code, out.str(), err.str()};
}

Result lockstep_program(const std::vector<std::string>& arguments) {
  std::ostringstream out;
  std::ostringstream err;
  const int code = lockstep::cli::run(arguments, out, err, {});
  return {code, out.str(), err.str()};
}

const std::string scenario =
    std::string(LOCKSTEP_TEST_SOURCE_DIR) + "/scenarios/llama3-70b-64xh100.yaml";

const lockstep::Catalog& catalog() {
  static const lockstep::Catalog catalog(LOCKSTEP_TEST_SOURCE_DIR "/scenarios");
  return catalog;
}

// The words with single spaces, so that columns may be as wide as they like.
std::string squeezed(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c != ' ' || (!out.empty() && out.back() != ' ' && out.back() != '\n')) out += c;
  }
  return out;
}

const std::string memory_only =
    "calibration: 1\nmachine: {date: \"2026-11-23\", gpus: [\"8 x NVIDIA H100 80GB HBM3\"], nccl: "
    "\"2.28.9\"}\nconstants:\n  - {of: gpus.h100-sxm-80gb.gemm_efficiency_half, value: 0.6, "
    "spread: "
    "2%, confidence: high, points: 36}\n";

}  // namespace

TEST_CASE("calibrate: from a measurement to a comparison", "[cli]") {
  const TemporaryFolder folder;
  const std::string measured = folder.file(
      "kernels.json",
      lockstep::measurement_json(lockstep::test::all_of(lockstep::test::other_h100(catalog()), 1)));
  const std::string file = (folder.path() / "h100.yaml").string();
  const Result written = validate({"calibrate", measured, "-o", file});
  CHECK(written.code == 0);
  CHECK(written.err.find("lockstep-validate: wrote " + file + " with ") == 0);
  CHECK(written.err.find(" constants\n") != std::string::npos);
  CHECK(lockstep::test::read_file(file + ".points.csv")
            .find("file,kind,what,shape,measured_s,fitted_s,residual,kept,why\n") == 0);
  const Result compared = lockstep_program({"compare", scenario, "--calibration", file});
  CHECK(compared.code == 0);
  const std::string words = squeezed(compared.out);
  CHECK(words.find("\nCalibrated with ") != std::string::npos);
  CHECK(words.find(file + ":") != std::string::npos);
  CHECK(words.find("1 x NVIDIA H100 80GB HBM3,") != std::string::npos);
  CHECK(words.find("driver 580.82.07,") != std::string::npos);
  CHECK(words.find("place plan step before after change peak before after change\n") !=
        std::string::npos);
  CHECK(words.find("what moved ") != std::string::npos);
  CHECK(words.find("gpu.gemm_efficiency_half ") != std::string::npos);
  CHECK(words.find(" (high)") != std::string::npos);
}

TEST_CASE("calibrate: what a refusal leaves is written, and the exit code says it", "[cli]") {
  const TemporaryFolder folder;
  lockstep::Measurement measurement =
      lockstep::test::all_of(lockstep::test::other_h100(catalog()), 1);
  for (lockstep::MeasuredGemm& gemm : measurement.gemms) gemm.flops_per_s *= 2;
  const std::string measured = folder.file("k.json", lockstep::measurement_json(measurement));
  const std::string file = (folder.path() / "out.yaml").string();
  const Result result = validate({"calibrate", measured, "-o", file});
  CHECK(result.code == 3);
  CHECK(result.out.find("\nRefused\n  " + measured + ", GEMMs in bf16: ") != std::string::npos);
  CHECK(lockstep::test::read_file(file).find("memory_efficiency") != std::string::npos);
  measurement.functional_only = "two ranks share GPU 0";
  const std::string functional = folder.file("f.json", lockstep::measurement_json(measurement));
  const Result nothing = validate({"calibrate", functional, "-o", file + "2"});
  CHECK(nothing.code == 3);
  CHECK(nothing.out ==
        "Refused\n  " + functional + ", all of it: a functional test: two ranks share GPU 0\n");
  CHECK(nothing.err ==
        "lockstep-validate: nothing could be fitted; " + file + "2 is not written\n");
}

TEST_CASE("calibrate: before and after as JSON", "[cli]") {
  const TemporaryFolder folder;
  const std::string file = folder.file("c.yaml", memory_only);
  const Result plain = lockstep_program({"compare", scenario, "--format", "json"});
  const Result with =
      lockstep_program({"compare", scenario, "--format", "json", "--calibration", file});
  const auto before = nlohmann::json::parse(plain.out);
  const auto after = nlohmann::json::parse(with.out);
  CHECK_FALSE(before.contains("calibration"));
  const auto& effect = after["calibration"];
  CHECK(effect["files"] == nlohmann::json::array({file}));
  CHECK(effect["machine"][0]["nccl"] == "2.28.9");
  REQUIRE(effect["constants"].size() == 1);
  CHECK(effect["constants"][0]["of"] == "gpus.h100-sxm-80gb.gemm_efficiency_half");
  CHECK(effect["constants"][0]["measured"] == 0.6);
  const double factor = effect["constants"][0]["value_before"].get<double>() / 0.72;  // its prior
  CHECK(effect["constants"][0]["value_after"].get<double>() == Approx(0.6 * factor));
  CHECK(effect["constants"][0]["beyond_spread"] == true);
  CHECK(effect["constants"][0]["step_time_change"].get<double>() > 0.02);
  REQUIRE(effect["plans"].size() == before["plans"].size());
  for (const auto& plan : effect["plans"]) {
    for (const auto& of : before["plans"]) {
      if (of["name"] == plan["name"]) CHECK(of["step_time_s"] == plan["step_time_before_s"]);
    }
    for (const auto& of : after["plans"]) {
      if (of["name"] == plan["name"]) CHECK(of["step_time_s"] == plan["step_time_after_s"]);
    }
  }
  CHECK(effect["changed"].is_array());
}

TEST_CASE("calibrate: a calibration that says what the catalog says changes no decision", "[cli]") {
  const TemporaryFolder folder;
  const lockstep::Gpu gpu = catalog().gpu("h100-sxm-80gb");
  std::ostringstream value;
  value.precision(17);
  value << gpu.memory_norm.value;
  const std::string file = folder.file(
      "c.yaml", "calibration: 1\nconstants:\n  - {of: gpus.h100-sxm-80gb.memory_norm, value: " +
                    value.str() + ", spread: 10%}\n");
  const Result result = lockstep_program({"compare", scenario, "--calibration", file});
  CHECK(result.out.find("\n  Nothing that you would decide differently changed.\n") !=
        std::string::npos);
  CHECK(squeezed(result.out).find("gpu.memory_norm") != std::string::npos);
  const auto json = nlohmann::json::parse(
      lockstep_program({"compare", scenario, "--format", "json", "--calibration", file}).out);
  CHECK(json["calibration"]["changed"].empty());
}

TEST_CASE("calibrate: --set wins over a calibration, and the report says so", "[cli]") {
  const TemporaryFolder folder;
  const std::string file = folder.file("c.yaml", memory_only);
  const std::vector<std::string> set{"compare",  scenario,
                                     "--format", "json",
                                     "--set",    "gpus.h100-sxm-80gb.gemm_efficiency_half=0.5"};
  std::vector<std::string> both = set;
  both.insert(both.end(), {"--calibration", file});
  const auto alone = nlohmann::json::parse(lockstep_program(set).out);
  const auto with = nlohmann::json::parse(lockstep_program(both).out);
  CHECK(with["plans"] == alone["plans"]);
  CHECK(with["calibration"]["constants"][0]["overruled"] == true);
  both[2] = "--color";
  both[3] = "never";
  CHECK(lockstep_program(both).out.find("kept: the scenario says it") != std::string::npos);
}

TEST_CASE("calibrate: simulate shows its plan before and after", "[cli]") {
  const TemporaryFolder folder;
  const std::string file = folder.file("c.yaml", memory_only);
  const Result result =
      lockstep_program({"simulate", scenario, "--plan", "tp8-pp2", "--calibration", file});
  CHECK(result.code == 0);
  CHECK(squeezed(result.out).find("\nCalibrated with 1 measured constant\n") != std::string::npos);
  CHECK(squeezed(result.out).find("what moved tp8-pp2 before after step, alone measured\n") !=
        std::string::npos);
  CHECK(squeezed(result.out).find("\ntp8-pp2 ") != std::string::npos);
}

TEST_CASE("calibrate: the CSV of a comparison keeps its columns", "[cli]") {
  const TemporaryFolder folder;
  const std::string file = folder.file("c.yaml", memory_only);
  const std::string plain = lockstep_program({"compare", scenario, "--format", "csv"}).out;
  const std::string with =
      lockstep_program({"compare", scenario, "--format", "csv", "--calibration", file}).out;
  CHECK(with.substr(0, with.find('\n')) == plain.substr(0, plain.find('\n')));
  CHECK(std::count(with.begin(), with.end(), '\n') == std::count(plain.begin(), plain.end(), '\n'));
}

TEST_CASE("calibrate: the text fits 100 columns", "[cli]") {
  const TemporaryFolder folder;
  const std::string file = folder.file("c.yaml", memory_only);
  const Result result = lockstep_program({"compare", scenario, "--calibration", file});
  std::istringstream lines(result.out);
  for (std::string line; std::getline(lines, line);) {
    CAPTURE(line);
    CHECK(lockstep::display_width(line) <= 100);
  }
}
