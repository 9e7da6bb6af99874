// A scenario that is written with plans of its own, as a search writes it, is the same scenario.
#include "scenarios/found_scenario.hpp"

#include "sim/report/render.hpp"
#include "sim/report/report.hpp"
#include "tests/catch.hpp"
#include "tests/scenario/bundled.hpp"
#include "tests/support/test_catalog.hpp"

using namespace lockstep;
using namespace lockstep::test;
using lockstep::testing::TemporaryFolder;

namespace {

std::vector<PlanToWrite> own_plans(const Scenario& scenario) {
  std::vector<PlanToWrite> plans;
  for (const ScenarioPlan& one : scenario.plans) plans.push_back({one.plan, one.cluster, ""});
  return plans;
}

}  // namespace

TEST_CASE("found scenario: a bundled one with its own plans predicts the same to the last bit") {
  for (const auto& file : bundled_scenarios()) {
    INFO(file.filename().string());
    const Catalog catalog(file.parent_path());
    const Scenario before = load_scenario(file, catalog, IllegalPlans::keep);
    const std::string text = found_scenario(file, catalog, own_plans(before), "a test");
    INFO(text);
    const Scenario after = parse_scenario(text, (file.parent_path() / "found.yaml").string(),
                                          catalog, IllegalPlans::keep);
    // Every number of the report with all its digits, intervals and rankings included.
    CHECK(report_json(simulate(after), "compare") == report_json(simulate(before), "compare"));
    CHECK(after.search.limits.empty());
  }
}

TEST_CASE("found scenario: settings of the command line are in the file") {
  const std::filesystem::path folder = std::string(LOCKSTEP_TEST_SOURCE_DIR) + "/scenarios";
  const std::vector<Setting> settings{{"gpus.h100-sxm-80gb.memory_bandwidth", "2 TB/s"},
                                      {"systems.dgx-h100.nic_bandwidth", "200 Gb/s"},
                                      {"models.llama3-70b.layers", "40"},
                                      {"software.megatron-core.data_exposed", "50 %"},
                                      {"training.global_batch", "256"},
                                      {"cluster.fabric.oversubscription", "2"}};
  const std::filesystem::path file = folder / "llama3-70b-64xh100.yaml";
  const Catalog changed(folder, settings);
  const Scenario before = load_scenario(file, changed, IllegalPlans::keep);
  std::vector<PlanToWrite> plans;
  for (const PlanToWrite& plan : own_plans(before)) {
    if (plan.plan.software.name == before.software.name) plans.push_back(plan);
  }
  REQUIRE(plans.size() == 3);
  const std::string text = found_scenario(file, changed, plans, "a test");
  INFO(text);
  const Catalog plain(folder);
  const Scenario after = parse_scenario(text, file.string(), plain);
  Scenario wanted = before;
  wanted.plans.erase(wanted.plans.begin(), wanted.plans.begin() + 5);
  CHECK(report_json(simulate(after), "compare") == report_json(simulate(wanted), "compare"));
}
