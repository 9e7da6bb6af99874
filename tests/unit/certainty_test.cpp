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
