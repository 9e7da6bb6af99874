// Is the evaluator's step that of step_time(), wherever the constants are?
#include "sim/engine/step_evaluator.hpp"

#include <cmath>
#include <string>
#include <vector>

#include "sim/draws.hpp"
#include "sim/engine/step.hpp"
#include "tests/catch.hpp"
#include "tests/scenario/bundled.hpp"
#include "tests/support/random_plans.hpp"

using namespace lockstep;

namespace {

// Sums of the same terms, some through a ratio.
constexpr double rounding = 1e-11;

void check_everywhere(const Model& model, const Training& training, const Cluster& cluster,
                      const Plan& plan, double spread) {
  StepEvaluator evaluator(cluster, plan, lower(model, training, plan));
  const double base = step_time(cluster, plan, lower(model, training, plan)).total.value();
  CHECK(evaluator.total() == Approx(base).epsilon(rounding));

  struct Moving {
    std::string path;
    ConstantBase* constant;
    double value;
  };
  std::vector<Moving> constants;
  for_each_constant(evaluator.cluster(), evaluator.plan(),
                    [&](const std::string& path, ConstantBase& constant) {
                      if (constant.value == 0 || StepEvaluator::moves_routes(path)) return;
                      constants.push_back({path, &constant, constant.value});
                    });
  for (const Moving& moving : constants) {
    if (moving.path.rfind("software.", 0) != 0) continue;
    const double at = moving.value * 0.9;
    moving.constant->value = at;
    const Workload moved = lower(model, training, evaluator.plan());
    moving.constant->value = moving.value;
    CAPTURE(moving.path);
    CHECK(evaluator.follow(*moving.constant, at, moved));
  }
  for (const std::size_t draw : {0u, 100u, 200u}) {
    for (const Moving& moving : constants) {
      // Down only: shares stay shares.
      const double z = std::abs(draws_of(moving.path)[draw]);
      moving.constant->value = moving.value * std::exp(-spread * z);
    }
    const Workload workload = lower(model, training, evaluator.plan());
    const double expected =
        step_time(evaluator.cluster(), evaluator.plan(), workload).total.value();
    const double total = evaluator.total();
    CHECK(total == Approx(expected).epsilon(rounding));
  }
}

}  // namespace

TEST_CASE("the evaluator agrees with step_time on every bundled scenario", "[property][engine]") {
  for (const std::filesystem::path& file : test::bundled_scenarios()) {
    const Scenario scenario = load_scenario(file, Catalog(file.parent_path()));
    for (const ScenarioPlan& entry : scenario.plans) {
      CAPTURE(file.string(), entry.plan.name);
      check_everywhere(scenario.model, scenario.training, entry.cluster, entry.plan, 0.05);
    }
  }
}

TEST_CASE("the evaluator agrees with step_time on random plans", "[property][engine]") {
  testing::RandomPlans plans(20240917);
  for (int i = 0; i < 60; ++i) {
    const testing::RandomCase drawn = plans.next();
    CAPTURE(i, drawn.plan.pipeline.stages, drawn.plan.pipeline.schedule);
    check_everywhere(drawn.model, drawn.training, drawn.cluster, drawn.plan, 0.05);
  }
}
