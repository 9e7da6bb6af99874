// What the project set itself to reach, against what it reaches.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "validate/peers.hpp"
#include "validate/runs.hpp"

namespace lockstep {

// What accuracy is judged on: the runs predicted with the fit to all of them, and with their model
// left out.
struct AccuracyData {
  RunsReport in_sample;
  std::optional<RunsReport> without_model;
  std::optional<RunsReport> without_source;
  std::vector<PeerResult> peers;
  std::vector<PeerStep> peer_steps;
  std::size_t fitted_constants = 0;

  // The report that errors of step time are judged on.
  [[nodiscard]] const RunsReport& judged() const {
    return without_model ? *without_model : in_sample;
  }
};

struct Target {
  std::string what;
  std::string asked;
  std::string reached;  // "-" where nothing was measured
  bool kept = false;
};

std::vector<Target> targets(const AccuracyData& data);

// Medians of the step-time errors of each source's dense rows of grade A, of sources most of whose
// rows share software, GPU and system with at least two other models (`informed`), or of the
// others. "": no such source.
struct WorstSource {
  std::string source;
  double median_abs_error = 0;
};
WorstSource worst_dense_source(const std::vector<RunResult>& rows,
                               const std::vector<std::string>& apart, bool informed);

}  // namespace lockstep
