// `lockstep simulate --ops`, its JSON, and `lockstep list peaks`.
#include <sstream>

#include <nlohmann/json.hpp>

#include "sim/cli/commands.hpp"
#include "sim/report/display.hpp"
#include "tests/catch.hpp"

namespace {

struct Result {
  int code = 0;
  std::string out;
  std::string err;
};

Result lockstep_run(const std::vector<std::string>& arguments) {
  std::ostringstream out;
  std::ostringstream err;
  const int code = lockstep::cli::run(arguments, out, err, {});
  return {code, out.str(), err.str()};
}

const std::string scenario =
    std::string(LOCKSTEP_TEST_SOURCE_DIR) + "/scenarios/korthikanti-22b.yaml";

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("simulate: a row for each line that computes, and with --ops every op and other conventions") {
  const std::string plan = "sequence-parallel-selective";
  const Result one = lockstep_run({"simulate", scenario, "--plan", plan});
  REQUIRE(one.code == 0);
  CHECK(has(one.out, "kernels under their roofs"));
  CHECK(has(one.out, "an op below 153 FLOP/B is bound by HBM"));  // 312 TFLOP/s over 2.04 TB/s
  CHECK_FALSE(has(one.out, "FLOPs of the step, as counted by"));
  const Result all = lockstep_run({"simulate", scenario, "--plan", plan, "--ops"});
  CHECK(has(all.out, "qkv projection, weight gradient"));
  CHECK(has(all.out, "FLOPs of the step, as counted by"));
  CHECK(has(all.out, "Megatron-LM 2021"));
  std::istringstream lines(all.out);
  for (std::string line; std::getline(lines, line);) CHECK(lockstep::display_width(line) <= 100);
}

TEST_CASE("simulate: --ops goes with text") {
  const Result result = lockstep_run({"simulate", scenario, "--ops", "--format", "json"});
  CHECK(result.code == 2);
  CHECK(has(result.err, "--ops goes with --format text"));
  CHECK(has(result.err, "--format json has every op"));
}

TEST_CASE("simulate: JSON has the ops, and they sum to the partition") {
  const Result result = lockstep_run(
      {"simulate", scenario, "--plan", "sequence-parallel-selective", "--format", "json"});
  const auto plan = nlohmann::json::parse(result.out)["plans"][0];
  double linears = 0;
  for (const auto& op : plan["ops"]) {
    for (const char* key :
         {"name", "block", "pass", "kernel", "count", "seconds", "flops", "bytes",
          "intensity_flops_per_byte", "ridge_flops_per_byte", "roof", "roof_fraction"}) {
      CHECK(op.contains(key));
    }
    if (op["line"] == "linear GEMM, forward and backward") linears += op["seconds"].get<double>();
  }
  for (const auto& line : plan["partition"]) {
    if (line["name"] == "linear GEMM, forward and backward") {
      CHECK(line["seconds"].get<double>() == Approx(linears));
    }
  }
  CHECK(plan["flop_conventions"][0]["name"] == "model");
  CHECK(plan["flop_conventions"][0]["utilization"].get<double>() ==
        Approx(plan["mfu"]["value"].get<double>()));
}

TEST_CASE("list peaks: every GPU's peak by type") {
  const Result text = lockstep_run({"list", "peaks"});
  CHECK(text.code == 0);
  CHECK(has(text.out, "TFLOP/s, dense"));
  CHECK(has(text.out, "989.4"));
  CHECK(
      has(text.out, "MFU and HFU are fractions of the peak of the type that the linears run in."));
  const auto json = nlohmann::json::parse(lockstep_run({"list", "peaks", "--format", "json"}).out);
  bool found = false;
  for (const auto& gpu : json["peaks"]) {
    if (gpu["name"] != "h100-sxm-80gb") continue;
    found = true;
    CHECK(gpu["peak_bf16_flops_per_s"].get<double>() == Approx(989.4e12));
    CHECK(gpu["peak_fp4_flops_per_s"].get<double>() == 0);
    CHECK(gpu["power_limit_w"].get<double>() == 700);
  }
  CHECK(found);
  CHECK(has(lockstep_run({"list", "peaks", "--format", "csv"}).out, "gpu,peak_fp32_flops_per_s"));
}
