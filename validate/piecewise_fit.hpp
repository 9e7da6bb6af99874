// A measured curve of time over size as one to eight latency/bandwidth lines.
#pragma once

#include <vector>

#include "topology/collectives/calibration.hpp"

namespace lockstep {

struct TimedSize {
  double bytes = 0;
  double seconds = 0;
};

struct PiecewiseFit {
  std::vector<CalibrationPiece> pieces;
  std::vector<double> residuals;  // ln(fitted / measured) of each point
  // Median of |fitted / measured - 1| where each point is predicted by a fit without it.
  double left_out_median = 0;
};

inline constexpr std::size_t fewest_sizes = 4;  // for a fit

// `points`: sizes rising, each once, times above 0, at least fewest_sizes. Throws
// std::invalid_argument otherwise.
PiecewiseFit fit_pieces(const std::vector<TimedSize>& points);

// Seconds on a fitted curve: the line of the piece that the size is in, never below an earlier
// piece's end.
double evaluate(const std::vector<CalibrationPiece>& pieces, double bytes);

}  // namespace lockstep
