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
  std::string row_id;     // "dgxc_benchmarking-0012"
  std::string source;     // "dgxc_benchmarking"
  std::string model;      // as its source calls it
  std::string gpu;        // names of the catalog
  std::string generation; // "hopper"
  std::string system;
  std::string software;
  std::string precision;  // "bf16", "fp8" …
  double parameters = 0;  // of the model
  bool experts = false;
  double gpus = 0;
  double tensor = 1, pipeline = 1, context = 1, expert = 1, data = 1;
  double micro_batch = 1;
  double sequence = 0;
  std::string sharding = "none";   // "none", "optimizer", "gradients", "fsdp"
  std::string recompute = "none";  // "none", "selective", "full"
  double step_time_s = 0;           // measured; 0: not measured
  double step_error = 0;            // with the run's model left out of the fit
  double step_error_new_source = 0; // with all runs of its source left out; 0: not known
  double step_spread = 0;           // standard deviation of ln(step) that the constants explain
  double peak_memory_bytes = 0;     // measured; 0: not measured
  std::string memory_kind;          // "allocated", "reserved", "device"; "" where not measured
  double memory_error = 0;
  double memory_spread = 0;
};

// What is left of the errors once the spreads of the constants are taken out: few numbers for all
// runs (sim/residual.hpp says what they mean and learns them).
struct ResidualLaw {
  double scale = 0.05;   // one standard deviation of ln(measured / predicted): dense, 16 bit
  double experts = 4.0;  // times that, with experts
  double context = 1.0;  // with context parallelism
  double narrow = 1.5;   // with linears of 8 or 4 bit
  double unknown = 1.5;  // with software that was never measured on this generation of GPUs
  double lower = 1.3;    // factor on the side where runs are faster (smaller) than predicted
  double upper = 1.5;    // factor on the other side
  double peculiar = 0.5; // share of the variance that two plans of one model, cluster and software
                         // do not have in common
};

struct Evidence {
  FittedParameters fitted;
  std::vector<EvidenceRow> rows;
  ResidualLaw step;
  ResidualLaw memory{0.06, 1.5, 1.0, 1.0, 1.3, 1.0, 1.0, 0.5};
};

}  // namespace lockstep
