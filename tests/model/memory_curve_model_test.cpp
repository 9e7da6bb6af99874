// Does the curve over the step reach the peak that the lists of tensors give?
#include <algorithm>
#include <filesystem>

#include "scenarios/scenario.hpp"
#include "sim/report/report.hpp"
#include "sim/report/timeline_report.hpp"
#include "tests/catch.hpp"

using namespace lockstep;

namespace {

// Sums of the same bytes in different order.
constexpr double sum_tolerance = 1e-9;

std::vector<std::filesystem::path> bundled_scenarios() {
  std::vector<std::filesystem::path> files;
  const std::string folder = std::string(LOCKSTEP_TEST_SOURCE_DIR) + "/scenarios";
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() == ".yaml") files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

// Share by which a stage's peak may be overestimated where its chunks hold unlike amounts.
constexpr double chunks_differ = 0.005;

}  // namespace

TEST_CASE("the memory curve peaks where the tensors of the worst instant do", "[model][timeline]") {
  const Catalog catalog(std::string(LOCKSTEP_TEST_SOURCE_DIR) + "/scenarios");
  std::size_t compared = 0;
  for (const std::filesystem::path& file : bundled_scenarios()) {
    const Scenario scenario = load_scenario(file.string(), catalog);
    for (const ScenarioPlan& entry : scenario.plans) {
      CAPTURE(file.filename().string(), entry.plan.name);
      const PlanReport plan = predict(scenario.model, scenario.training, entry.cluster, entry.plan);
      const std::optional<TimelineReport> timeline = timeline_of(Report{}, plan);
      REQUIRE(timeline);
      const TimelineSummary summary = summarize(*timeline);
      // The timeline is the step.
      CHECK(summary.end_s == Approx(plan.step.total.value()).epsilon(sum_tolerance));
      for (std::size_t i = 0; i < summary.stages.size(); ++i) {
        CHECK(static_cast<double>(summary.stages[i].most_passes_held) ==
              Approx(plan.workload.stages[i].micro_batches_in_flight *
                     static_cast<double>(plan.workload.interleave)));
        // Where chunks differ, the largest workspace may run beside fewer activations than the
        // instants put beside it.
        const double apart = plan.workload.interleave > 1 ? chunks_differ : sum_tolerance;
        const double instants = plan.memory.stages[i].allocated.value();
        CHECK(summary.stages[i].peak_allocated_bytes >= instants * (1 - apart));
        CHECK(summary.stages[i].peak_allocated_bytes <= instants * (1 + sum_tolerance));
        ++compared;
      }
    }
  }
  CHECK(compared > 100);
}
