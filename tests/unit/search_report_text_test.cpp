// The text of a search: verdict, tables, fronts, limits and counts, at 100 columns.
#include <sstream>

#include "sim/report/display.hpp"
#include "sim/report/search_report.hpp"
#include "tests/catch.hpp"
#include "tests/unit/sample_search.hpp"

using namespace lockstep;
using lockstep::test::found_plan;
using lockstep::test::sample_search;

namespace {

std::string text_of(const SearchReport& report) {
  return search_text(report, {"lockstep compare found.yaml"}, {});
}

std::string without_breaks(std::string text) {
  for (std::size_t at = text.find("\n  "); at != std::string::npos; at = text.find("\n  ", at)) {
    text.replace(at, 3, " ");
  }
  return text;
}

SearchReport nothing_found() {
  SearchReport report = sample_search();
  report.report.plans = {found_plan("dp8", 14.0, 84.2, 1, 8)};
  report.candidates = {report.candidates[3]};
  report.best = 0;
  report.groups.clear();
  report.differences.clear();
  report.alike.clear();
  report.fronts.clear();
  report.relaxations.clear();
  report.counts.feasible = 0;
  return report;
}

}  // namespace

TEST_CASE("the text: verdict, table, ties, differences, front, limits, counts, next",
          "[unit][search]") {
  const std::string text = text_of(sample_search());
  CHECK_THAT(text, Matchers::Contains("\n  BEST   pp2-dp4\n         pp 2 (1f1b) · dp 4 · "
                                      "micro-batch 1 × 4 · no recompute\n"));
  CHECK_THAT(text, Matchers::Contains("\n  STEP   10.0 s  [9.0 … 11.0]    12 500 tokens/s/GPU"));
  CHECK_THAT(text,
             Matchers::Contains("\n  PEAK   40.0 GiB  [36.0 … 44.0] of 80.0 GiB usable: fits"));
  CHECK_THAT(text, Matchers::Contains(
                       "\n      plan           step [90 %]          MFU      peak  P(fits)\n"
                       "  1   pp2-dp4      10.0 s [9.0 … 11.0]   43 %  40.0 GiB   > 0.99\n"
                       "  2 = pp4-dp2      10.1 s"));
  CHECK_THAT(text, Matchers::Contains("\n  3   pp2-dp4-mb2  12.0 s"));
  CHECK_THAT(
      text,
      Matchers::Contains(
          "\n  Plans 1 and 2 are a tie (P = 0.55 for the first); they differ in pp and dp.\n"));
  CHECK_THAT(
      text,
      Matchers::Contains(
          "\n  where the step goes, and what a plan does otherwise than the first\n"
          "     compute  comm.  bubble  rest\n"
          "  1     80 %   20 %     0 %   0 %\n"
          "  2     80 %   20 %     0 %   0 %  pp 4 instead of 2, dp 2 instead of 4; + 2 alike\n"
          "  3     80 %   20 %     0 %   0 %  micro-batch 2 instead of 1\n"
          "  Of plans that differ in the placement of ranks or the overlap of tensor collectives "
          "alone the best\n  is shown; alike are the others that take as long, to 0.1 %.\n"));
  CHECK_THAT(text, Matchers::Contains("\n  step time against memory on 8 GPUs: 2 plans\n"));
  CHECK_THAT(text, Matchers::Contains("\n  what a limit costs\n  With 5.50 GiB more per GPU: 6.0 % "
                                      "faster, pp1-big (9.40 s, 85.5 GiB).\n"));
  CHECK_THAT(text,
             Matchers::Contains(
                 "\n  3.21 million combinations: 2.90 million are illegal, 312 thousand are legal "
                 "plans. Of these\n  62.1 thousand fit and 250 thousand do not.\n"
                 "  illegal      2 million  heads do not divide by tensor\n"
                 "            902 thousand  layers do not divide by stages\n"
                 "  too much  250 thousand  memory\n"));
  CHECK_THAT(text, Matchers::Contains("\n  next\n  lockstep compare found.yaml\n"));
  CHECK_THAT(text, Matchers::EndsWith("Not modelled here: data loading; failures and restarts.\n"));
}

TEST_CASE("the text of a search fits 100 columns", "[unit][search]") {
  SearchReport report = sample_search();
  for (PlanReport& plan : report.report.plans) {
    plan.plan.name =
        "tp8-pp16x5-zb-h1-dp128-cp4-ulysses-zero1of16-mb1-selective-every2-" + plan.plan.name;
  }
  report.report.plans[1].cluster.gpus = 16384;
  report.request.constraints =
      std::vector<Constraint>(6, test::memory_limit("peak_memory <= 70 GiB", 70));
  const std::string command =
      "lockstep search scenarios/gpt3-175b-64xa100.yaml --fix tensor=8 --forbid offload "
      "--constraint x --top 3";
  const std::string text = search_text(report, {command}, {});
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    CAPTURE(line);
    CHECK(display_width(line) <= 100);
    CHECK((line.empty() || line.back() != ' '));
    CHECK(line.find("\xC2\xA0") == std::string::npos);  // no-break spaces are for the layout alone
  }
  CHECK_THAT(text, Matchers::Contains(
                       "\n  lockstep search scenarios/gpt3-175b-64xa100.yaml --fix tensor=8 "
                       "--forbid offload --constraint x \\\n    --top 3\n"));
  CHECK_THAT(text, Matchers::Contains("GPUs"));
}

