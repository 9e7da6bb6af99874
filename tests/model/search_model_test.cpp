// The search: what it enumerates, what it refuses, that its numbers are the engine's, and that
// bounds, order and split change nothing of what it finds.
#include "tests/catch.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "scenarios/scenario.hpp"
#include "sim/fit_probability.hpp"
#include "sim/report/report.hpp"
#include "sim/search/item_search.hpp"
#include "sim/search/plan_evaluator.hpp"
#include "sim/search/refusal.hpp"
#include "sim/search/search.hpp"
#include "sim/search/space.hpp"
#include "strategies/pipeline/schedule.hpp"
#include "tests/model/small_search.hpp"

using namespace lockstep;
using lockstep::test::bundled;
using lockstep::test::catalog;
using lockstep::test::search_all;
using lockstep::test::small;

namespace {

std::vector<std::uint64_t> numbers(const std::vector<Candidate>& candidates) {
  std::vector<std::uint64_t> all;
  for (const Candidate& one : candidates) all.push_back(one.number);
  return all;
}

// All that a result shows; of the fronts what finish() keeps.
std::vector<std::uint64_t> shown(const PlanSearch& search, const SearchState& state) {
  const SearchResult result = search.finish(state);
  std::vector<std::uint64_t> all = numbers(state.best);
  for (const auto* front : {&result.memory_front, &result.gpu_front, &result.cost_front}) {
    for (const FoundPlan& one : *front) all.push_back(one.candidate.number);
  }
  for (const Relaxation& one : result.relaxations) all.push_back(one.plan.candidate.number);
  return all;
}

// Walks the axes of one combination as the search does; null: it is a plan of its own.
const char* refusal(const PlanSpace& space, const AxisIndices& indices, std::int64_t gpus) {
  Plan plan = space.neutral();
  for (std::size_t i = 0; i < axis_count; ++i) {
    const auto axis = static_cast<Axis>(i);
    space.set(axis, indices[i], plan);
    if (axis == Axis::context) plan.data = resolve_data_degree(plan, gpus);
    if (const char* words = space.refusal(axis, indices[i], plan, gpus)) return words;
  }
  return nullptr;
}

void check_every_combination(const Scenario& scenario) {
  const PlanSpace space(scenario);
  const std::int64_t gpus = gpu_count(scenario.cluster);
  std::uint64_t legal = 0;
  std::set<std::string> names;
  for (std::uint64_t number = 0; number < space.combinations(); ++number) {
    const AxisIndices indices = space.indices(number);
    REQUIRE(space.number(indices) == number);
    const char* words = refusal(space, indices, gpus);
    if (words == same_as_another) continue;
    const Plan plan = space.plan(indices);
    INFO(plan.name << ": " << (words == nullptr ? "a plan" : words));
    REQUIRE((words == nullptr) ==
            violations(scenario.model, scenario.training, plan, gpus).empty());
    if (words != nullptr) continue;
    ++legal;
    REQUIRE(names.insert(plan.name).second);
  }
  const PlanSearch search(scenario);
  const SearchCounts counts = search.finish(search_all(search)).counts;
  CHECK(counts.enumerated == space.combinations());
  CHECK(counts.legal == legal);
  std::uint64_t all = counts.legal;
  for (const auto& [words, count] : counts.illegal) all += count;
  CHECK(all == counts.enumerated);
  std::uint64_t judged = counts.feasible + counts.too_slow;
  for (const auto& [words, count] : counts.infeasible) judged += count;
  CHECK(judged == counts.legal);
  CHECK(legal > 0);
}

Plan with_data(Plan plan, std::int64_t data) {
  plan.data = data;
  return plan;
}

// A plan of the space, by a value for one axis after the other; nothing where the values before
// leave none.
std::optional<AxisIndices> random_plan(const PlanSpace& space, std::int64_t gpus,
                                       std::mt19937_64& random) {
  AxisIndices indices{};
  Plan plan = space.neutral();
  for (std::size_t i = 0; i < axis_count; ++i) {
    const auto axis = static_cast<Axis>(i);
    bool found = false;
    for (int tries = 0; tries < 200 && !found; ++tries) {
      indices[i] =
          tries < 100 ? static_cast<std::uint16_t>(random() % space.size(axis)) : std::uint16_t{0};
      space.set(axis, indices[i], plan);
      if (axis == Axis::context) plan.data = resolve_data_degree(with_data(plan, 0), gpus);
      found = space.refusal(axis, indices[i], plan, gpus) == nullptr;
      if (!found) space.reset(axis, plan);
    }
    if (!found) return std::nullopt;
  }
  return indices;
}

void check_evaluator(const std::string& name) {
  Scenario scenario = bundled(name);
  scenario.search = {};
  const PlanSpace space(scenario);
  const Cluster& cluster = space.cluster(0);
  const std::int64_t gpus = gpu_count(cluster);
  PlanEvaluator evaluator(scenario.model, scenario.training, cluster);
  FitProbability fits(scenario.model, scenario.training, cluster, *scenario.evidence);
  std::mt19937_64 random(20261123);
  std::size_t compared = 0;
  double closest = 0;  // share of its plan's time that a bound reaches
  for (int i = 0; i < 5000 && compared < 100; ++i) {
    const std::optional<AxisIndices> indices = random_plan(space, gpus, random);
    if (!indices) continue;
    REQUIRE(refusal(space, *indices, gpus) == nullptr);
    const Plan plan = space.plan(*indices);
    INFO(name << " " << plan.name);
    const PlanReport report = predict(scenario.model, scenario.training, cluster, plan);
    const PlanEvaluator::Memory memory = evaluator.memory(plan);
    CHECK(memory.reserved == Approx(report.peak_memory_bytes.value).epsilon(1e-12));
    CHECK(memory.allocated == Approx(report.peak_allocated_bytes.value).epsilon(1e-12));
    evaluator.prepare(plan);
    const double least = evaluator.least_step_time();
    const double time = evaluator.step_time();
    CHECK(time == Approx(report.step_time_s.value).epsilon(1e-9));
    CHECK(least <= time * (1 + 1e-12));
    Plan bare = plan;
    bare.sharding = Sharding::none;
    bare.shard_group = 0;
    bare.sync = {};
    bare.offload = {};
    const double least_of_layout = evaluator.least_of_layout(bare);
    CHECK(least_of_layout <= time * (1 + 1e-12));
    const Schedule& schedule = *find_schedule(bare.pipeline.schedule);
    bare.pipeline.interleave = schedule.chunks == ChunkRule::two ? 2 : 1;
    const double least_of_passes = evaluator.least_of_passes(bare);
    CHECK(least_of_passes <= least_of_layout * (1 + 1e-12));
    closest = std::max(closest, least_of_passes / time);
    if (compared % 25 == 0) {
      const PlanReport whole = predict_with_intervals(scenario.model, scenario.training, cluster,
                                                      plan, *scenario.evidence);
      CHECK(fits.of(plan) == Approx(whole.fit_probability).margin(1e-9));
    }
    ++compared;
  }
  CHECK(compared == 100);
  CHECK(closest > 0.9);
}

}  // namespace

