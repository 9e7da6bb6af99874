// What other tools reach on published runs (corpus/peers.csv), beside this tool on the same runs,
// and the floor that any model must beat: one MFU for all of them.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "validate/runs.hpp"

namespace lockstep {

// One number that somebody published.
struct PeerResult {
  std::string runs;       // in words
  std::string selection;  // the source in the corpus
  std::string metric;     // "step_time", "peak_memory"
  std::string statistic;  // "mean", "median", "max" of the absolute errors
  std::string tool;
  double error = 0;      // 0.153
  std::size_t rows = 0;  // that it was computed from
  std::string reference;
};

// One step of one run, as another tool predicts it.
struct PeerStep {
  std::string selection;  // source, model and recompute of the run in the corpus
  std::string model;
  std::string recompute;
  std::string tool;
  double step_time_s = 0;  // 0: not said
  double memory_gib = 0;   // 0: not said
  std::string reference;
};

// Reads corpus/peer_steps.csv; errors as below.
std::vector<PeerStep> load_peer_steps(const std::string& path);

// Reads corpus/peers.csv. Throws InputError: E180 not readable, E281 a column is missing, E282 a
// number or a word is none of those above; and what parse_csv() finds.
std::vector<PeerResult> load_peers(const std::string& path);

// Absolute errors of the simulated rows of a source; all where `source` is "".
std::vector<double> absolute_errors(const std::vector<RunResult>& rows, const std::string& metric,
                                    const std::string& source);

// "mean", "median" or "max" of them; 0 without any.
double statistic_of(const std::vector<double>& values, const std::string& statistic);

// Absolute errors of step = ideal / MFU with one MFU for all rows of the source, where `ideal` is
// the time of the model FLOPs at the peak. MFU: that which is right for the median row (least
// absolute deviation in log space), of all rows or, with `leave_model_out`, of those of other
// models. Ignores everything but FLOPs: the floor for a model of time.
std::vector<double> constant_mfu_errors(const std::vector<RunResult>& rows,
                                        const std::string& source, bool leave_model_out);

}  // namespace lockstep
