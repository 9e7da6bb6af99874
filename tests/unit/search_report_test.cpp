// Does the report of a search say what was found, in words?
#include <sstream>

#include "sim/engine/parts.hpp"
#include "sim/engine/step.hpp"
#include "sim/report/display.hpp"
#include "sim/report/search_report.hpp"
#include "sim/report/search_words.hpp"
#include "sim/report/short_partition.hpp"
#include "sim/search/refusal.hpp"
#include "tests/catch.hpp"
#include "tests/unit/sample_search.hpp"

using namespace lockstep;
using lockstep::test::found_plan;
using lockstep::test::sample_search;

namespace {

// Sums and quotients hold up to the rounding of double arithmetic.
constexpr double tolerance = 1e-9;

std::string text_of(const SearchReport& report) {
  return search_text(report, {"lockstep compare found.yaml"}, {});
}

std::string plain(const std::string& words) {
  return wrap(words, 1000, "", "");
}

}  // namespace

TEST_CASE("large counts are short, small ones exact", "[unit][search]") {
  CHECK(search_words::compact(0) == "0");
  CHECK(search_words::compact(999) == "999");
  CHECK(search_words::compact(9'087) == "9 087");
  CHECK(search_words::compact(62'123) == "62.1 thousand");
  CHECK(search_words::compact(999'600) == "1.00 million");
  CHECK(search_words::compact(3'214'567) == "3.21 million");
  CHECK(search_words::compact(4'000'000'000) == "4 billion");
  CHECK(search_words::compact(1'500'000'000'000) == "1.50 trillion");
}

TEST_CASE("the short partition has four shares that sum to one", "[unit][search]") {
  // Half GEMMs and three tenths norms compute, two tenths are communication.
  PlanReport plan = test::sample_plan("a", 10, 40);
  ShortPartition shares = short_partition(plan);
  CHECK(shares.compute == Approx(0.8).epsilon(tolerance));
  CHECK(shares.communication == Approx(0.2).epsilon(tolerance));
  CHECK(shares.bubble == 0);
  CHECK(shares.rest == 0);
  // 10 s more, of which 4 are bubble and 6 the optimizer and the host.
  plan.step.partition.push_back({line_name(StepPart::bubble), Seconds{4}, "pipeline", ""});
  plan.step.partition.push_back({line_name(StepPart::optimizer), Seconds{5}, "HBM", ""});
  plan.step.partition.push_back({line_name(StepPart::host_step), Seconds{1}, "host", ""});
  shares = short_partition(plan);
  CHECK(shares.compute == Approx(0.4).epsilon(tolerance));
  CHECK(shares.communication == Approx(0.1).epsilon(tolerance));
  CHECK(shares.bubble == Approx(0.2).epsilon(tolerance));
  CHECK(shares.rest == Approx(0.3).epsilon(tolerance));
  plan.step.partition.clear();
  CHECK(short_partition(plan).compute == 0);
}

TEST_CASE("differences name what a plan does otherwise", "[unit][search]") {
  PlanReport best = found_plan("a", 10, 40, 2, 4);
  PlanReport other = found_plan("b", 11, 40, 4, 2);
  CHECK(differences_text(plan_differences(best, best)).empty());
  CHECK(differences_text(plan_differences(other, best)) == "pp 4 instead of 2, dp 2 instead of 4");
  other = best;
  other.plan.recompute = Recompute::full;
  other.plan.recompute_every = 2;
  other.plan.sequence_parallel = true;
  CHECK(differences_text(plan_differences(other, best)) ==
        "with sequence parallelism, recompute full of 1 layer in 2 instead of none");
  CHECK(differences_text(plan_differences(best, other)) ==
        "without sequence parallelism, recompute none instead of full of 1 layer in 2");
  other = best;
  other.plan.offload.optimizer = 0.5;
  other.cluster.nodes = 2;
  CHECK(differences_text(plan_differences(other, best)) ==
        "nodes 2 instead of 1, 50 % of the optimizer on the host instead of 0 %");
}

TEST_CASE("what a plan has no use for is no difference", "[unit][search]") {
  // Without sharding there are no shard groups, without a pipeline no schedule.
  PlanReport best = found_plan("a", 10, 40, 1, 8);
  PlanReport other = best;
  other.plan.pipeline.schedule = "zb-h1";
  other.plan.shard_group = 4;
  other.plan.sync.prefetch = 2;
  other.plan.context.method = ContextMethod::ulysses;
  CHECK(plan_differences(other, best).empty());
  best.plan.sharding = other.plan.sharding = Sharding::fsdp;
  best.plan.sync.prefetch = 1;
  CHECK(differences_text(plan_differences(other, best)) ==
        "shard group 4 instead of all, units prefetched 2 instead of 1");
  CHECK(plan_differences(other, best)[0].key == "shard_group");
}

TEST_CASE("the verdict says what is best and under which limits", "[unit][search]") {
  SearchReport report = sample_search();
  CHECK(plain(search_words::verdict(report)) ==
        "The best plan is the one with the shortest step, of 312 thousand legal plans.");
  SearchRequest& request = report.request;
  request.objective = Objective::gpus_for_deadline;
  request.deadline_days = 30;
  CHECK(search_words::objective(request) != "");
  request.memory_headroom_bytes = 4 * 0x1p30;
  request.constraints = {test::memory_limit("peak_memory <= 70 GiB", 70)};
  request.limits = {{"tensor", {{2, 8}}, {}}, {"recompute", {}, {"none", "full"}}};
  request.forbidden = {"offload", "context"};
  CHECK(plain(search_words::verdict(report)) ==
        "The best plan is the one with the fewest GPUs for a run of at most 30 days, of 312 "
        "thousand legal plans. "
        "Limits: 4.00 GiB of each GPU kept free; peak_memory <= 70 GiB; tensor 2 to 8; recompute "
        "none or full; "
        "without offload or context.");
  const auto words = [](Objective objective) {
    SearchRequest of;
    of.objective = objective;
    return search_words::objective(of);
  };
  CHECK(words(Objective::throughput_per_gpu) == "the most tokens per second and GPU");
  CHECK(words(Objective::cost_per_token) == "the lowest cost per token");
  CHECK(words(Objective::memory) == "the least memory");
}

TEST_CASE("plans that were not looked at are neither said to fit nor not to", "[unit][search]") {
  SearchReport report = sample_search();
  CHECK(plain(search_words::counts(report)) ==
        "3.21 million combinations: 2.90 million are illegal, 312 thousand are legal plans. Of "
        "these 62.1 thousand fit and 250 thousand do not.");
  report.counts.too_slow = 50'000;
  CHECK(plain(search_words::verdict(report)) ==
        "The best plan is the one with the shortest step, of 312 thousand legal plans.");
  report.counts.illegal[same_as_another] = 902'222;
  // 3 214 567 - 312 345 are 2 902 222, of which 902 222 are doubles; 312 345 - 50 000 - 62 123 do
  // not fit.
  CHECK(plain(search_words::counts(report)) ==
        "3.21 million combinations: 902 thousand are the same plan as another, 2 million are "
        "illegal, 312 thousand are legal plans. Of these 62.1 thousand fit and 200 thousand do "
        "not; of 50 thousand it was not asked, whose layout takes more than twice the best step.");
}

TEST_CASE("an interrupted search counts what it was through with, and nothing else",
          "[unit][search]") {
  SearchReport report = sample_search();
  report.looked_at = 0.4;
  CHECK(plain(search_words::verdict(report)) ==
        "The best plan so far is the one with the shortest step.");
  CHECK_THAT(plain(search_words::counts(report)),
             Matchers::StartsWith("Counted before the end: 3.21 million combinations: "));
  report.counts = {};
  report.looked_at = 0;
  CHECK(plain(search_words::counts(report)) ==
        "Nothing is counted: no part of the combinations with a legal plan was searched to its "
        "end.");
  CHECK(text_of(report).find(" 0 fit") == std::string::npos);
}

TEST_CASE("a share of a dimension is a percentage", "[unit][search]") {
  SearchReport report = sample_search();
  report.request.limits = {{"offload_optimizer", {{0, 0.5}, {1, 1}}, {}}};
  CHECK_THAT(plain(search_words::verdict(report)),
             Matchers::EndsWith("Limits: offload_optimizer 0 % to 50 % or 100 %."));
}

TEST_CASE("counts are written out, and a name once", "[unit][search]") {
  SearchReport report = sample_search();
  report.request.limits = {{"tensor", {{1, 1e8}}, {}},
                           {"prefetch", {{-1, -1}, {2, 2}}, {"software"}}};
  CHECK_THAT(plain(search_words::verdict(report)),
             Matchers::EndsWith("Limits: tensor 1 to 100000000; prefetch 2 or software."));
}

TEST_CASE("ties are told with their probabilities", "[unit][search]") {
  CHECK(search_words::tie({3, 3, {}, {}}, Objective::step_time).empty());
  CHECK(plain(search_words::tie({0, 1, {0.55}, {}}, Objective::step_time)) ==
        "Plans 1 and 2 are a tie (P = 0.55 for the first).");
  CHECK(plain(search_words::tie({1, 4, {0.55, 0.7, 0.5}, {"interleave", "sharding", "placement"}},
                                Objective::step_time)) ==
        "Plans 2 to 5 are a tie (P = 0.50 to 0.70 for the first); they differ in interleave, "
        "sharding and placement.");
  CHECK(search_words::tie({0, 2, {0.5, 0.5}, {}}, Objective::memory) ==
        "Plans 1 to 3 need the same memory.");
}

TEST_CASE("a limit says what it costs, and names a bound that does let the plan in",
          "[unit][search]") {
  SearchReport report = sample_search();
  const auto words = [&] { return plain(search_words::relaxation(report.relaxations[0], report)); };
  CHECK(words() == "With 5.50 GiB more per GPU: 6.0 % faster, pp1-big (9.40 s, 85.5 GiB).");
  // 5.501 GiB round to 5.50, which is not enough.
  report.relaxations[0].needed = 85.501 * 0x1p30;
  CHECK_THAT(words(), Matchers::StartsWith("With 5.51 GiB more per GPU: "));
  report.request.memory_headroom_bytes = 6 * 0x1p30;
  CHECK_THAT(words(), Matchers::StartsWith("With 5.51 GiB less kept free: "));

  report.relaxations[0].limit = {memory_of_the_host, Measure::host_memory, true, 512 * 0x1p30};
  report.relaxations[0].needed = 600 * 0x1p30;
  CHECK_THAT(words(), Matchers::StartsWith("With 88.0 GiB more host memory per node: "));
  report.relaxations[0].limit = test::memory_limit("peak_memory <= 70 GiB", 70);
  report.relaxations[0].needed = 85.501 * 0x1p30;
  CHECK_THAT(words(), Matchers::StartsWith("With peak_memory <= 85.6 GiB in place of 70.0 GiB: "));
  FoundRelaxation& relaxation = report.relaxations[0];
  relaxation.limit = {"P(fits) >= 0.9", Measure::fit_probability, false, 0.9};
  relaxation.needed = 0.8377;  // at least 0.838 would keep it out
  CHECK_THAT(words(), Matchers::StartsWith("With P(fits) >= 0.837 in place of 0.900: "));
  relaxation.limit = {"deadline", Measure::days, true, 30};
  relaxation.needed = 34.21;
  CHECK_THAT(words(), Matchers::StartsWith("With a deadline of 34.3 days in place of 30: "));
  relaxation.limit = {"gpus <= 64", Measure::gpus, true, 64};
  relaxation.needed = 128;
  CHECK_THAT(words(), Matchers::StartsWith("With gpus <= 128 in place of 64: "));
}

TEST_CASE("a gain is in the words of the objective", "[unit][search]") {
  SearchReport report = sample_search();
  const auto words = [&](Objective objective) {
    report.request.objective = objective;
    return plain(search_words::relaxation(report.relaxations[0], report));
  };
  CHECK_THAT(words(Objective::throughput_per_gpu),
             Matchers::Contains(": 6.0 % less GPU time per token, pp1-big"));
  CHECK_THAT(words(Objective::cost_per_token), Matchers::Contains(": 6.0 % cheaper, pp1-big"));
  CHECK_THAT(words(Objective::memory), Matchers::Contains(": 6.0 % less memory, pp1-big"));
  // 9.4 s in place of 10 s on as many GPUs.
  CHECK_THAT(words(Objective::gpus_for_deadline), Matchers::Contains(": 6.0 % faster, pp1-big"));
  report.report.plans[4].cluster.gpus = 4;
  CHECK_THAT(words(Objective::gpus_for_deadline),
             Matchers::Contains(": 4 GPUs in place of 8, pp1-big"));
}

TEST_CASE("better by the objective", "[unit][search]") {
  PlanReport a = found_plan("a", 10, 40, 2, 4);
  PlanReport b = found_plan("b", 10, 50, 4, 2);
  a.distribution.lower = a.distribution.upper = b.distribution.lower = b.distribution.upper = 0.05;
  CHECK(better_probability(Objective::step_time, a, b) == Approx(0.5).epsilon(tolerance));
  CHECK(better_probability(Objective::memory, a, b) == 1);
  CHECK(better_probability(Objective::memory, b, a) == 0);
  CHECK(better_probability(Objective::memory, a, a) == 0.5);
  // As fast on twice the GPUs: twice the GPU time.
  b.cluster.gpus = 16;
  CHECK(better_probability(Objective::throughput_per_gpu, a, b) > 0.99);
  CHECK(better_probability(Objective::cost_per_token, b, a) < 0.01);
  CHECK(better_probability(Objective::gpus_for_deadline, a, b) == 1);
  CHECK(better_probability(Objective::gpus_for_deadline, b, a) == 0);
}

TEST_CASE("cost against time is a front of its own", "[unit][search]") {
  SearchReport report = sample_search();
  report.report.scenario.price.per_gpu_hour = 2;
  report.report.scenario.price.currency = "USD";
  report.report.scenario.training.total_tokens = 1e9;  // 1000 steps of a million tokens
  report.fronts = {{FrontKind::cost, {0, 3}}, {FrontKind::gpus, {0, 3}}};
  const std::string text = text_of(report);
  // 1000 steps of 10 s are 2.78 h; of 8 GPUs 22.2 GPU-hours, 44.4 USD.
  CHECK_THAT(text, Matchers::Contains("\n  time of the run against its cost: 2 plans\n"));
  CHECK_THAT(text, Matchers::Contains("\n  step time against GPUs: 2 plans\n"));
  CHECK_THAT(text, Matchers::Contains("pp2-dp4  2.78 h  44.4     8  10.0 s"));
  CHECK_THAT(text, Matchers::Contains("  the whole run   takes [90 %]"));
}