TEST_CASE("The space holds every legal plan once, and nothing else", "[search]") {
  // 4 x 3 x 4 degrees, 3 methods, 2 x 4 x 3 of passes, 4 schedules of up to 4 chunks, 4 stages of
  // sharding in 4 groups: some of each is left out to keep the number of combinations small.
  check_every_combination(
      small("context: 1..2, micro_batch: [1, 4], schedule: [1f1b, zb-v], offload_activations: 0, "
            "offload_optimizer: 0, shard_group: [0, 2], prefetch: software, "
            "placement: [tp-cp-dp-pp, tp-pp-cp-dp, pp-tp-cp-dp], recompute: [none, full], "
            "context_method: [ring, ulysses]"));
}

TEST_CASE("The space holds every legal plan of a model with experts", "[search]") {
  check_every_combination(small(
      "context: 1..2, context_method: all-gather, micro_batch: 1, schedule: 1f1b, interleave: "
      "1..2, offload_activations: 0, offload_weights: 0, shard_group: [0, 4], prefetch: "
      "software, recompute: none, reshard_after_forward: software, placement: [tp-cp-dp-pp, "
      "tp-pp-cp-dp]",
      ", experts: {count: 4, top_k: 2}"));
}

TEST_CASE("The search's numbers are those of a prediction", "[search]") {
  check_evaluator("llama3-70b-64xh100.yaml");
  check_evaluator("gpt3-175b-64xa100.yaml");
  check_evaluator("mixtral-8x7b-64xh100.yaml");
  check_evaluator("zero-bubble-vs-interleaved.yaml");
}

