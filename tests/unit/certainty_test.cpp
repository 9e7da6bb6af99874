// Are intervals and probabilities what the propagation says?
#include "sim/certainty.hpp"

#include <algorithm>
#include <cmath>
#include <string>

#include "sim/report/insight.hpp"
#include "tests/catch.hpp"
#include "tests/unit/sample_report.hpp"

using namespace lockstep;
using lockstep::test::sample_plan;

namespace {

constexpr double rounding = 1e-9;
constexpr double response = 0.002;  // of the step, for one constant

// Residual of 5 %, a quarter of its variance its own; no constants.
PlanReport plan_with_residual(const std::string& name, double seconds) {
  PlanReport plan = sample_plan(name, seconds, 40);
  plan.sensitivities.clear();
  plan.distribution.lower = plan.distribution.upper = 0.05;
  plan.distribution.peculiar = 0.25;
  return plan;
}

Scenario bundled(const std::string& file) {
  const std::string folder = std::string(LOCKSTEP_TEST_SOURCE_DIR) + "/scenarios";
  return load_scenario(folder + "/" + file, Catalog(folder));
}

}  // namespace

TEST_CASE("the normal distribution at points that tables give", "[unit][certainty]") {
  CHECK(normal_probability(0) == Approx(0.5));
  CHECK(normal_probability(1.6448536269514722) == Approx(0.95).epsilon(rounding));
  CHECK(normal_probability(-1.959963984540054) == Approx(0.025).epsilon(rounding));
}

TEST_CASE("draws with a residual are a mixture of normal distributions", "[unit][certainty]") {
  // Half of the draws at -1 and half at +1, residual 1 on both sides: at 1 half of Phi(2) = 0.97725
  // and half of Phi(0).
  Draws draws{};
  for (std::size_t i = 0; i < draw_count; ++i) draws[i] = i % 2 == 0 ? -1 : 1;
  CHECK(mixture_probability(draws, 1, 1, 1) == Approx(0.5 * 0.9772498680518208 + 0.25).epsilon(rounding));
  CHECK(mixture_probability(draws, 1, 1, 0) == Approx(0.5));
  CHECK(mixture_quantile(draws, 1, 1, 0.5) == Approx(0).margin(1e-9));
  // Without a residual they are steps.
  CHECK(mixture_probability(draws, 0, 0, 0.5) == 0.5);
  CHECK(mixture_probability(draws, 0, 0, 2) == 1.0);
  // Two sides: below 0 the distribution is twice as narrow.
  const Draws none{};
  CHECK(mixture_quantile(none, 0.5, 1, 0.05) == Approx(-0.5 * 1.6448536269514722).epsilon(1e-8));
  CHECK(mixture_quantile(none, 0.5, 1, 0.95) == Approx(1.6448536269514722).epsilon(1e-8));
}

TEST_CASE("equal plans are even", "[unit][certainty]") {
  const PlanReport plan = plan_with_residual("a", 10);
  const PlanComparison comparison = compare_plans(plan, plan);
  CHECK(comparison.probability == Approx(0.5));
  CHECK(comparison.decided_by.empty());
}

TEST_CASE("what both plans share cancels: only their own residuals remain", "[unit][certainty]") {
  // Residual 5 %, a quarter of its variance peculiar: 2.5 % each, sqrt(2) * 2.5 % together; a
  // distance of one such deviation is Phi(1) = 0.8413. Both plans' draws are widely spread, alike.
  const double deviation = std::sqrt(2.0) * 0.025;
  PlanReport a = plan_with_residual("a", 10);
  PlanReport b = plan_with_residual("b", 10 * std::exp(deviation));
  b.plan.tensor = 2 * a.plan.tensor;  // another plan, with a residual of its own
  a.distribution.draws = b.distribution.draws = draws_of("shared");
  CHECK(compare_plans(a, b).probability == Approx(0.8413447460685429).epsilon(rounding));
  CHECK(compare_plans(b, a).probability == Approx(1 - 0.8413447460685429).epsilon(rounding));
}

TEST_CASE("plans of two GPUs or of two stacks share no residual", "[unit][certainty]") {
  const double deviation = std::sqrt(2.0) * 0.05;
  const PlanReport a = plan_with_residual("a", 10);
  PlanReport b = plan_with_residual("b", 10 * std::exp(deviation));
  b.cluster.system.gpu.name = "another";
  CHECK(compare_plans(a, b).probability == Approx(0.8413447460685429).epsilon(rounding));
  b.cluster.system.gpu.name = a.cluster.system.gpu.name;
  b.plan.software.name = "another";
  CHECK(compare_plans(a, b).probability == Approx(0.8413447460685429).epsilon(rounding));
}

