// Tables of nccl-tests against predictions: every size predicted, its error, and the errors summed up per table.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "scenarios/diagnostics.hpp"
#include "topology/collectives/nccl_model.hpp"
#include "validate/log_cluster.hpp"

namespace lockstep {

// Sizes from which bandwidth and not latency decides; all-gather rounds 16 MiB down by less than this leaves.
inline constexpr std::int64_t large_message_bytes = 16'000'000;

struct CollectiveComparison {
  std::int64_t size_bytes = 0;
  double predicted_time = 0;             // seconds
  std::optional<double> measured_time;
  std::string algorithm;
  std::string protocol;
  [[nodiscard]] std::optional<double> error() const;   // predicted / measured - 1
};

// One table of a log.
struct LogResult {
  std::string file;
  std::string collective;    // as nccl-tests or the notes name it; "" where not known
  std::int64_t gpus = 0;     // 0: not known
  std::int64_t nodes = 0;
  std::string system;
  std::string health;        // as the notes say; "" where they do not
  std::string status = "ok";   // or why there is no comparison
  std::vector<std::string> assumed;
  nccl::Basis basis = nccl::Basis::model;      // what the predictions rest on
  std::optional<double> median_abs_error;      // over the sizes that were measured
  std::optional<double> median_abs_error_16mb;
  std::vector<CollectiveComparison> rows;      // sizes above 0, out-of-place
  [[nodiscard]] bool compared() const { return status == "ok"; }
  // Counts towards stated errors: nobody noted that something was wrong with the machine.
  [[nodiscard]] bool healthy() const { return health.empty() || health == "healthy"; }
};

struct CollectivesReport {
  std::vector<LogResult> logs;           // in the order of the files and of their tables
  std::vector<Diagnostic> problems;      // of files that could not be read; they have a status too
};

// Reads and predicts every file. Throws InputError only where the catalog or a file of
// `calibrations` is broken, or no log is of a calibrated system.
CollectivesReport validate_collectives(const std::vector<std::string>& files,
                                       const Catalog& catalog, const Aliases& aliases,
                                       const ClusterChoice& choice,
                                       const std::vector<std::string>& calibrations = {});

// -- renderings (pure)
std::string collectives_text(const CollectivesReport& report);
std::string collectives_json(const CollectivesReport& report);
std::string collectives_csv(const CollectivesReport& report);
std::string collectives_markdown(const CollectivesReport& report);

}  // namespace lockstep
