// What the search picks beside plans that were measured: how far it may go, which picks were run,
// their regret, and what the others promise.
#include "tests/catch.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include "sim/report/report.hpp"
#include "validate/runs_tables.hpp"

using namespace lockstep;

namespace {

using Words = std::vector<std::string>;

// On 8 GPUs: tp2-sp-dp4-zero1-mb1.
Plan tensor_plan() {
  Plan plan;
  plan.tensor = 2;
  plan.sequence_parallel = true;
  plan.data = 4;
  plan.sharding = Sharding::optimizer;
  return plan;
}

// On 8 GPUs: pp2x2-dp4-mb2-full.
Plan pipeline_plan() {
  Plan plan;
  plan.pipeline.stages = 2;
  plan.pipeline.interleave = 2;
  plan.data = 4;
  plan.micro_batch = 2;
  plan.recompute = Recompute::full;
  return plan;
}

std::vector<double> allowed_numbers(const SearchRequest& request, const char* dimension) {
  std::vector<double> out;
  const DimensionLimit* limit = request.limit(dimension);
  REQUIRE(limit != nullptr);
  for (const ValueRange& range : limit->ranges) {
    CHECK(range.low == range.high);
    out.push_back(range.low);
  }
  return out;
}

Words allowed_names(const SearchRequest& request, const char* dimension) {
  const DimensionLimit* limit = request.limit(dimension);
  REQUIRE(limit != nullptr);
  return limit->names;
}

MeasuredPlan measured(const Plan& plan, double seconds, double predicted, bool fits = true) {
  return {plan, seconds, predicted, fits};
}

PlanPointers pointers(const std::vector<MeasuredPlan>& plans) {
  PlanPointers out;
  for (const MeasuredPlan& one : plans) out.push_back(&one.plan);
  return out;
}

SearchPick run_pick(double regret) {
  SearchPick pick;
  pick.measured = true;
  pick.regret = regret;
  return pick;
}

SearchPick other_pick(double gain, const Words& unmeasured = {}) {
  SearchPick pick;
  pick.predicted_gain = gain;
  pick.unmeasured = unmeasured;
  return pick;
}

SearchPick no_pick() {
  SearchPick pick;
  pick.problem = "no plan is predicted to fit";
  return pick;
}

// The same pick in every space.
SearchedChoice choice_of(const std::string& source, const SearchPick& pick) {
  SearchedChoice choice;
  choice.source = source;
  choice.picks.fill(pick);
  return choice;
}

// 8 GPUs, batch 8; tp1-dp8-mb1 took 2 s, tp2-dp4-mb2 1.6 s.
SearchQuestion small_question() {
  static const Catalog catalog(std::string(LOCKSTEP_TEST_SOURCE_DIR) + "/scenarios");
  SearchQuestion question;
  question.source = "s";
  question.scenario = parse_scenario(
      "lockstep: 1\n"
      "model: {layers: 4, hidden: 1024, heads: 8, ffn_hidden: 4096, vocabulary: 32000}\n"
      "cluster: {system: dgx-h100, nodes: 1}\n"
      "training: {sequence_length: 2048, global_batch: 8}\n"
      "software: megatron-core\n"
      "search: {top: 1}\n",
      "small.yaml", catalog);
  Plan alone;
  alone.data = 8;
  Plan pair;
  pair.tensor = 2;
  pair.data = 4;
  pair.micro_batch = 2;
  for (const auto& [plan, seconds] : {std::pair(alone, 2.0), std::pair(pair, 1.6)}) {
    MeasuredPlan one = measured(plan, seconds, 0);
    one.plan.software = question.scenario.software;
    const Scenario& of = question.scenario;
    one.predicted_s = predict(of.model, of.training, of.cluster, one.plan).step_time_s.value;
    question.plans.push_back(one);
  }
  return question;
}

}  // namespace

