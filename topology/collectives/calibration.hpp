// What was measured of a system's collectives, and how it changes a prediction.
//
// An entry is the measured curve of one collective on one group: a few lines, each from a size
// on. On that group it is the prediction. Elsewhere the model's own ratio between the two
// groups carries it over: NCCL's form says how time grows with ranks and nodes, the measurement
// says how far off the model was.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "topology/collectives/nccl_model.hpp"
#include "topology/confidence.hpp"

namespace lockstep {

struct CalibrationPiece {
  Bytes from;
  Seconds latency;
  double seconds_per_byte = 0.0;  // of the buffer
};

struct CollectiveCalibration {
  std::string system;
  Collective collective = Collective::all_reduce;
  std::int64_t ranks = 2;
  std::int64_t nodes = 1;
  std::vector<CalibrationPiece> pieces;  // by `from`, rising; at least one
  double spread = 0.0;                   // of ln(measured / fitted)
  std::int64_t points = 0;               // sizes that were measured
  Bytes smallest;
  Bytes largest;
  std::string source;        // where the table was
  std::string date;          // "2026-01-28"; "" where not stated
  std::string nccl_version;  // "2.29.2"; "" where not stated
  Confidence confidence = Confidence::unstated;
};

// The measured collectives of one system.
class Calibrations {
 public:
  // `system` is what was measured, as the catalog has it, without changes of a scenario: a scenario
  // that halves the NICs halves what was measured. Entries of other systems are left out.
  Calibrations(System system, const std::vector<CollectiveCalibration>& entries);

  [[nodiscard]] const System& system() const { return system_; }
  [[nodiscard]] std::vector<CollectiveCalibration> entries() const;

  // Fills group.calibrated; some ten microseconds.
  void apply(const GroupShape& shape, nccl::NcclGroup& group) const;

 private:
  struct Measured {
    CollectiveCalibration entry;
    nccl::NcclGroup group;                // the model's, uncalibrated
    std::vector<double> log_model;        // its times by size
    std::vector<double> log_corrections;  // ln(measured / model) by size
  };
  // What is measured of the collective on the group's fabric; where nothing is, of the others.
  [[nodiscard]] std::vector<const Measured*> teachers(Collective collective,
                                                      const nccl::NcclGroup& group) const;
  [[nodiscard]] nccl::CalibratedTimes times(Collective collective, const GroupShape& shape,
                                            const nccl::NcclGroup& group) const;

  System system_;
  std::vector<Measured> measured_;
};

}  // namespace lockstep
