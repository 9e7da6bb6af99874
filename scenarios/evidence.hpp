// What intervals and "nearest evidence" rest on: the published runs that the tool was compared
// with, each with its error when the run's model took no part in the fit. Written by
// `lockstep calibrate --corpus runs` into calibrations/evidence.yaml.
#pragma once

#include <string>
#include <vector>

#include "scenarios/fitted.hpp"

namespace lockstep {

// One measured run. Errors are ln(measured / predicted).
struct EvidenceRow {
  std::string row_id;    // "dgxc_benchmarking-0012"
  std::string source;    // "dgxc_benchmarking"
  std::string model;     // as its source calls it
  std::string gpu;       // names of the catalog
  std::string system;
  std::string software;
  std::string precision; // "bf16", "fp8" …
  double parameters = 0; // of the model
  bool experts = false;
  double gpus = 0;
  double tensor = 1, pipeline = 1, context = 1, expert = 1, data = 1;
  double micro_batch = 1;
  double sequence = 0;
  double step_time_s = 0;           // measured; 0: not measured
  double step_error = 0;            // with the run's model left out of the fit
  double step_error_new_source = 0; // with all runs of its source left out
  double peak_memory_bytes = 0;     // measured; 0: not measured
  double memory_error = 0;
};

struct Evidence {
  FittedParameters fitted;
  std::vector<EvidenceRow> rows;
};

}  // namespace lockstep
