// Calibrations applied to the clusters of a scenario.
//
// A constant of the catalog may name a fitted parameter: value = prior x factor, where the prior is
// what kernels do alone and the factor what a training step makes of it (topology/constant.hpp).
// A kernel measured alone says nothing of the step, so it replaces the prior and its spread; the
// factor and the factor's spread stay:
//   value = measured x (value / prior),  spread^2 = measured spread^2 + (spread^2 - own_spread^2)
// clamped to what is physical. A constant that names no parameter becomes what was measured.
// Ignores that the factor was fitted to runs on many machines, whose kernels may have been as far
// from the catalog's as the measured ones are.
#pragma once

#include <string>
#include <vector>

#include "scenarios/calibration_file.hpp"

namespace lockstep {

// One measured constant and what it did to the clusters.
struct AppliedConstant {
  CalibratedConstant measured;
  std::string file;
  ConstantBase before;  // as the catalog has it
  ConstantBase after;   // the same where `overruled`
  // Every cluster with the GPU or the system has another value of its own, by the scenario or
  // --set, and keeps it.
  bool overruled = false;
};

struct AppliedCalibration {
  std::vector<std::string> files;
  std::vector<CalibratedMachine> machines;         // of the files, in their order
  std::vector<AppliedConstant> constants;          // of GPUs and systems that are used here
  std::vector<CollectiveCalibration> collectives;  // of systems that are used here
};

// What a measurement makes of a constant of the catalog; `range` is what is physical.
ConstantBase calibrated(const ConstantBase& constant, const CalibratedConstant& measured,
                        Range range);

// Reads the files and gives every cluster what they hold of its system and GPU; where two hold the
// same group or the same constant, the later file counts. A constant that the scenario or --set
// changes stays as they say. Scenario changes of a system scale what was measured on the catalog's.
// Throws InputError: every error of the files, and E606 for a file of whose systems and GPUs no
// cluster is.
AppliedCalibration apply_calibrations(const std::vector<std::string>& files, const Catalog& catalog,
                                      const std::vector<Cluster*>& clusters);

// Those of a scenario: its own and every plan's.
std::vector<Cluster*> clusters_of(Scenario& scenario);

}  // namespace lockstep