TEST_CASE("one plan on two clusters errs alike: only the draws tell them apart", "[unit][certainty]") {
  // 1 % slower in every draw is slower for sure, whatever the residual.
  const PlanReport fast = plan_with_residual("a", 10);
  const PlanReport slow = plan_with_residual("b", 10.1);
  CHECK(compare_plans(fast, slow).probability == Approx(1.0));
  CHECK(compare_plans(slow, fast).probability == Approx(0.0).margin(1e-9));
}

TEST_CASE("a constant that only one plan feels widens the difference and decides it", "[unit][certainty]") {
  PlanReport a = plan_with_residual("a", 10);
  PlanReport b = plan_with_residual("b", 10.5);
  b.plan.tensor = 2 * a.plan.tensor;
  const double narrow = compare_plans(a, b).probability;
  a.sensitivities.push_back({"software.data_exposed", 0.03, Provenance::fitted, 0.1, 0.5, ""});
  a.distribution.draws = draws_of("software.data_exposed");
  for (double& draw : a.distribution.draws) draw *= 0.03;
  const PlanComparison comparison = compare_plans(a, b);
  // Normal with deviations 2 * 2.5 %^2 + 3 %^2 together; the draws are its quantiles, to 1/256.
  CHECK(comparison.probability ==
        Approx(normal_probability(std::log(1.05) / std::sqrt(2 * 0.025 * 0.025 + 0.03 * 0.03))).margin(0.004));
  CHECK(comparison.probability < narrow);
  CHECK(comparison.decided_by == "software.data_exposed");
  CHECK(compare_plans(b, a).probability + comparison.probability == Approx(1).epsilon(rounding));
}

TEST_CASE("an exact catalog leaves the residual of the model alone", "[unit][certainty]") {
  Scenario scenario = bundled("llama3-70b-64xh100.yaml");
  for (ScenarioPlan& entry : scenario.plans) {
    const PlanReport spread = predict_with_intervals(scenario.model, scenario.training, entry.cluster, entry.plan, *scenario.evidence);
    for_each_constant(entry.cluster, entry.plan, [](const std::string&, ConstantBase& constant) { constant.spread = 0; });
    const PlanReport exact = predict_with_intervals(scenario.model, scenario.training, entry.cluster, entry.plan, *scenario.evidence);
    const PlanReport point = predict(scenario.model, scenario.training, entry.cluster, entry.plan);

    CHECK(exact.sensitivities.empty());
    CHECK(exact.step_time_s.value == point.step_time_s.value);
    CHECK(spread.step_time_s.value == point.step_time_s.value);
    // value exp(1.645 * residual), each side with its own.
    constexpr double ninety = 1.6448536269514722;
    REQUIRE(exact.distribution.upper > 0);
    CHECK(exact.step_time_s.high ==
          Approx(std::exp(ninety * exact.distribution.upper) * point.step_time_s.value).epsilon(1e-8));
    CHECK(exact.step_time_s.low ==
          Approx(std::exp(-ninety * exact.distribution.lower) * point.step_time_s.value).epsilon(1e-8));
    CHECK(spread.step_time_s.high > exact.step_time_s.high);
    // Kinks lean to the slow side, so the lower end may rise; the whole widens.
    CHECK(spread.step_time_s.high / spread.step_time_s.low >
          exact.step_time_s.high / exact.step_time_s.low);
    CHECK(spread.peak_memory_bytes.high >= exact.peak_memory_bytes.high);
    for (const Predicted& p : {spread.step_time_s, spread.mfu, spread.tokens_per_s_per_gpu, spread.peak_memory_bytes}) {
      CHECK(p.low < p.value);
      CHECK(p.value < p.high);
    }
    // Throughput is slow where the step is long.
    CHECK(spread.mfu.low * spread.step_time_s.high ==
          Approx(spread.mfu.value * spread.step_time_s.value).epsilon(rounding));
  }
}

