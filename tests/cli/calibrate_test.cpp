// `lockstep-validate calibrate`: arguments to exit code, standard output and standard error; and
// --calibration.
#include "tests/catch.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "sim/cli/commands.hpp"
#include "tests/cli/process.hpp"
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
  Result result;
  result.code = lockstep::validation::run(arguments, out, err, {});
  return {result.code, out.str(), err.str()};
}

Result simulate(const std::vector<std::string>& arguments) {
  std::ostringstream out;
  std::ostringstream err;
  const int code = lockstep::cli::run(arguments, out, err, {});
  return {code, out.str(), err.str()};
}

const std::string header =
    "# size count type redop root time algbw busbw #wrong time algbw busbw #wrong\n";
const std::string notes =
    "gpus: 8\nnodes: 1\ngpus_per_node: 8\ngpu: A100-SXM4-40GB\ninterconnect: NVSwitch\nhealth: "
    "healthy\n";

// An all-reduce on 8 GPUs: 40 us and 100 GB/s from 1 KiB to 1 GiB; bus factor 1.75.
std::string table(double fall_at = 0, double in_place_factor = 1.0, int wrong = 0) {
  std::string out = header;
  for (int power = 10; power <= 30; ++power) {
    const double bytes = std::exp2(power);
    double time = 40.0 + bytes / 100e3;
    if (bytes == fall_at) time *= 4;
    const double other = bytes == fall_at ? time * in_place_factor : time;
    out +=
        fmt::format("{:.0f} {:.0f} float sum -1 {:.3f} {:.6f} {:.6f} {} {:.3f} {:.6f} {:.6f} 0\n",
                    bytes, bytes / 4, time, bytes / time / 1e3, 1.75 * bytes / time / 1e3, wrong,
                    other, bytes / other / 1e3, 1.75 * bytes / other / 1e3);
  }
  return out;
}

std::string text_of(const std::string& file) {
  std::ifstream in(file);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

struct Log {
  TemporaryFolder folder;
  std::string file;
  explicit Log(const std::string& text, const std::string& more = {}) {
    file = folder.file("run.txt", text);
    (void)folder.file("run.meta.yaml", notes + more);
  }
};

}  // namespace

TEST_CASE("calibrate: the report of a clean log", "[cli]") {
  const Log log(table(), "date: 2026-01-28\nnccl_version: 2.29.2\n");
  const Result result = validate({"calibrate", log.file});
  CHECK(result.code == 0);
  CHECK(result.err.empty());
  CHECK(result.out.find("1 tables: 1 fitted, 0 not.\n\nrun\n") == 0);
  CHECK(result.out.find("  all_reduce on dgx-a100-40gb, 8 GPUs, 1 node: 21 sizes from 1.00 KiB to "
                        "1.00 GiB, NCCL 2.29.2,\n"
                        "  2026-01-28\n") != std::string::npos);
  CHECK(result.out.find("    from 1.00 KiB: 40.0 µs + bytes / 100 GB/s (bus 175 GB/s)\n") !=
        std::string::npos);
  CHECK(result.out.find("  residual: median 0.0 %, p90 0.0 %; left out and predicted: median 0.0 "
                        "%; uncalibrated: ") != std::string::npos);
  CHECK(result.out.find("  confidence: high\n") != std::string::npos);
}

TEST_CASE("calibrate: the file it writes reproduces the log", "[cli]") {
  const Log log(table());
  const std::string file = (log.folder.path() / "out.yaml").string();
  const Result written = validate({"calibrate", log.file, "-o", file});
  CHECK(written.code == 0);
  CHECK(written.err == "lockstep-validate: wrote " + file + " with 1 collective\n");
  const std::string text = text_of(file);
  CHECK(text.find("calibration: 1\n") != std::string::npos);
  CHECK(validate({"calibrate", log.file, "--output=" + file}).code == 0);
  CHECK(text_of(file) == text);
  const Result compared =
      validate({"collectives", log.file, "--calibration", file, "--format", "json"});
  REQUIRE(compared.code == 0);
  const auto json = nlohmann::json::parse(compared.out);
  CHECK(json["logs"][0]["basis"] == "measured");
  CHECK(json["logs"][0]["median_abs_error"].get<double>() < 0.01);
  // 64 MiB: 40 us + 671 us
  const Result table = simulate({"collectives", "dgx-a100-40gb", "-g", "8", "-b", "64M", "-e",
                                 "64M", "--calibration", file, "--format", "json"});
  REQUIRE(table.code == 0);
  CHECK(table.out != simulate({"collectives", "dgx-a100-40gb", "-g", "8", "-b", "64M", "-e", "64M",
                               "--format", "json"})
                         .out);
  const Result text_table = simulate(
      {"collectives", "dgx-a100-40gb", "-g", "8", "-b", "64M", "-e", "64M", "--calibration", file});
  CHECK(text_table.out.find("  711.1 ") != std::string::npos);
}