TEST_CASE("Search limits: settings that change nothing are as in a new plan", "[unit]") {
  Plan plan = tensor_plan();
  plan.shard_group = 4;            // all four replicas
  plan.expert.tensor = 2;          // the plan's own
  plan.pipeline.interleave = 3;    // of one stage
  plan.recompute_every = 2;        // of no recompute
  plan.recompute_parts = "norms";  // of no selective recompute
  plan.offload.weights = 1;        // of no FSDP
  CHECK(as_found(plan).shard_group == 0);
  CHECK(as_found(plan).expert.tensor == 0);
  CHECK(as_found(plan).pipeline.interleave == 1);
  CHECK(as_found(plan).recompute_every == 1);
  CHECK(as_found(plan).recompute_parts.empty());
  CHECK(as_found(plan).offload.weights == 0);
  CHECK(as_found(plan).sharding == Sharding::optimizer);
  CHECK(as_found(plan).sequence_parallel);
  CHECK(as_found(plan).placement == "tp-cp-dp-pp");  // the same order, with cp where it follows
  plan.shard_group = 2;
  CHECK(as_found(plan).shard_group == 2);
  plan.tensor = 1;
  CHECK_FALSE(as_found(plan).sequence_parallel);
  plan.data = 1;  // nothing to share with
  CHECK(as_found(plan).sharding == Sharding::none);
  CHECK(as_found(plan).shard_group == 0);
}

TEST_CASE("Search limits: the values of two plans, each by itself", "[unit]") {
  const Plan first = tensor_plan();
  const Plan second = pipeline_plan();
  const SearchRequest request = request_of_values({&first, &second, &first});
  CHECK(allowed_numbers(request, "tensor") == std::vector<double>{2, 1});
  CHECK(allowed_numbers(request, "stages") == std::vector<double>{1, 2});
  CHECK(allowed_numbers(request, "interleave") == std::vector<double>{1, 2});
  CHECK(allowed_numbers(request, "micro_batch") == std::vector<double>{1, 2});
  CHECK(allowed_numbers(request, "context") == std::vector<double>{1});
  CHECK(allowed_numbers(request, "shard_group") == std::vector<double>{0});
  CHECK(allowed_numbers(request, "offload_optimizer") == std::vector<double>{0});
  CHECK(allowed_names(request, "sequence_parallel") == Words{"true", "false"});
  CHECK(allowed_names(request, "sharding") == Words{"optimizer", "none"});
  CHECK(allowed_names(request, "recompute") == Words{"none", "full"});
  CHECK(allowed_names(request, "schedule") == Words{"1f1b"});
  CHECK(allowed_names(request, "placement") == Words{"tp-cp-dp-pp"});
  CHECK(request.forbidden == Words{"tensor-overlap"});
  CHECK(request.top == 1);
}

TEST_CASE("Search limits: features that no plan has are forbidden, the rest is free", "[unit]") {
  const Plan first = tensor_plan();
  const Plan second = pipeline_plan();
  const SearchRequest both = request_of_features({&first, &second});
  CHECK(both.forbidden == Words{"tensor-overlap", "context", "expert", "hsdp", "offload"});
  CHECK(both.limit("tensor") == nullptr);
  CHECK(both.limit("micro_batch") == nullptr);
  CHECK(allowed_names(both, "prefetch") == Words{"software"});
  CHECK(allowed_names(both, "recompute_parts") == Words{"software"});
  CHECK(request_of_features({&first}).forbidden == Words{"tensor-overlap", "pipeline", "interleave",
                                                         "context", "expert", "hsdp", "recompute",
                                                         "offload"});
}

TEST_CASE("Search limits: values of a pick that no plan has", "[unit]") {
  const Plan first = tensor_plan();
  const Plan second = pipeline_plan();
  Plan pick = tensor_plan();
  pick.micro_batch = 2;  // of the second plan
  CHECK(unmeasured_settings(pick, {&first, &second}).empty());
  pick.tensor = 8;
  pick.data = 1;
  pick.sharding = Sharding::none;
  pick.recompute = Recompute::selective;
  CHECK(unmeasured_settings(pick, {&first, &second}) == Words{"tensor 8", "recompute selective"});
}

TEST_CASE("Search regret: a pick that was run has the regret of the run", "[unit]") {
  // Predicted 4 s and 5 s, measured 4.4 s and 4 s: 10 % slower than the fastest, which was
  // predicted to take 5 s: 1 - 4/5 = 20 % of the step saved, so it was thought.
  const std::vector<MeasuredPlan> plans{measured(tensor_plan(), 4.4, 4),
                                        measured(pipeline_plan(), 4, 5)};
  Plan same = tensor_plan();
  same.shard_group = 4;  // all replicas: the same plan
  const SearchPick pick = judge_pick(same, 4, plans, pointers(plans));
  CHECK(pick.plan == "tp2-sp-dp4-zero1-mb1");
  CHECK(pick.measured);
  CHECK(pick.regret == Approx(0.1));
  CHECK(pick.predicted_gain == Approx(0.2));
  CHECK(pick.unmeasured.empty());
}

