// A sweep predicts at each point what simulate predicts with the same --set, bit for bit.
#include "sim/report/sweep_report.hpp"
#include "sim/sweep.hpp"
#include "tests/catch.hpp"

using namespace lockstep;

namespace {

const std::filesystem::path folder = std::string(LOCKSTEP_TEST_SOURCE_DIR) + "/scenarios";

struct Swept {
  const char* file;
  SweepAxis axis;
};

const std::vector<Swept> sweeps{
    {"llama3-70b-64xh100.yaml", {"cluster.nodes", {"2", "8", "24"}}},
    {"llama3-70b-64xh100.yaml", {"cluster.system.nic_bandwidth", {"50 Gb/s", "400 Gb/s"}}},
    {"llama3-70b-64xh100.yaml", {"plans.tp8-pp2.micro_batch", {"1", "2", "3"}}},
    {"llama3-70b-64xh100.yaml", {"cluster.system", {"dgx-h100", "dgx-a100-80gb"}}},
    {"gpt3-175b-64xa100.yaml", {"model.layers", {"48", "96"}}},
    {"mixtral-8x7b-64xh100.yaml", {"training.sequence_length", {"4096", "8192"}}},
};

bool equal(const Predicted& a, const Predicted& b) {
  return a.value == b.value && a.low == b.low && a.high == b.high;
}

}  // namespace

TEST_CASE("sweep property: a point is what simulate says with --set", "[sweep]") {
  for (const Swept& swept : sweeps) {
    SweepRequest request;
    request.axes = {swept.axis};
    const Catalog catalog(folder);
    const SweepReport report = sweep(load_sweep(folder / swept.file, catalog, request), request);
    REQUIRE(report.points.size() == swept.axis.values.size());
    for (std::size_t i = 0; i < report.points.size(); ++i) {
      CAPTURE(swept.file, swept.axis.path, swept.axis.values[i]);
      std::vector<Setting> settings{{swept.axis.path, swept.axis.values[i]}};
      const SweepPoint& point = report.points[i];
      for (const SweepPlan& plan : point.plans) {
        if (plan.data_follows) settings.push_back({"plans." + plan.name + ".data", "0"});
      }
      const Scenario scenario =
          load_scenario(folder / swept.file, Catalog(folder, settings), IllegalPlans::keep);
      const Report expected = simulate(scenario);
      CHECK(point.ranking == expected.ranking);
      REQUIRE(point.plans.size() == expected.plans.size());
      for (std::size_t j = 0; j < point.plans.size(); ++j) {
        const SweepPlan& plan = point.plans[j];
        const PlanReport& one = expected.plans[j];
        CAPTURE(one.plan.name);
        CHECK(plan.name == one.plan.name);
        CHECK(plan.legal == one.legal);
        CHECK(plan.feasible == one.feasible);
        CHECK(plan.infeasible_reason == one.infeasible_reason);
        CHECK(equal(plan.step_time_s, one.step_time_s));
        CHECK(equal(plan.tokens_per_s_per_gpu, one.tokens_per_s_per_gpu));
        CHECK(equal(plan.mfu, one.mfu));
        CHECK(equal(plan.peak_memory_bytes, one.peak_memory_bytes));
        CHECK(plan.fit_probability == one.fit_probability);
      }
    }
  }
}

TEST_CASE("sweep property: the same bytes a second time", "[sweep]") {
  SweepRequest request;
  request.axes = {{"cluster.nodes", {"4", "8", "16"}},
                  {"cluster.system.nic_bandwidth", {"100 Gb/s", "400 Gb/s"}}};
  const auto texts = [&] {
    const Catalog catalog(folder);
    const SweepReport report =
        sweep(load_sweep(folder / "llama3-70b-64xh100.yaml", catalog, request), request);
    return sweep_text(report, {}) + sweep_json(report) + sweep_csv(report);
  };
  CHECK(texts() == texts());
}

TEST_CASE("sweep property: faster NICs never make a plan slower", "[sweep]") {
  SweepRequest request;
  request.axes = {
      {"cluster.system.nic_bandwidth", {"50 Gb/s", "100 Gb/s", "200 Gb/s", "400 Gb/s"}}};
  const Catalog catalog(folder);
  const SweepReport report =
      sweep(load_sweep(folder / "llama3-70b-64xh100.yaml", catalog, request), request);
  for (std::size_t i = 1; i < report.points.size(); ++i) {
    for (std::size_t j = 0; j < report.points[i].plans.size(); ++j) {
      CHECK(report.points[i].plans[j].step_time_s.value <=
            report.points[i - 1].plans[j].step_time_s.value);
    }
  }
}
