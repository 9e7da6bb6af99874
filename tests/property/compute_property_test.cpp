// What must hold of every kernel on every GPU of the catalog.
#include <string>

#include "sim/compute/op_cost.hpp"
#include "sim/report/roofline.hpp"
#include "tests/catch.hpp"
#include "tests/scenario/bundled.hpp"
#include "tests/support/round_numbers.hpp"

using namespace lockstep;
using namespace lockstep::testing;

namespace {

Catalog shipped() {
  return Catalog(std::string(LOCKSTEP_TEST_SOURCE_DIR) + "/scenarios");
}

Op gemm_of(std::int64_t m, std::int64_t n, std::int64_t k) {
  Op op;
  op.kind = OpKind::gemm;
  op.dtype = Dtype::fp16;
  op.m = m;
  op.n = n;
  op.k = k;
  const auto product = [](std::int64_t a, std::int64_t b) {
    return static_cast<double>(a) * static_cast<double>(b);
  };
  op.flops = Flops{2 * product(m, n) * static_cast<double>(k)};
  op.bytes = Bytes{2 * (product(m, k) + product(k, n) + product(m, n))};
  return op;
}

}  // namespace

TEST_CASE("gemm property: more rows, columns or terms never take less time") {
  const Catalog catalog = shipped();
  for (const std::string& name : catalog.names("gpus")) {
    const Gpu gpu = catalog.gpu(name);
    for (std::int64_t m = 64; m <= 16384; m *= 4) {
      for (std::int64_t n = 64; n <= 16384; n *= 4) {
        for (std::int64_t k = 64; k <= 16384; k *= 4) {
          const Seconds time = gemm_time(gpu, gemm_of(m, n, k));
          CHECK(gemm_time(gpu, gemm_of(2 * m, n, k)) >= time);
          CHECK(gemm_time(gpu, gemm_of(m, 2 * n, k)) >= time);
          CHECK(gemm_time(gpu, gemm_of(m, n, 2 * k)) >= time);
        }
      }
    }
  }
}

TEST_CASE("power property: a higher limit is never slower, and changes nothing else") {
  const Catalog catalog = shipped();
  for (const std::string& name : catalog.names("gpus")) {
    Gpu gpu = catalog.gpu(name);
    const Op op = gemm_of(8192, 8192, 8192);
    Seconds before{1e9};
    for (const double watts : {150.0, 300.0, 450.0, 700.0, 1000.0, 1400.0}) {
      gpu.power_limit = Constant(Watts{watts});
      const Seconds time = gemm_time(gpu, op);
      CHECK(time <= before);
      before = time;
    }
  }
}

TEST_CASE("roofline property: no op of a bundled scenario goes through its roof") {
  const Catalog catalog = shipped();
  for (const auto& file : lockstep::test::bundled_scenarios()) {
    const Scenario scenario = load_scenario(file.string(), catalog, IllegalPlans::keep);
    for (const ScenarioPlan& entry : scenario.plans) {
      if (!entry.problems.empty()) continue;
      const PlanReport plan = predict(scenario.model, scenario.training, entry.cluster, entry.plan);
      for (const OpUse& op : op_uses(plan)) {
        INFO(file << " " << entry.plan.name << " " << op.name);
        CHECK(op.roof_fraction() > 0);
        CHECK(op.roof_fraction() <= 1);
      }
    }
  }
}
