// Korthikanti et al. 2022 (arXiv:2205.05198), Table 5: seconds per step of GPT 22B to 1T on A100, with full
// recompute and with sequence parallelism and selective recompute.
#include "tests/catch.hpp"

#include <cmath>
#include <string>
#include <vector>

#include "scenarios/scenario.hpp"
#include "sim/report/report.hpp"

using lockstep::Catalog;
using lockstep::load_scenario;
using lockstep::MemoryLine;
using lockstep::Plan;
using lockstep::PlanReport;
using lockstep::predict;
using lockstep::Recompute;
using lockstep::Scenario;
using lockstep::ScenarioPlan;

namespace {

struct PublishedRow {
  const char* file;
  double full_recompute_s;
  double selective_s;
  // Parameters of the model, 12 L h^2 (1 + 13/(12h)) + (V + s) h + 2h, and the GPUs that share them.
  double layers, hidden, model_parallel;
};

const std::vector<PublishedRow>& table_5() {
  static const std::vector<PublishedRow> rows{{"korthikanti-22b.yaml", 1.42, 1.10, 48, 6144, 8},
                                              {"gpt3-175b-64xa100.yaml", 18.13, 13.75, 96, 12288, 64},
                                              {"korthikanti-530b.yaml", 49.05, 37.83, 105, 20480, 280},
                                              {"korthikanti-1t.yaml", 94.42, 71.49, 128, 25600, 512}};
  return rows;
}

// The plan with that recompute; of the selective ones, that with sequence parallelism.
PlanReport predicted(const PublishedRow& row, Recompute recompute) {
  const std::string folder = std::string(LOCKSTEP_TEST_SOURCE_DIR) + "/scenarios";
  const Scenario scenario = load_scenario(folder + "/" + row.file, Catalog(folder));
  for (const ScenarioPlan& entry : scenario.plans) {
    const Plan& plan = entry.plan;
    const bool wanted = plan.recompute == recompute && plan.sequence_parallel == (recompute == Recompute::selective);
    if (wanted) return predict(scenario.model, scenario.training, entry.cluster, plan);
  }
  FAIL("no such plan in " << row.file);
  return {};
}

}  // namespace

TEST_CASE("Korthikanti et al. Table 5: mean error of the eight step times at most 5 %, none over 10 %", "[published]") {
  constexpr double largest = 0.10;
  constexpr double mean = 0.05;
  double sum = 0;
  for (const PublishedRow& row : table_5()) {
    const double full = predicted(row, Recompute::full).step_time_s.value / row.full_recompute_s - 1;
    const double selective = predicted(row, Recompute::selective).step_time_s.value / row.selective_s - 1;
    INFO(row.file << ": full recompute " << 100 * full << " %, selective " << 100 * selective << " %");
    CHECK(std::fabs(full) <= largest);
    CHECK(std::fabs(selective) <= largest);
    sum += std::fabs(full) + std::fabs(selective);
  }
  INFO("mean error " << 100 * sum / 8 << " %");
  CHECK(sum / 8 <= mean);
}

TEST_CASE("Korthikanti et al.: selective recompute wins, by what the paper found", "[published]") {
  // Table 5: throughput up by 29 % to 32 %; a few points of tolerance.
  for (const PublishedRow& row : table_5()) {
    const double gain = predicted(row, Recompute::full).step_time_s.value /
                        predicted(row, Recompute::selective).step_time_s.value;
    INFO(row.file);
    CHECK(gain == Approx(row.full_recompute_s / row.selective_s).margin(0.06));
  }
}

TEST_CASE("Korthikanti et al.: model states within 2 % of the arithmetic", "[published]") {
  // 18 bytes a parameter: weight 2, gradient 4, master and moments 12. The mean over the pipeline stages is the
  // model's parameters over the GPUs of one copy; each layer has 12 h^2 + 13 h, the table is 51,200 + 2,048 rows
  // of h. Padding of the vocabulary and the table kept on both ends stay inside the tolerance.
  constexpr double tolerance = 0.02;
  constexpr double bytes_per_parameter = 18;
  for (const PublishedRow& row : table_5()) {
    const PlanReport report = predicted(row, Recompute::selective);
    double states = 0;
    for (const auto& stage : report.memory.stages) {
      for (const MemoryLine& line : stage.lines) {
        if (line.name == "weights" || line.name == "gradients" || line.name == "optimizer state") {
          states += line.bytes.value();
        }
      }
    }
    const double per_gpu = states / static_cast<double>(report.memory.stages.size());
    const double h = row.hidden;
    const double parameters = row.layers * (12 * h * h + 13 * h) + (51200 + 2048) * h + 2 * h;
    const bool both_ends = report.memory.stages.size() > 1;
    const double tables = both_ends ? 51200 * h : 0;
    const double expected = bytes_per_parameter * (parameters + tables) / row.model_parallel;
    INFO(row.file << ": " << per_gpu / 0x1p30 << " GiB, by the arithmetic " << expected / 0x1p30);
    CHECK(per_gpu == Approx(expected).epsilon(tolerance));
  }
}