TEST_CASE("names are whole however long they are", "[unit][search]") {
  SearchReport report = sample_search();
  // 89 and 90 columns of a hundred, alike but for their ends.
  const std::string start =
      "tp8-sp-cp4-ulysses-ep8-etp2-pp16x5-zb-h1-dp128-zero1of16-mb1-selective-every2-host-oa";
  const std::vector<std::string> ends{"-mb1", "-by-x", "-mb2", "-mb4", "-mb8"};
  for (std::size_t i = 0; i < ends.size(); ++i) report.report.plans[i].plan.name = start + ends[i];
  const std::string text = text_of(report);
  // 2 + 1 + 1 + 1 + 1 columns before the name and 28 after it leave 66, the start has 84.
  CHECK_THAT(
      text,
      Matchers::Contains(
          "\n  1   tp8-sp-cp4-ulysses-ep8-etp2-pp16x5-zb-h1-dp128-zero1of16-mb1-  10.0 s  43 %"
          "  40.0 GiB   > 0.99\n        selective-every2-host-oa-mb1\n") &&
          Matchers::Contains("\n        selective-every2-host-oa-by-x\n") &&
          Matchers::Contains("\n        selective-every2-host-oa-mb2\n"));
  // A front has no places and no MFU: 76 columns. And what lies beyond a limit is one word.
  CHECK_THAT(text, Matchers::Contains("mb1-selective-  14.0 s  20.0 GiB   > 0.99\n"
                                      "    every2-host-oa-mb4\n") &&
                       Matchers::Contains("every2-host-oa-mb8 (9.40 s"));
}

TEST_CASE("no plan fits: what comes nearest", "[unit][search]") {
  SearchReport report = nothing_found();
  report.nearest = 0;
  std::string text = without_breaks(text_of(report));
  CHECK_THAT(text,
             Matchers::Contains(
                 "No plan fits: of 3.21 million combinations 312 thousand are legal, and each "
                 "breaks a limit."));
  // 84.2 GiB against the 80 of a GPU.
  CHECK_THAT(text, Matchers::Contains(
                       "what comes nearest The least memory: dp8 (14.0 s, 84.2 GiB), 4.20 GiB more "
                       "than the 80.0 GiB that a GPU has for it."));
  CHECK(text.find("BEST") == std::string::npos);
  report.request.memory_headroom_bytes = 2 * 0x1p30;
  CHECK_THAT(without_breaks(text_of(report)),
             Matchers::Contains("6.20 GiB more than the 78.0 GiB that a GPU has for it."));
  // It fits, and another limit keeps it out.
  report.report.plans[0] = found_plan("dp8", 14.0, 70, 1, 8);
  CHECK_THAT(text_of(report), Matchers::Contains("The least memory: dp8 (14.0 s, 70.0 GiB).\n"));
  report.relaxations = {{test::memory_limit("peak_memory <= 60 GiB", 60), 70 * 0x1p30, 0, 0}};
  CHECK_THAT(text_of(report),
             Matchers::Contains("With peak_memory <= 70.0 GiB in place of 60.0 GiB: dp8 (14.0 s, "
                                "70.0 GiB).\n"));
}

TEST_CASE("no plan is legal, none found so far, no limit costs anything", "[unit][search]") {
  SearchReport report = nothing_found();
  report.report.plans.clear();
  report.candidates.clear();
  report.counts.legal = 0;
  CHECK_THAT(
      text_of(report),
      Matchers::Contains("No plan is legal: each of 3.21 million combinations breaks a rule.\n"));
  report.looked_at = 0.4;
  CHECK_THAT(text_of(report), Matchers::Contains("No plan that fits was found so far.\n"));
  SearchReport found = sample_search();
  found.relaxations.clear();
  const std::string free =
      "No limit keeps a better plan out by itself, memory up to half as much again included.\n";
  CHECK_THAT(text_of(found), Matchers::Contains(free));
  found.looked_at = 0.4;
  CHECK(text_of(found).find(free) == std::string::npos);
  CHECK_THAT(
      without_breaks(text_of(found)),
      Matchers::Contains(
          "INTERRUPTED after 40 % of the combinations: this is the best so far, and not all that "
          "there is."));
}

TEST_CASE("a long front and many reasons are cut, with what is left out", "[unit][search]") {
  SearchReport report = sample_search();
  for (std::size_t i = 0; i < 30; ++i) {
    report.report.plans.push_back(found_plan("front-" + std::to_string(i), 20, 30, 1, 8));
    report.candidates.push_back({200 + i, 1, {}, 20});
    report.fronts[0].plans.push_back(report.report.plans.size() - 1);
    report.counts.illegal["reason " + std::to_string(10 + i)] = 5;
  }
  const std::string text = text_of(report);
  CHECK_THAT(
      text,
      Matchers::Contains(
          "step time against memory on 8 GPUs: 32 plans, 12 of them; --format json has all\n"));
  CHECK_THAT(text, Matchers::Contains("front-29"));  // both ends are there
  // Two frequent reasons and six of the others; 24 times 5 are left.
  CHECK_THAT(text, Matchers::Contains("120  24 more reasons\n"));
}

TEST_CASE("a front of some plans is drawn", "[unit][search]") {
  SearchReport report = sample_search();
  CHECK(text_of(report).find("step time over peak memory") == std::string::npos);
  // Five more, from 20 s with 10 GiB to 60 s with 6: below the best plan's 40 GiB at 10 s.
  for (std::size_t i = 0; i < 5; ++i) {
    const auto more = static_cast<double>(i);
    report.report.plans.push_back(
        found_plan("small-" + std::to_string(i), 20 + 10 * more, 10 - more, 1, 8));
    report.candidates.push_back({300 + i, 1, {}, 20});
    report.fronts[0].plans.push_back(report.report.plans.size() - 1);
  }
  const std::string text = text_of(report);
  CHECK_THAT(text, Matchers::Contains("  step time over peak memory\n  60.0 s │○\n") &&
                       Matchers::Contains("●\n         └─") &&
                       Matchers::Contains("         6.00 GiB  "));
}
