// Public tables of nccl-tests within the stated errors: uncalibrated, calibrated on themselves,
// carried over. Bounds are those of the project's issue on collectives; what misses is named with
// its present miss, so that it cannot get worse unseen.
#include "tests/catch.hpp"

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>

#include "validate/calibrate.hpp"
#include "validate/collectives.hpp"
#include "validate/runs.hpp"

using namespace lockstep;

namespace {

const std::string source = LOCKSTEP_TEST_SOURCE_DIR;

const Catalog& catalog() {
  static const Catalog catalog(source + "/scenarios");
  return catalog;
}

std::vector<std::string> logs() {
  std::vector<std::string> files;
  for (const auto& entry :
       std::filesystem::directory_iterator(source + "/validate/corpus/nccl_logs")) {
    if (entry.path().extension() == ".txt") files.push_back(entry.path().string());
  }
  std::sort(files.begin(), files.end());
  return files;
}

std::string stem(const std::string& file) {
  return std::filesystem::path(file).stem().string();
}

const CollectivesReport& uncalibrated() {
  static const CollectivesReport report = validate_collectives(
      logs(), catalog(), load_aliases(source + "/scenarios/aliases/nccl_logs.yaml"), {});
  return report;
}

const CalibrationReport& calibrated() {
  static const CalibrationReport report = calibrate_logs(
      logs(), catalog(), load_aliases(source + "/scenarios/aliases/nccl_logs.yaml"), {});
  return report;
}

// A100 and H100 whose notes say NVSwitch or rail-matched InfiniBand, up to 16 nodes; not H100 x 80,
// whose fabric is not stated.
bool strict(const LogResult& log) {
  static const std::set<std::string> systems{"dgx-a100-40gb", "dgx-a100-80gb", "dgx-h100",
                                             "aws-p5"};
  if (systems.count(log.system) == 0 || log.nodes > 16 || log.gpus == 80) return false;
  return log.nodes == 1 || log.system != "aws-p5";  // p5's network is EFA
}

// Present error above the bound, rounded up.
const std::map<std::string, double> known_misses_16mb{{"alps_gh200_n256_g4_all_reduce", 0.40}};

}  // namespace

TEST_CASE(
    "published collectives, uncalibrated: 10 or 25 % from 16 MB on, 25 or 40 % over all sizes",
    "[published]") {
  std::size_t judged = 0;
  for (const LogResult& log : uncalibrated().logs) {
    if (!log.compared() || log.health != "healthy") continue;
    ++judged;
    INFO(log.file);
    CHECK(*log.median_abs_error <= (strict(log) ? 0.25 : 0.40));
    if (!log.median_abs_error_16mb) continue;
    const auto miss = known_misses_16mb.find(stem(log.file));
    const double bound = strict(log) ? 0.10 : 0.25;
    CHECK(*log.median_abs_error_16mb <= (miss == known_misses_16mb.end() ? bound : miss->second));
  }
  CHECK(judged >= 50);
}

TEST_CASE(
    "published collectives, calibrated on themselves: 5 % for nine in ten, 10 % for all, Slingshot "
    "15 %",
    "[published]") {
  std::size_t judged = 0;
  std::size_t within = 0;
  for (const CalibratedLog& log : calibrated().logs) {
    if (!log.healthy() || log.health.empty()) continue;
    INFO(log.file << ": " << log.status);
    REQUIRE(log.fitted());
    if (log.fabric == "Slingshot") {
      CHECK(log.median_abs_error <= 0.15);
      continue;
    }
    ++judged;
    if (log.median_abs_error <= 0.05) ++within;
    CHECK(log.median_abs_error <= 0.10);
  }
  CHECK(judged >= 40);
  CHECK(10 * within >= 9 * judged);
}

TEST_CASE("published collectives, carried over: 15 % median over all pairs", "[published]") {
  const std::vector<TransferPair> pairs = transfers(calibrated(), catalog());
  std::vector<double> errors;
  for (const TransferPair& pair : pairs) errors.push_back(pair.median_abs_error);
  CHECK(errors.size() >= 150);
  CHECK(quantile(errors, 0.5) <= 0.15);
  // Slingshot alone, where a protocol that changes late makes steps that no form foresees, misses:
  // 0.20 today.
  std::vector<double> slingshot;
  for (const TransferPair& pair : pairs) {
    if (pair.from->fabric == "Slingshot") slingshot.push_back(pair.median_abs_error);
  }
  CHECK(quantile(slingshot, 0.5) <= 0.21);
}

TEST_CASE("published collectives: broken runs are refused with their reason", "[published]") {
  std::map<std::string, std::string> refused;
  for (const CalibratedLog& log : calibrated().logs) {
    if (!log.fitted()) refused[stem(log.file)] = log.status;
  }
  CHECK(refused["alcf_polaris_n8_g4_all_reduce_env1_tcp"] ==
        "refused: its notes call the run unhealthy");
  CHECK(refused["rtx4090x2_pcie_docker_all_reduce"] == "refused: its notes call the run unhealthy");
  CHECK(refused["rtx5090_onegpu_2ranks_socket_all_reduce"] ==
        "the GPU 'RTX 5090 (ONE GPU, 2 processes)' is not in the catalog");
  CHECK(refused.size() == 3);
}
