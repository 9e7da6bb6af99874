// Why predictions may be far off: each rule holds where its circumstance does, and not elsewhere.
#include "tests/catch.hpp"

#include <functional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/run_rows.hpp"
#include "validate/suspicion.hpp"

using namespace lockstep;
using lockstep::testing::run_row;

TEST_CASE("Suspicions: an ordinary row is suspected of nothing", "[unit]") {
  CHECK(suspicions(run_row("a", 1, 1), {}).empty());
  RunResult skipped = run_row("a", 1, 1);
  skipped.facts.experts = true;
  skipped.status = "skipped";
  CHECK(suspicions(skipped, {}).empty());
}

TEST_CASE("Suspicions: every rule says what holds", "[unit]") {
  const std::vector<std::pair<std::function<void(RunFacts&)>, std::string>> cases{
      {[](RunFacts& facts) { facts.memory_share = 0.98; },
       "memory limit: needs 98 % of the device"},
      {[](RunFacts& facts) { facts.power_words = "power limited"; },
       "power limit: the row says 'power limited'"},
      {[](RunFacts& facts) {
         facts.efa = true, facts.nodes = 2, facts.stages = 4, facts.micro_batches = 64;
       },
       "shared network: EFA, 64 micro-batches on 4 stages"},
      {[](RunFacts& facts) { facts.experts = true; }, "experts: mixture of experts"},
      {[](RunFacts& facts) { facts.schedule_assumed = true, facts.stages = 4; },
       "schedule assumed: 4 stages"},
      {[](RunFacts& facts) { facts.network_assumed = true, facts.nodes = 8; },
       "network not stated: 8 nodes"},
      {[](RunFacts& facts) { facts.software_assumed = true; }, "software not known: profile w"},
      {[](RunFacts& facts) { facts.host_share = 0.38; },
       "launch bound: waits 38 % of the step for the host"},
      {[](RunFacts& facts) { facts.sequence = 131072; }, "long context: 131072 tokens"},
      {[](RunFacts& facts) { facts.low_precision = true; }, "8 or 4 bits: low precision"}};
  for (const auto& [change, expected] : cases) {
    RunResult row = run_row("a", 0.5, 1);  // predicted too fast
    change(row.facts);
    CHECK(suspicions(row, {}) == std::vector<std::string>{expected});
  }
  CHECK(suspicions(run_row("a", 1, 1), {3, 1.2}) ==
        std::vector<std::string>{"repeats disagree: 3 equal runs differ by 20 %"});
  CHECK(suspicion_rules().size() == cases.size() + 1);
}

TEST_CASE("Suspicions: the memory limit explains only predictions that are too fast", "[unit]") {
  RunResult row = run_row("a", 2, 1);
  row.facts.memory_share = 0.98;
  CHECK(suspicions(row, {}).empty());
}

TEST_CASE("Suspicions: repeats are rows of one source, choice and plan", "[unit]") {
  const std::vector<RunResult> rows{run_row("a", 1, 1.0), run_row("a", 1, 1.5),
                                    run_row("b", 1, 9.0)};
  const std::vector<Repeats> repeats = repeats_of(rows);
  REQUIRE(repeats.size() == 3);
  CHECK(repeats[0].rows == 2);
  CHECK(repeats[0].spread == Approx(1.5));
  CHECK(repeats[2].rows == 1);
  CHECK(repeats[2].spread == 1.0);
}

TEST_CASE("Suspicions: the worst rows are far off in ratio, at most three of a source", "[unit]") {
  // A tenth (-90 %) and ten times (+900 %) are equally wrong; then the order of the rows decides.
  std::vector<RunResult> rows{run_row("a", 1, 1), run_row("a", 1, 10), run_row("a", 10, 1),
                              run_row("a", 2, 1), run_row("a", 4, 1),  run_row("b", 3, 1)};
  const std::vector<WorstRow> worst = worst_rows(rows);
  std::vector<std::size_t> order;
  for (const WorstRow& one : worst) order.push_back(one.row);
  CHECK(order == std::vector<std::size_t>{1, 2, 4, 5});
}

TEST_CASE("Suspicions: how far off rows are for which a rule holds, and the others", "[unit]") {
  std::vector<RunResult> rows{run_row("a", 1.1, 1), run_row("a", 1.3, 1, "q"), run_row("b", 9, 1)};
  rows[1].facts.experts = true;
  rows[2].facts.experts = true;  // of a source that stays apart
  const std::vector<SuspicionSummary> summary = summarize_suspicions(rows, {"b"});
  REQUIRE(summary.size() == 1);
  CHECK(summary[0].name == "experts");
  CHECK(summary[0].rows == 1);
  CHECK(summary[0].median_abs_error == Approx(0.3));
  CHECK(summary[0].median_of_others == Approx(0.1));
}