TEST_CASE("Search regret: a pick that nobody ran only promises", "[unit]") {
  const std::vector<MeasuredPlan> plans{measured(tensor_plan(), 4.4, 4),
                                        measured(pipeline_plan(), 4, 5)};
  Plan other = tensor_plan();
  other.tensor = 4;
  other.data = 2;
  const SearchPick pick = judge_pick(other, 3, plans, pointers(plans));
  CHECK_FALSE(pick.measured);
  CHECK(pick.plan == "tp4-sp-dp2-zero1-mb1");
  CHECK(pick.predicted_gain == Approx(0.4));  // 3 s against the 5 s of the fastest
  CHECK(pick.unmeasured == Words{"tensor 4"});
  // Slower than the fastest one's prediction: less than nothing.
  CHECK(judge_pick(other, 6, plans, pointers(plans)).predicted_gain == Approx(-0.2));
}

TEST_CASE("Search regret: as fast as a measured plan that fits is as good as run", "[unit]") {
  std::vector<MeasuredPlan> plans{measured(tensor_plan(), 4.4, 4), measured(pipeline_plan(), 4, 5)};
  Plan other = tensor_plan();
  other.sharding = Sharding::gradients;
  CHECK(judge_pick(other, 4 * (1 + 1e-12), plans, pointers(plans)).regret == Approx(0.1));
  CHECK_FALSE(judge_pick(other, 4.001, plans, pointers(plans)).measured);
  plans[0].fits = false;
  CHECK_FALSE(judge_pick(other, 4, plans, pointers(plans)).measured);
}

TEST_CASE("Search regret: of several runs of one plan the one that is predicted nearest",
          "[unit]") {
  // One key, two predictions, as overlap switches give them.
  const std::vector<MeasuredPlan> plans{measured(tensor_plan(), 6, 4.5),
                                        measured(tensor_plan(), 5, 4.1),
                                        measured(pipeline_plan(), 4, 5)};
  CHECK(judge_pick(tensor_plan(), 4, plans, pointers(plans)).regret == Approx(0.25));
}

TEST_CASE("Search regret: summed up by source and space, and over all but those apart", "[unit]") {
  const std::vector<SearchedChoice> choices{
      choice_of("a", run_pick(0)),     choice_of("a", run_pick(0.04)),
      choice_of("b", run_pick(3)),     choice_of("a", run_pick(0.26)),
      choice_of("a", other_pick(0.1)), choice_of("a", other_pick(0.3, {"tensor 8"})),
      choice_of("a", no_pick())};
  const std::vector<SearchRegret> sums = summarize_search(choices, {"b"});
  REQUIRE(sums.size() == 9);  // a, b and all, each in three spaces
  CHECK(sums[0].source == "a");
  CHECK(sums[0].space == SearchSpace::plans);
  CHECK(sums[2].space == SearchSpace::features);
  CHECK(sums[1].groups == 6);
  CHECK(sums[1].found == 5);
  CHECK(sums[1].measured == 3);
  CHECK(sums[1].median_regret == Approx(0.04));  // 0, 4 and 26 %
  CHECK(sums[1].mean_regret == Approx(0.1));
  CHECK(sums[1].fastest == 1);
  CHECK(sums[1].nearly == 2);
  CHECK(sums[1].median_predicted_gain == Approx(0.2));  // 10 and 30 %
  CHECK(sums[1].largest_predicted_gain == Approx(0.3));
  CHECK(sums[1].beyond == 1);
  CHECK(sums[3].source == "b");
  CHECK(sums[3].median_regret == Approx(3));
  CHECK(sums[6].source == "all");
  CHECK(sums[6].groups == 6);  // without b
  CHECK(sums[6].mean_regret == Approx(0.1));
  CHECK(summarize_search({}, {}).empty());
}

