// Rows are predicted on several threads, and it does not show.
#include "tests/catch.hpp"

#include <string>
#include <vector>

#include "validate/runs.hpp"

using namespace lockstep;

namespace {

const std::string folder = std::string(LOCKSTEP_TEST_SOURCE_DIR) + "/scenarios";

// Twelve rows: three models, each twice on 8 and twice on 16 GPUs, the second time measured
// otherwise.
std::vector<RunRecord> records() {
  std::string text =
      "row_id,model,layers,hidden,heads,seq_len,gpu_key,num_gpus,micro_batch,global_batch,arch,"
      "framework,step_time_s\n";
  int n = 0;
  for (const char* layers : {"8", "16", "32"}) {
    for (const char* gpus : {"8", "16"}) {
      for (const char* measured : {"2.0", "2.5"}) {
        text += "t-" + std::to_string(++n) + ",m" + layers + ',' + layers + ",4096,32,4096,h100," +
                gpus + ",1,64,llama,Megatron-LM core," + measured + '\n';
      }
    }
  }
  return read_run_records(parse_csv(text, "t.csv"));
}

RunsReport report(const RunsOptions& options) {
  static const Catalog catalog(folder);
  static const Aliases aliases = load_aliases(folder + "/aliases/measured_runs.yaml");
  return validate_runs(records(), catalog, aliases, options);
}

}  // namespace

TEST_CASE("Runs: the number of threads changes nothing", "[unit]") {
  RunsOptions one;
  one.threads = 1;
  const std::string alone = runs_json(report(one));
  for (const std::size_t threads : {2U, 5U, 100U}) {
    RunsOptions many;
    many.threads = threads;
    CHECK(runs_json(report(many)) == alone);
  }
}

TEST_CASE("Runs: each row is heard of once", "[unit]") {
  std::vector<std::size_t> heard;
  RunsOptions options;
  options.done = [&](std::size_t done) { heard.push_back(done); };
  static_cast<void>(report(options));
  REQUIRE(heard.size() == 12);
  for (std::size_t i = 0; i < heard.size(); ++i) CHECK(heard[i] == i + 1);
}

TEST_CASE(
    "Runs: rows of a left-out group are predicted with its fit, the others with that to all runs",
    "[unit]") {
  const Catalog catalog(folder);
  LeftOutFits fits;
  fits.by = LeaveOut::model;
  FittedParameters slower = catalog.evidence()->fitted;
  for (FittedParameter& parameter : slower.parameters) {
    if (parameter.name == "tensor_hopper") parameter.factor *= 0.5;
  }
  fits.fits.emplace("m8", slower);
  RunsOptions options;
  options.left_out = &fits;
  const RunsReport all = report({});
  const RunsReport left = report(options);
  CHECK(left.left_out == LeaveOut::model);
  for (std::size_t i = 0; i < all.rows.size(); ++i) {
    INFO(all.rows[i].row_id);
    const bool of_group = all.rows[i].model == "m8";
    CHECK(left.rows[i].left_out == (of_group ? "m8" : ""));
    const double ratio =
        left.rows[i].step_time.predicted.value / all.rows[i].step_time.predicted.value;
    if (of_group) CHECK(ratio > 1.2);  // GEMMs at half the rate
    if (!of_group) CHECK(ratio == 1.0);
  }
}

TEST_CASE("Runs: repeats are predicted alike and are one configuration", "[unit]") {
  const RunsReport all = report({});
  CHECK(all.rows[0].step_time.predicted.value == all.rows[1].step_time.predicted.value);
  CHECK(all.rows[0].facts.plan == all.rows[1].facts.plan);
  REQUIRE(all.noise.size() == 1);
  CHECK(all.noise[0].configurations == 6);
  CHECK(all.noise[0].median_difference == Approx(0.25));  // 2.0 and 2.5 s
}
