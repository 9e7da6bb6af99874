// Files of calibrations: what `lockstep calibrate` writes and --calibration reads.
//
//   calibration: 1
//   machine: {date: "2026-11-23", driver: "580.82.07", cuda: "13.0", nccl: "2.28.9", …}
//   collectives:
//     - system: dgx-h100
//       collective: all_reduce
//       ranks: 8
//       nodes: 1
//       spread: 0.02
//       confidence: high
//       pieces:
//         - {from: 8 B, latency: 13.1 us, bandwidth: 12 GB/s}
//   constants:
//     - {of: gpus.h100-sxm-80gb.gemm_efficiency_half, value: 0.74, spread: 1.5%, …}
#pragma once

#include <string>
#include <vector>

#include "scenarios/constant_table.hpp"
#include "scenarios/scenario.hpp"
#include "topology/collectives/calibration.hpp"

namespace lockstep {

// What was measured, and with what. For people, and to tell two machines apart; nothing is
// predicted from it. Empty text: not stated.
struct CalibratedMachine {
  std::string date;  // "2026-11-23"; of the newest measurement
  std::string driver, cuda, nccl;
  std::vector<std::string> hosts;
  std::vector<std::string> gpus;  // "8 x NVIDIA H100 80GB HBM3"
  [[nodiscard]] bool stated() const;
};

// A constant of a GPU or a system of the catalog as it was measured on kernels and copies alone.
struct CalibratedConstant {
  std::string of;     // "gpus.h100-sxm-80gb.gemm_efficiency_half"
  double value = 0;   // in base units
  double spread = 0;  // of its logarithm
  Confidence confidence = Confidence::unstated;
  std::int64_t points = 0;  // measured times
  std::string source;       // "kernels.json"

  // The parts of `of`: "gpus", "h100-sxm-80gb", "gemm_efficiency_half".
  [[nodiscard]] std::string folder() const;
  [[nodiscard]] std::string entry() const;
  [[nodiscard]] std::string key() const;
  // The path of for_each_constant(): "gpu.gemm_efficiency_half".
  [[nodiscard]] std::string path() const;
};

struct CalibrationContents {
  CalibratedMachine machine;
  std::vector<CollectiveCalibration> collectives;
  std::vector<CalibratedConstant> constants;
};

// Throws InputError with every error of the file: those of any YAML (E1xx, E2xx), E601 no piece or
// too many, E602 pieces that do not rise, E603 a group that occurs twice, E604 GPUs that the nodes
// cannot share, E605 no such system, E607 no such constant, E608 no such GPU or system, E609 a
// constant that occurs twice, E613 a measurement in place of a calibration.
CalibrationContents load_calibration(const std::string& file, const Catalog& catalog);
CalibrationContents parse_calibration(const std::string& yaml_text, const std::string& file_name,
                                      const Catalog& catalog);

// The same contents read back; the same text for the same contents.
std::string calibration_file_text(const CalibrationContents& contents);

// What the field tables know of the constant "gpus.NAME.KEY" or "systems.NAME.KEY"; null where they
// know none.
const ConstantInfo* constant_info(const std::string& of);

}  // namespace lockstep