TEST_CASE("Search regret: a small group is searched in every combination of its values", "[unit]") {
  // tensor 1 or 2, micro-batch 1 or 2: four combinations, of which tp1-dp8-mb2 has no batch of 16.
  // Tensor parallelism only adds communication to a model this small, so the plan without it is
  // picked: 2 s against 1.6 s.
  const SearchQuestion question = small_question();
  const SearchedChoice choice = search_choice(question, pointers(question.plans), 1);
  CHECK(choice.gpus == 8);
  CHECK(choice.plans == 2);
  CHECK(choice.fastest == "tp2-dp4-mb2");
  CHECK(choice.fastest_fits);
  const SearchPick& values = choice.pick(SearchSpace::values);
  CHECK(values.problem.empty());
  CHECK(values.combinations == 4);
  CHECK(values.plan == "tp1-dp8-mb1");
  CHECK(values.measured);
  CHECK(values.regret == Approx(0.25));
  const double gain = 1 - question.plans[0].predicted_s / question.plans[1].predicted_s;
  CHECK(values.predicted_gain == Approx(gain));
  CHECK(choice.pick(SearchSpace::plans).plan == "tp1-dp8-mb1");
  CHECK(choice.pick(SearchSpace::plans).combinations == 2);
}

TEST_CASE("Search regret: each space lies within the next, whatever the threads", "[unit]") {
  const SearchQuestion question = small_question();
  const SearchedChoice one = search_choices({question}, 1).front();
  const SearchedChoice two = search_choices({question}, 2).front();
  for (const SearchSpace space : search_spaces) {
    INFO(words_for(space));
    CHECK(one.pick(space).plan == two.pick(space).plan);
    CHECK(one.pick(space).predicted_gain == two.pick(space).predicted_gain);
    CHECK(one.pick(space).combinations == two.pick(space).combinations);
    if (space == SearchSpace::plans) continue;
    const SearchPick& inner = one.picks[static_cast<std::size_t>(space) - 1];
    CHECK(one.pick(space).predicted_gain >= inner.predicted_gain - 1e-12);
    CHECK(one.pick(space).combinations >= inner.combinations);
  }
}

TEST_CASE("Search regret: what leaves no plan is said, not thrown", "[unit]") {
  SearchQuestion question = small_question();
  for (MeasuredPlan& one : question.plans) {
    one.plan.micro_batch = 3;  // no divisor of the batch
    one.fits = false;
  }
  const SearchedChoice choice = search_choice(question, pointers(question.plans), 1);
  CHECK_FALSE(choice.fastest_fits);
  CHECK(choice.pick(SearchSpace::plans).problem == "no plan is predicted to fit");
  CHECK(choice.pick(SearchSpace::values).problem ==
        "the search is left without a value of micro_batch");
  CHECK(choice.pick(SearchSpace::features).found());
}

TEST_CASE("Search regret: the tables say what was run and what was not", "[unit]") {
  SearchedChoice choice = choice_of("a|b", run_pick(0.25));
  choice.model = "m";
  choice.gpus = 8;
  choice.plans = 5;
  choice.fastest = "tp1-dp8-mb1";
  choice.picks[1].plan = "tp2-dp4-mb1";
  choice.picks[2] = other_pick(0.3, {"tensor 4"});
  choice.picks[2].plan = "tp4-dp2-mb1";
  RunsReport report;
  report.searched = {choice, choice};
  report.searched[1].fastest_fits = false;
  report.searched[1].picks[1] = no_pick();
  const std::string groups = searched_table(report);
  CHECK(groups.find("| a\\|b | m | 8 | 5 | tp1-dp8-mb1 | tp2-dp4-mb1: 25.0 % | "
                    "tp4-dp2-mb1: not run, +30.0 % |\n") != std::string::npos);
  CHECK(groups.find("| tp1-dp8-mb1 (predicted not to fit) | no plan is predicted to fit | ") !=
        std::string::npos);

  report.search_regret = summarize_search(report.searched, {});
  const std::string sums = search_regret_table(report);
  CHECK(sums.find("| all | the measured plans | 2 | 2 of 2 | 25.0 % | 25.0 % | 0 of 2 | 0 of 2 | "
                  "- | - | - |\n") != std::string::npos);
  CHECK(sums.find("| all | their values, combined | 2 | 1 of 1 | 25.0 % | 25.0 % | 0 of 1 | "
                  "0 of 1 | - | - | - |\n") != std::string::npos);
  CHECK(sums.find("| all | the source's features | 2 | 0 of 2 | - | - | - | - | +30.0 % | +30.0 % "
                  "| 2 |\n") != std::string::npos);
  CHECK(search_regret_table({}).empty());
  CHECK(searched_table({}).empty());
}
