// Sweeps with a search inside: what is made of what it finds.
#include "sim/sweep.hpp"
#include "tests/catch.hpp"
#include "tests/support/test_catalog.hpp"

using namespace lockstep;
using namespace lockstep::testing;

namespace {

SweepInput input_of(const TestCatalog& catalog, const TemporaryFolder& folder,
                    const SweepRequest& request) {
  return load_sweep(folder.write("s.yaml", good_scenario), catalog.with(), request);
}

SweepRequest searching(std::vector<std::string> nodes) {
  SweepRequest request;
  request.axes = {{"cluster.nodes", std::move(nodes)}};
  request.search = true;
  return request;
}

// Finds the scenario's first plan, called as a search calls it; nothing on one node.
FoundBest found(const Scenario& scenario) {
  if (scenario.cluster.nodes == 1) return {std::nullopt, "nothing is there"};
  FoundPlan plan;
  plan.plan = scenario.plans.front().plan;
  plan.plan.name = "tp1-dp" + std::to_string(plan.plan.data) + "-mb1-by-tp-dp";
  plan.cluster = scenario.cluster;
  return {plan, {}};
}

}  // namespace

TEST_CASE("sweep search: a point has the plan that was found, its shape without the data degree") {
  const TestCatalog catalog;
  const TemporaryFolder folder;
  const SweepRequest request = searching({"2", "4"});
  const SweepReport report = sweep(input_of(catalog, folder, request), request, found);
  REQUIRE(report.points.size() == 2);
  CHECK(report.points[0].plans.size() == 1);
  CHECK(report.points[0].plans[0].name == "tp1-dp16-mb1-by-tp-dp");
  CHECK(report.points[1].plans[0].name == "tp1-dp32-mb1-by-tp-dp");
  CHECK(report.points[0].plans[0].shape == "tp1-mb1-by-tp-dp");
  // The same shape wins on both.
  CHECK(report.lines.front().winners.size() == 1);
  CHECK(report.lines.front().winners.front().winner == "tp1-mb1-by-tp-dp");
}

TEST_CASE("sweep search: a point without a plan says why") {
  const TestCatalog catalog;
  const TemporaryFolder folder;
  const SweepRequest request = searching({"1", "2"});
  const SweepReport report = sweep(input_of(catalog, folder, request), request, found);
  CHECK(report.points[0].plans.empty());
  CHECK(report.points[0].problem == "nothing is there");
  CHECK(report.any_feasible());
}

TEST_CASE(
    "sweep search: what the search refuses is a row, and an error where it is so everywhere") {
  const TestCatalog catalog;
  const TemporaryFolder folder;
  const SweepRequest request = searching({"1", "2"});
  const auto refusing = [](bool everywhere) {
    return [everywhere](const Scenario& scenario) {
      if (!everywhere && scenario.cluster.nodes > 1) return found(scenario);
      Diagnostic diagnostic;
      diagnostic.code = "E470";
      diagnostic.message = "tensor leaves no plan";
      throw InputError({diagnostic});
    };
  };
  const SweepInput input = input_of(catalog, folder, request);
  const SweepReport report = sweep(input, request, refusing(false));
  CHECK(report.points[0].problem == "tensor leaves no plan");
  CHECK(report.points[1].problem.empty());
  CHECK_THROWS_AS(sweep(input, request, refusing(true)), InputError);
}
