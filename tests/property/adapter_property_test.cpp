// What must hold of adapters on random legal plans.
#include "sim/report/report.hpp"
#include "strategies/plan.hpp"
#include "strategies/recompute.hpp"
#include "tests/catch.hpp"
#include "tests/support/random_plans.hpp"

using namespace lockstep;
using namespace lockstep::testing;

namespace {

constexpr int draws = 300;

PlanReport predict(const RandomCase& drawn) {
  return predict(drawn.model, drawn.training, drawn.cluster, drawn.plan);
}

}  // namespace

TEST_CASE("adapter property: LoRA beside q and v needs no more memory than training every weight") {
  RandomPlans random(31);
  int compared = 0;
  for (int i = 0; i < draws; ++i) {
    RandomCase drawn = random.next();
    const PlanReport all = predict(drawn);
    drawn.training.adapter.kind = AdapterKind::lora;
    drawn.training.adapter.rank = 4;
    if (!adapter_violations(drawn.model, drawn.training).empty()) continue;
    const PlanReport lora = predict(drawn);
    ++compared;
    INFO("draw " << i);
    CHECK(lora.peak_allocated_bytes.value <= all.peak_allocated_bytes.value);
    for (const Stage& stage : lora.workload.stages) {
      CHECK(stage.trained_parameters <= stage.parameters);
      CHECK(stage.trained_expert_parameters == 0);
    }
  }
  CHECK(compared > draws / 2);
}

TEST_CASE("adapter property: a higher rank and more targets train more and keep no less") {
  RandomPlans random(32);
  for (int i = 0; i < draws; ++i) {
    RandomCase drawn = random.next();
    drawn.training.adapter.kind = AdapterKind::lora;
    drawn.training.adapter.targets = "attention";
    if (!adapter_violations(drawn.model, drawn.training).empty()) continue;
    const Workload narrow = predict(drawn).workload;
    drawn.training.adapter.rank *= 2;
    const Workload wide = predict(drawn).workload;
    drawn.training.adapter.targets = drawn.model.has_experts() ? "attention" : "all";
    const Workload more = predict(drawn).workload;
    INFO("draw " << i);
    CHECK(narrow.kinds[0].block.trained_parameters <= wide.kinds[0].block.trained_parameters);
    CHECK(wide.kinds[0].block.trained_parameters <= more.kinds[0].block.trained_parameters);
    CHECK(saved_bytes(narrow.kinds[0].block, {}) <= saved_bytes(wide.kinds[0].block, {}));
    CHECK(saved_bytes(wide.kinds[0].block, {}) <= saved_bytes(more.kinds[0].block, {}));
  }
}
