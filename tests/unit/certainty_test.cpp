// Are intervals and probabilities what the propagation says?
#include "sim/certainty.hpp"

#include <cmath>

#include "tests/catch.hpp"
#include "tests/unit/sample_report.hpp"

using namespace lockstep;
using lockstep::test::sample_plan;

namespace {

constexpr double rounding = 1e-9;

}  // namespace

TEST_CASE("the normal distribution at points that tables give", "[unit][certainty]") {
  CHECK(normal_probability(0) == Approx(0.5));
  CHECK(normal_probability(1.6448536269514722) == Approx(0.95).epsilon(rounding));
  CHECK(normal_probability(-1.959963984540054) == Approx(0.025).epsilon(rounding));
}

TEST_CASE("equal plans are even", "[unit][certainty]") {
  const PlanReport plan = sample_plan("a", 10, 40);
  const PlanComparison comparison = compare_plans(plan, plan);
  CHECK(comparison.probability == Approx(0.5));
  CHECK(comparison.decided_by.empty());
}

TEST_CASE("what both plans share cancels: only the residuals remain", "[unit][certainty]") {
  // sd of the difference = sqrt(2) * 4 %; a distance of one such sd is Phi(1) = 0.8413.
  const double deviation = std::sqrt(2.0) * *step_time_residual();
  const PlanReport a = sample_plan("a", 10, 40);
  const PlanReport b = sample_plan("b", 10 * std::exp(deviation), 40);
  CHECK(compare_plans(a, b).probability == Approx(0.8413447460685429).epsilon(rounding));
  CHECK(compare_plans(b, a).probability == Approx(1 - 0.8413447460685429).epsilon(rounding));
}

TEST_CASE("a constant that only one plan feels widens the difference and decides it", "[unit][certainty]") {
  PlanReport a = sample_plan("a", 10, 40);
  const PlanReport b = sample_plan("b", 10.5, 40);
  a.sensitivities.push_back({"software.data_exposed", 0.03, Provenance::fitted, 0.1, 0.5, ""});
  const double deviation = std::sqrt(2 * *step_time_residual() * *step_time_residual() + 0.03 * 0.03);
  const PlanComparison comparison = compare_plans(a, b);
  CHECK(comparison.probability == Approx(normal_probability(std::log(1.05) / deviation)).epsilon(rounding));
  CHECK(comparison.decided_by == "software.data_exposed");
}

TEST_CASE("constants of two GPUs are two constants", "[unit][certainty]") {
  const PlanReport a = sample_plan("a", 10, 40);
  PlanReport b = sample_plan("b", 10.5, 40);
  b.cluster.system.gpu.name = "another";
  // gemm efficiency moves each by 2 % on its own: 2 * 0.02^2 instead of 0.
  const double deviation = std::sqrt(2 * *step_time_residual() * *step_time_residual() + 2 * 0.02 * 0.02);
  CHECK(compare_plans(a, b).probability == Approx(normal_probability(std::log(1.05) / deviation)).epsilon(rounding));
}

TEST_CASE("an exact catalog leaves the residual of the model alone", "[unit][certainty]") {
  const std::string folder = std::string(LOCKSTEP_TEST_SOURCE_DIR) + "/scenarios";
  Scenario scenario = load_scenario(folder + "/llama3-70b-64xh100.yaml", Catalog(folder));
  for (ScenarioPlan& entry : scenario.plans) {
    const PlanReport spread = predict_with_intervals(scenario.model, scenario.training, entry.cluster, entry.plan, *scenario.evidence);
    for_each_constant(entry.cluster, entry.plan, [](const std::string&, ConstantBase& constant) { constant.spread = 0; });
    const PlanReport exact = predict_with_intervals(scenario.model, scenario.training, entry.cluster, entry.plan, *scenario.evidence);
    const PlanReport point = predict(scenario.model, scenario.training, entry.cluster, entry.plan);

    CHECK(exact.sensitivities.empty());
    CHECK(exact.step_time_s.value == point.step_time_s.value);
    CHECK(spread.step_time_s.value == point.step_time_s.value);
    // value exp(+-1.645 * 4 %), and memory with its own residual.
    const double step = std::exp(1.6448536269514722 * *step_time_residual());
    CHECK(exact.step_time_s.high == Approx(step * point.step_time_s.value).epsilon(rounding));
    CHECK(exact.step_time_s.low == Approx(point.step_time_s.value / step).epsilon(rounding));
    CHECK(exact.peak_memory_bytes.high ==
          Approx(std::exp(1.6448536269514722 * *memory_residual()) * point.peak_memory_bytes.value).epsilon(rounding));
    // Runs with experts were predicted three times as far off.
    CHECK(*step_time_residual(scenario.model) == *step_time_residual());
    Model experts = scenario.model;
    experts.experts.count = 8;
    CHECK(*step_time_residual(experts) == 0.15);
    CHECK(spread.step_time_s.high > exact.step_time_s.high);
    CHECK(spread.peak_memory_bytes.high >= exact.peak_memory_bytes.high);
    CHECK(spread.feasible == (spread.fit_probability >= 0.5));
  }
}