TEST_CASE("Bounds change nothing of what is found", "[search]") {
  for (const char* request :
       {"objective: step_time", "objective: memory", "objective: throughput_per_gpu, nodes: 1..2",
        "objective: cost_per_token, constraints: [\"peak_memory <= 6 GiB\"]",
        "objective: step_time, constraints: [\"peak_memory <= 5 GiB\", \"mfu >= 0.1\"], top: 40",
        "objective: gpus_for_deadline, deadline: 0.02 d, nodes: 1..2",
        "constraints: [\"P(fits) >= 0.95\", \"peak_memory <= 5 GiB\"]"}) {
    INFO(request);
    const Scenario scenario =
        small(std::string(request) +
              ", context_method: all-gather, micro_batch: [1, 2], placement: [tp-cp-dp-pp, "
              "tp-pp-cp-dp], prefetch: software, reshard_after_forward: software");
    SearchOptions all;
    all.pruning = false;
    const PlanSearch bounded(scenario);
    const PlanSearch exhaustive(scenario, all);
    const SearchState some = search_all(bounded);
    const SearchState every = search_all(exhaustive);
    CHECK(shown(bounded, some) == shown(exhaustive, every));
    CHECK(!shown(bounded, some).empty());
    CHECK(some.counts.enumerated == every.counts.enumerated);
    CHECK(some.counts.legal == every.counts.legal);
    CHECK(some.counts.illegal == every.counts.illegal);
    CHECK(some.counts.feasible + some.counts.too_slow >= every.counts.feasible);
    CHECK(every.counts.too_slow == 0);
    CHECK(every.effort.pruned == 0);
    // Where fewer plans keep the limits than are listed, each is timed.
    const bool full = some.best.size() == static_cast<std::size_t>(scenario.search.top);
    CHECK(
        (full ? some.effort.timed < every.effort.timed : some.effort.timed <= every.effort.timed));
  }
}

TEST_CASE("Bounds know of software that adds up narrower gradients under FSDP", "[search]") {
  Scenario scenario = bundled("llama3-70b-64xh100.yaml");
  scenario.model = catalog().model("llama3-8b");
  scenario.software = catalog().software("internevo");
  REQUIRE(scenario.software.fsdp_gradient_bytes < scenario.software.gradient_bytes);
  scenario.cluster.nodes = 1;
  scenario.cluster.gpus = 8;
  scenario.training.global_batch = 64;
  scenario.search = {};
  scenario.search.limits = {{"sharding", {}, {"fsdp"}}, {"stages", {{2, 8}}, {}}};
  scenario.search.forbidden = {"offload", "context"};
  SearchOptions all;
  all.pruning = false;
  const PlanSearch bounded(scenario);
  const PlanSearch exhaustive(scenario, all);
  CHECK(shown(bounded, search_all(bounded)) == shown(exhaustive, search_all(exhaustive)));
}

TEST_CASE("A search keeps to the data degrees and nodes that it is given", "[search]") {
  const PlanSearch search(small("data: 2, nodes: 1..2"));
  const SearchResult result = search.finish(search_all(search));
  REQUIRE(!result.best.empty());
  for (const FoundPlan& found : result.best) {
    CHECK(found.plan.data == 2);
    CHECK(found.cluster.gpus == 8 * found.cluster.nodes);
  }
  REQUIRE(result.gpu_front.size() == 2);
  CHECK(result.gpu_front.front().cluster.gpus == 8);
  CHECK(result.gpu_front.back().cluster.gpus == 16);
}

TEST_CASE("Head-room leaves something of the memory", "[search]") {
  CHECK_THROWS_WITH(
      PlanSearch(small("memory_headroom: 80 GiB")),
      Catch::Matchers::Contains("head-room of 80.0 GiB leaves nothing of a GPU's 79.2 GiB"));
}

