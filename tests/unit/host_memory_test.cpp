// What offload takes of a node's memory, against what the node has.
#include "sim/report/insight.hpp"
#include "sim/search/incumbents.hpp"
#include "tests/catch.hpp"
#include "tests/support/test_catalog.hpp"
#include "tests/unit/sample_report.hpp"

using namespace lockstep;
using namespace lockstep::testing;

namespace {

// 40 GiB on the first stage's GPUs, 30 on the second's; eight to a node.
PlanReport offloading(double host_gib) {
  PlanReport plan = test::sample_plan("a", 10, 40);
  plan.workload.stages.resize(2);
  plan.workload.stages[0].host_bytes = Bytes{40 * 0x1p30};
  plan.workload.stages[1].host_bytes = Bytes{30 * 0x1p30};
  plan.host_bytes_per_node = 320 * 0x1p30;
  plan.host_memory_per_node = host_gib * 0x1p30;
  return plan;
}

std::string note_of(const PlanReport& plan) {
  const std::vector<std::string> notes = plan_notes(plan);
  return notes.empty() ? "" : notes.back();
}

}  // namespace

TEST_CASE("host memory: the note has its numbers, and says what does not fit", "[unit]") {
  CHECK(note_of(offloading(0)) == "offload takes 40.0 GiB of host memory a GPU, 320 GiB a node");
  CHECK(note_of(offloading(512)) ==
        "offload takes 40.0 GiB of host memory a GPU, 320 GiB a node of 512 GiB");
  CHECK(note_of(offloading(256)) ==
        "offload takes 40.0 GiB of host memory a GPU, 320 GiB a node of 256 GiB: it does not fit the "
        "host");
  PlanReport none = offloading(256);
  none.host_bytes_per_node = 0;
  CHECK(plan_notes(none).empty());
}

TEST_CASE("host memory: a prediction has what a node's GPUs offload together", "[unit]") {
  const Catalog catalog(std::string(LOCKSTEP_TEST_SOURCE_DIR) + "/scenarios");
  const Scenario scenario = load_scenario(
      std::string(LOCKSTEP_TEST_SOURCE_DIR) + "/scenarios/offload-small-box.yaml", catalog);
  const Report report = simulate(scenario);
  bool any = false;
  for (const PlanReport& plan : report.plans) {
    Bytes most;
    for (const Stage& stage : plan.workload.stages) most = std::max(most, stage.host_bytes);
    const auto gpus =
        static_cast<double>(std::min(scenario.cluster.system.gpus_per_node, scenario.cluster.gpus));
    CHECK(plan.host_bytes_per_node == Approx(most.value() * gpus).epsilon(1e-12));
    any = any || most > Bytes{};
  }
  CHECK(any);
}

TEST_CASE("host memory: where it is known it limits a search", "[unit][search]") {
  Scenario scenario;
  scenario.cluster.system.gpus_per_node = 8;
  scenario.cluster.system.gpu.memory_capacity = Constant(Bytes{80 * 0x1p30});
  CHECK(SearchGoal(scenario).limits() == 1);
  scenario.cluster.system.host_memory = Constant(Bytes{800 * 0x1p30});
  scenario.search.constraints = {
      {"host_memory <= 400 GiB", Measure::host_memory, true, 400 * 0x1p30}};
  const SearchGoal goal(scenario);
  REQUIRE(goal.limits() == 3);
  CHECK(goal.limit_text(1) == "host memory of the node");
  CHECK(goal.known_before_timing(1));
  PlanCosts costs;
  costs.host_bytes = 100 * 0x1p30;  // on eight GPUs 800 GiB: all there is
  CHECK(goal.keeps(1, costs, 64));
  CHECK_FALSE(goal.keeps(2, costs, 64));
  CHECK(goal.needed(1, costs, 64) == 800 * 0x1p30);
  CHECK(goal.keeps(2, costs, 4));  // on four of them 400 GiB
  costs.host_bytes = 101 * 0x1p30;
  CHECK_FALSE(goal.keeps(1, costs, 64));
}