TEST_CASE("nothing uncertain, no width", "[unit][certainty]") {
  Scenario scenario = bundled("llama3-70b-64xh100.yaml");
  Evidence certain;
  certain.step.scale = certain.memory.scale = 0;
  ScenarioPlan& entry = scenario.plans.front();
  for_each_constant(entry.cluster, entry.plan, [](const std::string&, ConstantBase& constant) { constant.spread = 0; });
  const PlanReport report = predict_with_intervals(scenario.model, scenario.training, entry.cluster, entry.plan, certain);
  CHECK(report.step_time_s.high == Approx(report.step_time_s.value).epsilon(1e-9));
  CHECK(report.step_time_s.low == Approx(report.step_time_s.value).epsilon(1e-9));
  CHECK(report.peak_memory_bytes.high == Approx(report.peak_memory_bytes.value).epsilon(1e-9));
}

TEST_CASE("constants twice as uncertain widen the interval", "[unit][certainty]") {
  Scenario scenario = bundled("gpt3-175b-64xa100.yaml");
  const Evidence independent;  // no fitted parameters: every constant on its own
  for (ScenarioPlan& entry : scenario.plans) {
    const auto width = [&] {
      const PlanReport report =
          predict_with_intervals(scenario.model, scenario.training, entry.cluster, entry.plan, independent);
      return report.step_time_s.high / report.step_time_s.low;
    };
    const double once = width();
    for_each_constant(entry.cluster, entry.plan,
                      [](const std::string&, ConstantBase& constant) { constant.spread *= 2; });
    CHECK(width() > once);
  }
}

TEST_CASE("a prediction is the same every time", "[unit][certainty]") {
  const Scenario scenario = bundled("gpt3-175b-64xa100.yaml");
  const ScenarioPlan& entry = scenario.plans.front();
  const auto predicted = [&] {
    return predict_with_intervals(scenario.model, scenario.training, entry.cluster, entry.plan, *scenario.evidence);
  };
  const PlanReport first = predicted();
  const PlanReport second = predicted();
  CHECK(first.step_time_s.low == second.step_time_s.low);
  CHECK(first.step_time_s.high == second.step_time_s.high);
  CHECK(first.distribution.draws == second.distribution.draws);
  CHECK(first.fit_probability == second.fit_probability);
}

TEST_CASE("constants of one fitted parameter move together", "[unit][certainty]") {
  // One parameter with a deviation of 10 % on the tensor peak's share and on nothing else: the draws
  // of the step are those of the parameter's name, scaled by what that constant does.
  Scenario scenario = bundled("llama3-70b-64xh100.yaml");
  ScenarioPlan& entry = scenario.plans.front();
  Evidence evidence;
  evidence.fitted.parameters = {{"tensor", "share of the peak", 0.1, 0.5, 2.0, 1.0, 0.1}};
  evidence.fitted.deviation = {0.1};
  for_each_constant(entry.cluster, entry.plan, [](const std::string& path, ConstantBase& constant) {
    constant.spread = path == "gpu.gemm_efficiency_half" ? 0.1 : 0;
    constant.fit = path == "gpu.gemm_efficiency_half" ? "tensor" : "";
    constant.own_spread = 0;
  });
  const PlanReport report =
      predict_with_intervals(scenario.model, scenario.training, entry.cluster, entry.plan, evidence);
  const Draws z = draws_of("tensor");
  REQUIRE(report.sensitivities.size() == 1);
  const auto low = static_cast<std::size_t>(std::min_element(z.begin(), z.end()) - z.begin());
  const auto high = static_cast<std::size_t>(std::max_element(z.begin(), z.end()) - z.begin());
  // A more efficient GPU is faster.
  CHECK(report.distribution.draws[low] > 0.1);
  CHECK(report.distribution.draws[high] < 0);
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
      // Where the schedule has no closed form the effect is that of its tangent.
      CHECK(s.effect == Approx(std::log(report.step_time_s.value / moved.step_time_s.value)).margin(response));
    }
  }
}

TEST_CASE("the ranking puts plans that fit first, and compares those that fit", "[unit][certainty]") {
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
  std::size_t first = report.ranking[0];  // of the plans that tie
  for (std::size_t i = 0; i + 1 < fitting; ++i) {
    CHECK(report.comparisons[i].faster == first);
    if (!is_tie(report.comparisons[i])) first = report.ranking[i + 1];
    CHECK(report.comparisons[i].slower == report.ranking[i + 1]);
    // Medians of skewed draws may lie the other way round where values are nearly equal.
    CHECK(report.comparisons[i].probability > 0.4);
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