TEST_CASE("the effect of a constant is what predict() says when it is moved", "[unit][certainty]") {
  const std::string folder = std::string(LOCKSTEP_TEST_SOURCE_DIR) + "/scenarios";
  const Scenario scenario = load_scenario(folder + "/llama3-70b-64xh100.yaml", Catalog(folder));
  for (const ScenarioPlan& entry : scenario.plans) {
    const PlanReport report = predict_with_intervals(scenario.model, scenario.training, entry.cluster, entry.plan, *scenario.evidence);
    REQUIRE_FALSE(report.sensitivities.empty());
    for (const Sensitivity& s : report.sensitivities) {
      CAPTURE(entry.plan.name, s.path);
      Cluster cluster = entry.cluster;
      Plan plan = entry.plan;
      for_each_constant(cluster, plan, [&](const std::string& path, ConstantBase& constant) {
        if (path == s.path) constant.value *= std::exp(-constant.spread);
      });
      const PlanReport moved = predict(scenario.model, scenario.training, cluster, plan);
      CHECK(s.effect == Approx(std::log(report.step_time_s.value / moved.step_time_s.value)).margin(1e-12));
    }
  }
}

TEST_CASE("the ranking puts plans that fit first, and compares neighbours that fit", "[unit][certainty]") {
  const std::string folder = std::string(LOCKSTEP_TEST_SOURCE_DIR) + "/scenarios";
  const Report report = simulate(load_scenario(folder + "/gpt-13b-64xa100-40gb.yaml", Catalog(folder)));
  std::size_t fitting = 0;
  for (std::size_t i = 0; i < report.ranking.size(); ++i) {
    const PlanReport& plan = report.plans[report.ranking[i]];
    if (plan.feasible) CHECK(fitting++ == i);
    if (i > 0 && report.plans[report.ranking[i - 1]].feasible == plan.feasible) {
      CHECK(report.plans[report.ranking[i - 1]].step_time_s.value <= plan.step_time_s.value);
    }
  }
  REQUIRE(fitting > 1);
  REQUIRE(report.comparisons.size() == fitting - 1);
  for (std::size_t i = 0; i + 1 < fitting; ++i) {
    CHECK(report.comparisons[i].faster == report.ranking[i]);
    CHECK(report.comparisons[i].slower == report.ranking[i + 1]);
    CHECK(report.comparisons[i].probability >= 0.5);
  }
}

TEST_CASE("only the plans that are asked for are predicted", "[unit][certainty]") {
  const std::string folder = std::string(LOCKSTEP_TEST_SOURCE_DIR) + "/scenarios";
  const Scenario scenario = load_scenario(folder + "/llama3-70b-64xh100.yaml", Catalog(folder));
  const Report report = simulate(scenario, {"tp8-pp2"});
  REQUIRE(report.plans.size() == 1);
  CHECK(report.plans[0].plan.name == "tp8-pp2");
  CHECK_THROWS_WITH(simulate(scenario, {"none"}), "the scenario has no plan 'none'");
}

TEST_CASE("a cluster in one line", "[unit][certainty]") {
  Cluster cluster;
  cluster.gpus = 64;
  cluster.nodes = 8;
  cluster.system.gpu.description = "NVIDIA H100 SXM5 80 GB, NVLink 4, 700 W";
  cluster.system.nic_bandwidth.value = 50e9;
  CHECK(summarize(cluster) == "64 × H100 SXM5 80 GB (8 nodes, 8 × 400 Gb/s, rail-optimised)");
  cluster.fabric = {FabricType::fat_tree, 2.0, 32};
  CHECK(summarize(cluster) == "64 × H100 SXM5 80 GB (8 nodes, 8 × 400 Gb/s, fat tree 2:1 oversubscribed)");
  cluster.gpus = 8;
  cluster.nodes = 1;
  cluster.system.intra_node = IntraNode::pcie;
  CHECK(summarize(cluster) == "8 × H100 SXM5 80 GB (one node, PCIe)");
  cluster.gpus = 72;
  cluster.nodes = 18;
  cluster.system.gpus_per_node = 4;
  cluster.system.gpus_per_nvlink_domain = 72;
  CHECK(summarize(cluster) == "72 × H100 SXM5 80 GB (18 nodes, NVLink domains of 72)");
}
