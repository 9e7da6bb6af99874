// `lockstep-validate calibrate --corpus kernels`: what ships is what comes out.
#include <cmath>
#include <fstream>
#include <sstream>

#include "scenarios/scenario.hpp"
#include "tests/catch.hpp"
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
  const int code = lockstep::validation::run(arguments, out, err, {});
  return {code, out.str(), err.str()};
}

std::string text_of(const std::string& file) {
  std::ifstream in(file);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

const std::string source = LOCKSTEP_TEST_SOURCE_DIR;

}  // namespace

TEST_CASE(
    "calibrate --corpus kernels: the committed fit is what comes out, and the catalog says it") {
  const TemporaryFolder folder;
  const std::string file = folder.file("k.yaml", "");
  const Result result = validate({"calibrate", "--corpus", "kernels", "-o", file});
  CHECK(result.code == 0);
  CHECK(result.err == "lockstep-validate: wrote " + file + " with 60 constants\n");
  CHECK(text_of(file) == text_of(source + "/scenarios/calibrations/kernels.yaml"));
  // The catalog holds values before the fit to runs: the priors of its constants.
  const lockstep::Gpu gpu = lockstep::Catalog(source + "/scenarios").gpu("a100-sxm-80gb");
  const auto before = [](const lockstep::ConstantBase& c) {
    return c.fit.empty() ? c.value : c.prior;
  };
  const std::string fitted = text_of(file);
  const auto stated = [&](const std::string& name, const std::string& device) {
    const std::size_t at = fitted.find("{name: \"" + name + "\", device: \"" + device + "\"");
    REQUIRE(at != std::string::npos);
    return std::stod(fitted.substr(fitted.find("value: ", at) + 7));
  };
  CHECK(before(gpu.gemm_m0) == Approx(stated("gemm_m0", "A100-SXM-80GB")));
  CHECK(before(gpu.gemm_n0) == Approx(stated("gemm_n0", "A100-SXM-80GB")));
  CHECK(before(gpu.gemm_k0) == Approx(stated("gemm_k0", "A100-SXM-80GB")));
  CHECK(before(gpu.gemm_fixed_time) == Approx(stated("gemm_fixed_time", "A100-SXM-80GB")));
  CHECK(before(gpu.attention_half_sequence) == Approx(stated("attention_half_sequence", "all")));
  CHECK(before(gpu.attention_head64) == Approx(stated("attention_head64", "all")));
  CHECK(before(gpu.attention_backward) == Approx(stated("attention_backward", "all")));
}

TEST_CASE("calibrate --corpus kernels: a table of one's own, as JSON") {
  const TemporaryFolder folder;
  std::string table = "device,op,traffic_MB_lo,traffic_MB_hi,n,median_us,median_GBps,peak_GBps\n";
  for (int mb = 4; mb <= 512; mb *= 2) {
    table += "own,add," + std::to_string(mb) + "," + std::to_string(2 * mb) + ",5," +
             std::to_string(mb) + ",1000,2000\n";
  }
  const Result result = validate(
      {"calibrate", "--corpus", "kernels", folder.file("t.csv", table), "--format", "json"});
  CHECK(result.code == 0);
  CHECK(result.out.find("\"name\": \"bandwidth of add\"") != std::string::npos);
}

TEST_CASE("calibrate --corpus: errors") {
  CHECK(validate({"calibrate", "--corpus", "kernels", "--transfer"}).err ==
        "lockstep-validate: --corpus kernels leaves no room for --transfer\n"
        "  = hint: --transfer goes with logs of nccl-tests\n"
        "  = help: lockstep-validate --help\n");
  CHECK(validate({"calibrate", "--corpus", "kernels", "--format", "markdown"}).err ==
        "lockstep-validate: --corpus kernels has no --format markdown\n"
        "  = hint: text or json\n"
        "  = help: lockstep-validate --help\n");
  CHECK(validate({"calibrate", "--corpus", "kernels", "no_such.csv"}).code == 3);
}

TEST_CASE("calibrate --corpus runs: errors") {
  const Result folder = validate({"calibrate", "--corpus", "runs", "-o", "/nonexistent/folder"});
  CHECK(folder.code == 2);
  CHECK(folder.err.find("lockstep-validate: --output /nonexistent/folder is no folder\n") == 0);
  CHECK(folder.err.find("runs.yaml and evidence.yaml are written there") != std::string::npos);
  const Result format = validate({"calibrate", "--corpus", "runs", "--format", "markdown"});
  CHECK(format.code == 2);
  CHECK(format.err.find("lockstep-validate: --corpus runs has no --format markdown\n") == 0);
  const Result missing = validate({"calibrate", "--corpus", "runs", "/nonexistent.csv"});
  CHECK(missing.code == 3);
  CHECK(missing.err.find("/nonexistent.csv") != std::string::npos);
}
