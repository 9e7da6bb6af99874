// A whole measurement of NCCL's collectives by all processes of a run.
#pragma once

#include <cstdint>
#include <functional>
#include <iosfwd>
#include <optional>
#include <string>
#include <vector>

#include "validate/measure/measurement.hpp"
#include "validate/measure/processes.hpp"
#include "validate/measure/rank_groups.hpp"
#include "validate/measure/sweep.hpp"
#include "validate/nccl/check_pattern.hpp"

namespace lockstep {

struct NcclRun {
  std::vector<Collective> collectives;
  SweepOptions sweep;
  // The groups, once ranks and ranks per node are known.
  std::function<std::vector<RankGroups>(std::int64_t ranks, std::int64_t ranks_per_node)> groups;
  std::vector<bool> registered{false};  // one pass each
  ElementType type = ElementType::float32;
  std::optional<std::int64_t> gpus;  // of each process
  bool share_gpu = false;            // several ranks may lie on one GPU
  double timeout_s = 60;             // of one call
  std::string libraries;             // the folder searched first
  std::function<void(std::size_t done, std::size_t of)> progress;  // sizes; may be empty
};

struct NcclResult {
  Measurement measurement;
  std::vector<RankGroups> groups;  // of each of measurement.collectives
  std::int64_t ranks_per_node = 1;
  // Of each rank, over the fastest rank's: a copy within its GPU.
  std::vector<double> copy_slowness;
};

// Called by every process of the run; each gets the same. `machine`: what is known before. `err`:
// where the watchdog says what hangs, before it ends all processes with exit code 1.
// Throws Unavailable and MeasurementError, by agree() where one process finds out alone.
NcclResult measure_nccl(const NcclRun& run, Processes& processes, MachineFacts machine,
                        std::ostream& err);

// What is odd in a measurement, a line each: wrong results, a GPU far slower than its siblings, and
// why it calibrates nothing.
std::vector<std::string> remarks_on(const NcclResult& result);

}  // namespace lockstep