TEST_CASE("calibrate: broken runs are refused and nothing is written", "[cli]") {
  const Log log(table(0, 1, 3));
  const std::string file = (log.folder.path() / "out.yaml").string();
  const Result result = validate({"calibrate", log.file, "-o", file});
  CHECK(result.code == 3);
  CHECK(result.out ==
        "1 tables: 0 fitted, 1 not.\n\nNot fitted\n  run: refused: 21 of 21 sizes gave wrong "
        "results\n");
  CHECK(result.err == "lockstep-validate: no log could be fitted; " + file + " is not written\n");
  CHECK_FALSE(std::filesystem::exists(file));
  const Log short_log(header + "1024 256 float sum -1 40.0 0.0256 0.0448 0 40.0 0.0256 0.0448 0\n");
  CHECK(validate({"calibrate", short_log.file}).out ==
        "1 tables: 0 fitted, 1 not.\n\nNot fitted\n  run: refused: 1 sizes with a time: a fit "
        "needs 4\n");
  const Log unhealthy(table());
  (void)unhealthy.folder.file("run.meta.yaml",
                              "gpus: 8\nnodes: 1\ngpu: A100-SXM4-40GB\nhealth: unhealthy\n");
  CHECK(validate({"calibrate", unhealthy.file})
            .out.find("run: refused: its notes call the run unhealthy\n") != std::string::npos);
}

TEST_CASE("calibrate: a size that one side alone shows slow is dropped, one that both show is kept",
          "[cli]") {
  const Log disturbed(table(16384, 0.25));
  CHECK(validate({"calibrate", disturbed.file})
            .out.find("1 disturbed size dropped: slower by 67 % and more than the other side of "
                      "the row\n") != std::string::npos);
  const Log falls(table(16384, 1.0));
  CHECK(validate({"calibrate", falls.file})
            .out.find("times fall after 16384 bytes, in place too; the curve stays level\n") !=
        std::string::npos);
}

TEST_CASE("calibrate: JSON and transfer", "[cli]") {
  const Log log(table());
  const auto json =
      nlohmann::json::parse(validate({"calibrate", log.file, "--format", "json"}).out);
  CHECK(json["schema_version"] == 1);
  CHECK(json["command"] == "calibrate");
  const auto& one = json["logs"][0];
  CHECK(one["status"] == "ok");
  CHECK(one["confidence"] == "high");
  CHECK(one["pieces"][0]["latency_s"].get<double>() == Approx(40e-6).epsilon(0.01));
  CHECK(one["rows"].size() == 21);
  const Result alone = validate({"calibrate", log.file, "--transfer"});
  CHECK(alone.code == 0);
  CHECK(alone.out.find("No two logs are of one system and fabric.\n") != std::string::npos);
}

TEST_CASE("calibrate: usage", "[cli]") {
  CHECK(validate({"calibrate"}).err ==
        "lockstep-validate: calibrate needs a log\n"
        "  = hint: lockstep-validate calibrate LOG.txt -o FILE.yaml\n"
        "  = help: lockstep-validate --help\n");
  CHECK(validate({"calibrate", "x", "--transfer", "-o", "y"})
            .err.find("--transfer writes no calibration") != std::string::npos);
  CHECK(validate({"calibrate", "x", "--transfer=1"}).err.find("--transfer takes no value") !=
        std::string::npos);
  CHECK(validate({"calibrate", "x", "-o"}).code == 2);
  const Log log(table());
  const Result unwritable = validate({"calibrate", log.file, "-o", "/nowhere/at/all.yaml"});
  CHECK(unwritable.code == 3);
  CHECK(unwritable.err ==
        "/nowhere/at/all.yaml: error[E530]: the calibration could not be written\n"
        "      = hint: is the folder there, may it be written, is the disk full?\n");
}

TEST_CASE("calibrate: the calibration of another system is an error", "[cli]") {
  const Log log(table());
  const std::string file = (log.folder.path() / "out.yaml").string();
  REQUIRE(validate({"calibrate", log.file, "-o", file}).code == 0);
  const Result result = simulate({"collectives", "dgx-h100", "--calibration", file});
  CHECK(result.code == 3);
  CHECK(result.err ==
        file +
            ": error[E606]: this calibration is of dgx-a100-40gb, which no cluster here is\n"
            "      = hint: the systems here: dgx-h100\n");
}

TEST_CASE("calibrate: a calibration moves the steps of compare and simulate", "[cli]") {
  const Log log(table());
  const std::string file = (log.folder.path() / "out.yaml").string();
  REQUIRE(validate({"calibrate", log.file, "-o", file}).code == 0);
  const std::string scenario = lockstep::test::bundled("gpt-13b-64xa100-40gb.yaml");
  // Tensor-parallel plans run the collective that was measured; the others only ones like it.
  const std::vector<std::string> compare{"compare", scenario, "--format", "csv"};
  const std::vector<std::string> one{"simulate", scenario, "--plan", "tp8-full", "--format", "csv"};
  for (std::vector<std::string> words : {compare, one}) {
    const Result plain = simulate(words);
    words.insert(words.end(), {"--calibration", file});
    const Result calibrated = simulate(words);
    CHECK(plain.code == 0);
    CHECK(calibrated.code == 0);
    CHECK(calibrated.err.empty());
    CHECK(calibrated.out != plain.out);
  }
}
