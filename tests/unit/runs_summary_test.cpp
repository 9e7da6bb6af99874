// Error summaries of measured runs.
#include "tests/catch.hpp"

#include <string>
#include <vector>

#include "validate/runs.hpp"

using namespace lockstep;

namespace {

RunResult row(const std::string& source, double predicted, double measured) {
  RunResult result;
  result.source = source;
  result.model = "m";
  result.gpu = "g";
  result.row_id = source + "-1";
  result.step_time = {{predicted, 0.8 * predicted, 1.2 * predicted}, measured};
  return result;
}

}  // namespace

TEST_CASE("Summary: errors are predicted over measured minus one", "[unit]") {
  // +10 %, -20 %, and +100 %, which its interval of 20 % does not hold
  std::vector<RunResult> rows{row("a", 1.1, 1.0), row("a", 0.8, 1.0), row("b", 2.0, 1.0)};
  rows.push_back(row("b", 9.0, 1.0));
  rows.back().status = "context parallelism";  // skipped rows do not count
  const std::vector<ErrorSummary> summary = summarize_errors(rows);
  // two sources; one model, GPU, parallelism and software; overall
  REQUIRE(summary.size() == 7);
  CHECK(summary[0].group == "a");
  CHECK(summary[0].n == 2);
  CHECK(summary[0].median_abs_error == Approx(0.15));
  CHECK(summary[0].mean_abs_error == Approx(0.15));
  CHECK(summary[0].bias == Approx(-0.05));
  CHECK(summary[0].coverage_90 == Approx(0.5));  // 0.8 reaches up to 0.96
  CHECK(summary[6].group_by == "overall");
  CHECK(summary[6].n == 3);
  CHECK(summary[6].median_abs_error == Approx(0.2));
  CHECK(summary[0].median_half_width == Approx(0.2));
  CHECK(summary[4].group_by == "parallelism");
  CHECK(summary[5].group_by == "software");
  CHECK(median_over_sources(summary, "step_time") == Approx((0.15 + 1.0) / 2));
}

TEST_CASE("Summary: sources count once each, and some stay apart", "[unit]") {
  // a: two rows, one covered, median 15 %; b: one row, not covered, 100 %; c stays apart
  const std::vector<RunResult> rows{row("a", 1.1, 1.0), row("a", 0.8, 1.0), row("b", 2.0, 1.0),
                                    row("c", 1.0, 1.0)};
  const std::vector<SourceMean> over = summarize_sources(summarize_errors(rows), {"c"});
  REQUIRE(over.size() == 1);
  CHECK(over[0].metric == "step_time");
  CHECK(over[0].sources == 2);
  CHECK(over[0].median_abs_error == Approx((0.15 + 1.0) / 2));
  CHECK(over[0].coverage_90 == Approx(0.25));  // (1/2 + 0)/2, not 1/3 of the rows
  CHECK(over[0].median_half_width == Approx(0.2));
  CHECK(over[0].apart == std::vector<std::string>{"c"});
  std::vector<RunResult> measured = rows;
  for (RunResult& one : measured) one.peak_memory = one.step_time;
  const std::vector<SourceMean> both = summarize_sources(summarize_errors(measured), {"c"});
  REQUIRE(both.size() == 2);
  CHECK(both[1].metric == "peak_memory");
  CHECK(both[1].sources == 3);  // memory is no matter of noisy clusters
  CHECK(both[1].apart.empty());
}

TEST_CASE("Runs: tables of text, Markdown and CSV hold hostile names", "[unit]") {
  RunsReport report;
  report.rows = {row("a|b", 1.0, 1.0)};
  report.rows[0].model = "x, \"y\"\x1b[31m";
  report.summary = summarize_errors(report.rows);
  CHECK(runs_markdown(report).find("| a\\|b | 1 | 0.0 % |") != std::string::npos);
  CHECK(runs_text(report, "").find('\x1b') == std::string::npos);
  CHECK(runs_csv(report).find("\"x, \"\"y\"\"\x1b[31m\"") != std::string::npos);
}
