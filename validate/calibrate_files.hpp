// A calibration out of any mix of files: logs of nccl-tests, measurements of our own, tables of
// kernels. What a file is, its content says.
#pragma once

#include <string>
#include <vector>

#include "scenarios/calibration_file.hpp"
#include "validate/calibrate.hpp"
#include "validate/constant_fit.hpp"

namespace lockstep {

enum class FileKind { nccl_log, measurement, kernel_table };

// Text that is neither a measurement nor a table of kernels is taken for a log, whose reader then
// says what it misses.
FileKind kind_of(const std::string& text);

// What all files were measured with and on.
struct MergedMachine {
  CalibratedMachine machine;
  // "two NCCL versions: 2.28.9 (a.json) and 2.29.2 (b.json)": the files may not be of one machine.
  std::vector<std::string> contradictions;
};

struct FilesCalibration {
  CalibrationReport collectives;
  ConstantsReport constants;
  MergedMachine merged;
  [[nodiscard]] CalibrationContents contents() const;
  [[nodiscard]] bool empty() const;        // nothing could be fitted
  [[nodiscard]] bool any_refused() const;  // or could not be read
};

// Reads and fits every file; a file that cannot be read, and a part that is refused, do not stop
// the others. Throws InputError only where the catalog is broken.
FilesCalibration calibrate_files(const std::vector<std::string>& files, const Catalog& catalog,
                                 const Aliases& aliases, const ClusterChoice& choice);

// Every measured point with what the fit makes of it, as CSV: file, kind, what, size or shape,
// measured and fitted seconds (of an overlap: seconds lost per second), residual (fitted / measured
// - 1), kept or dropped, and why.
std::string points_csv(const FilesCalibration& calibration);

// What follows the tables of collectives in the report.
std::string constants_text(const FilesCalibration& calibration, const Catalog& catalog);

// The whole report. Text, and JSON with the keys of calibration_json().
std::string files_calibration_text(const FilesCalibration& calibration, const Catalog& catalog);
std::string files_calibration_json(const FilesCalibration& calibration);

}  // namespace lockstep
