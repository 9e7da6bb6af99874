// Calibrations out of nccl-tests logs: the pieces of each table, how well they fit, what was
// refused and why; and what a calibration is worth elsewhere.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "topology/collectives/calibration.hpp"
#include "validate/measured_table.hpp"
#include "validate/piecewise_fit.hpp"

namespace lockstep {

// What became of a size.
struct LogPoint {
  TimedSize time;
  std::string dropped;  // why the fit leaves it out; "" where it does not
};

// One table.
struct CalibratedLog {
  std::string file;
  std::string collective;
  std::int64_t gpus = 0;
  std::int64_t nodes = 0;
  std::string system;
  std::string health;
  std::string fabric;              // what binds the group: "NVLink, Hopper", "InfiniBand" …
  std::string status = "ok";       // or why it is refused
  std::vector<std::string> notes;  // points dropped, what was assumed
  std::optional<double> uncalibrated_median;  // |predicted / measured - 1| of the model alone
  double median_abs_error = 0;  // of the pieces on every size, also on those that the fit left out
  double p90_abs_error = 0;
  double left_out_median = 0;  // each point predicted without it
  Confidence confidence = Confidence::low;
  bool in_file = true;  // false: another log of the same group has more sizes
  CollectiveCalibration calibration;
  std::vector<TimedSize> points;
  std::vector<LogPoint> fates;  // of the same sizes
  bool registered = false;  // buffers were; where both are there, a calibration holds the others
  [[nodiscard]] bool refused() const { return status.rfind("refused: ", 0) == 0; }
  [[nodiscard]] bool fitted() const { return status == "ok"; }
  // Counts towards stated errors: nobody noted that something was wrong with the machine.
  [[nodiscard]] bool healthy() const { return health.empty() || health == "healthy"; }
};

struct CalibrationReport {
  std::vector<CalibratedLog> logs;   // in the order of the files and of their tables
  std::vector<Diagnostic> problems;  // of files that could not be read; they have a status too
  // What a file holds: of each group the log with the most sizes.
  [[nodiscard]] std::vector<CollectiveCalibration> calibrations() const;
};

// Reads and fits every file. Throws InputError only where the catalog is broken.
CalibrationReport calibrate_logs(const std::vector<std::string>& files, const Catalog& catalog,
                                 const Aliases& aliases, const ClusterChoice& choice);

// The same of tables that were read already.
CalibrationReport calibrate_tables(MeasuredTables measured);

// One log predicted with the calibration of another of the same system and fabric.
struct TransferPair {
  const CalibratedLog* from = nullptr;
  const CalibratedLog* to = nullptr;
  nccl::Basis basis = nccl::Basis::model;
  double median_abs_error = 0;
  double uncalibrated_median = 0;
};

// Every ordered pair of healthy fitted logs of one system and fabric that differ in collective,
// nodes or GPUs. The pairs point into the report.
std::vector<TransferPair> transfers(const CalibrationReport& report, const Catalog& catalog);

// -- renderings (pure)
std::string calibration_text(const CalibrationReport& report);
std::string calibration_json(const CalibrationReport& report);
std::string calibration_markdown(const CalibrationReport& report);
std::string transfer_text(const std::vector<TransferPair>& pairs);
std::string transfer_json(const std::vector<TransferPair>& pairs);
std::string transfer_markdown(const std::vector<TransferPair>& pairs);

}  // namespace lockstep
