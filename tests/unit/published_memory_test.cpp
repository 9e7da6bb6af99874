// Peak memory of published runs: the median error of sources that state it, on the project's copy.
#include <algorithm>
#include <cmath>

#include "tests/catch.hpp"
#include "validate/run_row.hpp"
#include "validate/runs.hpp"

using namespace lockstep;

namespace {

const std::string root = LOCKSTEP_TEST_SOURCE_DIR;

// Median absolute error of the rows of one source that state their peak.
double median_error(const std::string& source) {
  static const Catalog catalog(root + "/scenarios");
  static const Aliases aliases = load_aliases(root + "/scenarios/aliases/measured_runs.yaml");
  static const std::vector<RunRecord> all =
      load_run_records(root + "/validate/corpus/training_runs.csv");
  std::vector<RunRecord> records;
  for (const RunRecord& record : all) {
    if (record.source == source && record.peak_mem_gib) records.push_back(record);
  }
  std::vector<double> errors;
  for (const RunResult& row : validate_runs(records, catalog, aliases).rows) {
    INFO(row.row_id << ": " << row.status);
    CHECK((row.simulated() || source == "torchtune"));
    if (!row.simulated()) continue;
    errors.push_back(std::fabs(row.peak_memory.predicted.value / row.peak_memory.measured - 1));
  }
  REQUIRE_FALSE(errors.empty());
  std::sort(errors.begin(), errors.end());
  return errors[errors.size() / 2];
}

}  // namespace

// Bounds: what the issue asks for, or a little above what was reached where that is better.
TEST_CASE("published: peak memory of SimuMax's runs (allocated)", "[published]") {
  CHECK(median_error("simumax_b200") < 0.005);
}
TEST_CASE("published: peak memory of LitGPT's LoRA, QLoRA and adapters", "[published]") {
  CHECK(median_error("litgpt") < 0.015);
}
TEST_CASE("published: peak memory of torchtitan", "[published]") {
  CHECK(median_error("torchtitan") < 0.05);
}
TEST_CASE("published: peak memory of torchtune", "[published]") {
  CHECK(median_error("torchtune") < 0.08);
}