TEST_CASE("Of a plan's variants the best is listed, and those that are as good are counted",
          "[search]") {
  const Scenario scenario = small(
      "context: 1..2, context_method: all-gather, micro_batch: [1, 2], schedule: 1f1b, "
      "prefetch: software, reshard_after_forward: software, forbid: [offload], top: 20");
  SearchOptions counting;
  counting.count_alike = true;
  const PlanSearch search(scenario, counting);
  const SearchResult result = search.finish(search_all(search));
  const PlanSpace space(scenario);
  const std::uint64_t variants = space.variants();
  CHECK(variants == space.size(Axis::tensor_overlap) * space.size(Axis::placement));
  REQUIRE(variants >= 6);
  const std::int64_t gpus = gpu_count(scenario.cluster);
  PlanEvaluator evaluator(scenario.model, scenario.training, scenario.cluster);
  REQUIRE(result.best.size() == 20);
  std::set<std::uint64_t> families;
  std::size_t alike = 0;
  for (const FoundPlan& found : result.best) {
    const Candidate& best = found.candidate;
    const std::uint64_t first = best.number / variants * variants;
    CHECK(families.insert(first).second);
    std::size_t as_good = 0;
    for (std::uint64_t number = first; number < first + variants; ++number) {
      const AxisIndices indices = space.indices(number);
      if (refusal(space, indices, gpus) != nullptr) continue;
      evaluator.prepare(space.plan(indices));
      const double time = evaluator.step_time();
      CHECK(time >= best.costs.step_time_s * (1 - 1e-12));
      if (time <= 1.001 * best.costs.step_time_s) ++as_good;
    }
    CHECK(found.alike + 1 == as_good);
    alike += found.alike;
  }
  CHECK(alike > 0);
}

TEST_CASE("A state of another search is refused", "[search]") {
  const PlanSearch search(small("constraints: [\"peak_memory <= 6 GiB\"]"));
  const auto refusal_of = [&](const SearchState& state) {
    SearchState into = search.empty();
    CHECK_THROWS_WITH(search.merge(into, state), "the state is not one of this search");
    CHECK_THROWS_WITH(search.learn(state), "the state is not one of this search");
  };
  // Limits are the GPU's memory, the host's, the constraint, and P(fits) at 3.
  SearchState state;
  state.relaxed.push_back({3, {}});
  CHECK_NOTHROW(search.learn(state));
  state.relaxed.front().limit = 4;
  refusal_of(state);
  state.relaxed.clear();
  state.best.emplace_back();
  state.best.front().number = std::uint64_t{1} << 62U;
  refusal_of(state);
}

TEST_CASE("Order and split of the items change nothing", "[search]") {
  const Scenario scenario = small("micro_batch: [1, 2], constraints: [\"peak_memory <= 6 GiB\"]");
  const PlanSearch one(scenario);
  const SearchState whole = search_all(one);
  const PlanSearch other(scenario);
  SearchState odd = other.empty();
  SearchState even = other.empty();
  for (std::size_t item = other.items(); item-- > 0;) other.run(item, item % 2 == 0 ? even : odd);
  SearchState both = other.empty();
  other.merge(both, odd);
  other.merge(both, even);
  CHECK(shown(other, both) == shown(one, whole));
  CHECK(both.counts.legal == whole.counts.legal);
  CHECK(both.counts.feasible == whole.counts.feasible);
  CHECK(both.counts.too_slow == whole.counts.too_slow);
  CHECK(both.counts.illegal == whole.counts.illegal);
  CHECK(both.counts.infeasible == whole.counts.infeasible);
}

// The bar is 1 %; what is timed is the same sum.
TEST_CASE("The top 1,000 plans of three searches agree with the timeline engine", "[search]") {
  std::vector<std::string> names{"llama3-70b-64xh100.yaml", "gpt3-175b-64xa100.yaml"};
#if !defined(__SANITIZE_ADDRESS__)
  names.emplace_back("mixtral-8x7b-64xh100.yaml");  // half a minute; many more under a sanitizer
#endif
  for (const std::string& name : names) {
    Scenario scenario = bundled(name);
    scenario.search.top = 1000;
    scenario.search.constraints.clear();
    const PlanSearch search(scenario);
    const SearchResult result = search.finish(search_all(search));
    REQUIRE(result.best.size() == 1000);
    double worst = 0;
    double worst_run = 0;
    for (const FoundPlan& found : result.best) {
      const Workload workload = lower(scenario.model, scenario.training, found.plan);
      const StepTime step = step_time(found.cluster, found.plan, workload);
      const double time = found.candidate.costs.step_time_s;
      worst = std::max(worst, std::abs(time / step.total.value() - 1.0));
      worst_run = std::max(worst_run, std::abs(time / run_step(step.work).total.value() - 1.0));
      const PeakMemory memory = peak_memory(found.plan, workload);
      REQUIRE(found.candidate.costs.peak_memory_bytes ==
              Approx(memory.worst().reserved.value()).epsilon(1e-12));
    }
    INFO(name);
    CHECK(worst < 1e-9);
    CHECK(worst_run < 1e-9);
  }
}
