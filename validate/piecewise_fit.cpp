// Pieces of a measured curve.
//
//   t(S) = L_i + b_i S   from from_i to from_{i+1};   L_i, b_i >= 0
//   minimise  sum over points of  c^2 (sqrt(1 + (ln(t / measured) / c)^2) - 1)
//
// The loss is Charbonnier's (smooth Huber): like a square for residuals far below c, like the
// absolute value above, so that one slow point does not bend a line. In log space since a
// collective's sizes span nine orders of magnitude and every size counts alike; an ordinary fit of
// seconds sees the largest alone. Every run of neighbouring points is fitted once (NLopt, L-BFGS in
// ln L and ln b); the best split into so many runs follows by dynamic programming. A split lies at
// the geometric middle of its two sizes. The number of pieces is that of the least
// Akaike information criterion of Laplace-distributed residuals,
//   2 n ln(e + mean |residual|) + 2 p,   p = 2 pieces + splits < n,   e = 1 %, what times are
//   reproducible to,
// of at most eight: NCCL changes algorithm, protocol and channels at up to some six sizes. With
// three at most, a tenth of the public tables misses its own sizes of 1 MB and above by more than
// 23 %, with eight by more than 14 %, and sizes that were left out are predicted better too. A
// curve must not fall: what falls in the measurement (NCCL changes its protocol too late on some
// fabrics) is made level first, by isotonic regression of the logarithms. Source: Bellman 1961, "On
// the approximation of curves by line segments using dynamic programming"; Akaike 1974; Barlow et
// al. 1972 for pooling adjacent violators. Ignores: that NCCL's protocols change at sizes which can
// be known; errors that depend on size.
#include "validate/piecewise_fit.hpp"

#include "validate/statistics.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <nlopt.hpp>
#include <stdexcept>

namespace lockstep {
namespace {

constexpr double bend = 0.03;          // c
constexpr double reproducible = 0.01;  // e
constexpr std::size_t most_pieces = 8;
constexpr std::size_t enough_points = 9;  // from which a piece needs three points
constexpr double infinite = std::numeric_limits<double>::infinity();

double loss(double residual) {
  return bend * bend * (std::sqrt(1.0 + residual * residual / (bend * bend)) - 1.0);
}
double slope_of_loss(double residual) {
  return residual / std::sqrt(1.0 + residual * residual / (bend * bend));
}

struct Run {
  const TimedSize* first = nullptr;
  std::size_t count = 0;
};

// x = {ln L, ln b}.
double objective(const std::vector<double>& x, std::vector<double>& gradient, void* data) {
  const Run& run = *static_cast<const Run*>(data);
  const double latency = std::exp(x[0]);
  const double per_byte = std::exp(x[1]);
  double sum = 0;
  std::array<double, 2> slopes{};
  for (std::size_t i = 0; i < run.count; ++i) {
    const double moving = per_byte * run.first[i].bytes;
    const double time = latency + moving;
    const double residual = std::log(time / run.first[i].seconds);
    sum += loss(residual);
    slopes[0] += slope_of_loss(residual) * latency / time;
    slopes[1] += slope_of_loss(residual) * moving / time;
  }
  if (!gradient.empty()) gradient.assign(slopes.begin(), slopes.end());
  return sum;
}

struct Line {
  double latency = 0;
  double per_byte = 0;
  double cost = infinite;
};

// From where the optimiser starts decides among local optima: mostly latency, mostly bandwidth,
// both.
Line fit_line(Run run) {
  constexpr std::array<std::array<double, 2>, 3> starts = {
      {{0.95, 0.05}, {0.05, 0.95}, {0.5, 0.5}}};
  constexpr double negligible = 1e-4;
  const TimedSize& first = run.first[0];
  const TimedSize& last = run.first[run.count - 1];
  const double most_latency = std::max(first.seconds, last.seconds);
  const double most_per_byte = most_latency / first.bytes;
  const std::vector<double> low{std::log(first.seconds * negligible),
                                std::log(last.seconds / last.bytes * negligible)};
  const std::vector<double> high{std::log(2.0 * most_latency), std::log(2.0 * most_per_byte)};
  Line best;
  for (const auto& start : starts) {
    nlopt::opt optimizer(nlopt::LD_LBFGS, 2);
    optimizer.set_min_objective(objective, &run);
    optimizer.set_lower_bounds(low);
    optimizer.set_upper_bounds(high);
    optimizer.set_ftol_rel(1e-7);
    optimizer.set_ftol_abs(1e-12);
    optimizer.set_maxeval(200);
    std::vector<double> x{std::log(first.seconds * start[0]),
                          std::log(last.seconds / last.bytes * start[1])};
    double cost = infinite;
    try {
      optimizer.optimize(x, cost);
    } catch (const std::runtime_error&) {
      std::vector<double> none;
      cost = objective(x, none, &run);  // where rounding stops it, x is the best so far
    }
    if (cost < best.cost) best = {std::exp(x[0]), std::exp(x[1]), cost};
  }
  // At its lower bound a term stands for none.
  if (best.latency <= 2.0 * std::exp(low[0])) best.latency = 0;
  if (best.per_byte <= 2.0 * std::exp(low[1])) best.per_byte = 0;
  return best;
}

// The lines of every run of neighbouring points, and the best splits.
class Splits {
 public:
  explicit Splits(const std::vector<TimedSize>& points)
      : points_(points), shortest_(points.size() >= enough_points ? 3 : 2) {
    const std::size_t n = points.size();
    lines_.resize(n * n);
    for (std::size_t first = 0; first < n; ++first) {
      for (std::size_t end = first + shortest_; end <= n; ++end) {
        lines_[first * n + end - 1] = fit_line({&points[first], end - first});
      }
    }
  }

  // The least cost of so many pieces; empty where there are too few points.
  [[nodiscard]] std::vector<CalibrationPiece> best(std::size_t pieces) const {
    const std::size_t n = points_.size();
    // cost[k][end]: of the points before `end` in k + 1 pieces.
    std::vector<std::vector<double>> cost(pieces, std::vector<double>(n + 1, infinite));
    std::vector<std::vector<std::size_t>> start(pieces, std::vector<std::size_t>(n + 1, 0));
    for (std::size_t end = shortest_; end <= n; ++end) cost[0][end] = line(0, end).cost;
    for (std::size_t k = 1; k < pieces; ++k) {
      for (std::size_t end = (k + 1) * shortest_; end <= n; ++end) {
        for (std::size_t first = k * shortest_; first + shortest_ <= end; ++first) {
          const double sum = cost[k - 1][first] + line(first, end).cost;
          if (sum >= cost[k][end]) continue;
          cost[k][end] = sum;
          start[k][end] = first;
        }
      }
    }
    std::vector<CalibrationPiece> result;
    if (!(cost[pieces - 1][n] < infinite)) return result;
    std::size_t end = n;
    for (std::size_t k = pieces; k-- > 0;) {
      const std::size_t first = k == 0 ? 0 : start[k][end];
      const Line& of = line(first, end);
      const double from = first == 0 ? points_[0].bytes
                                     : std::sqrt(points_[first - 1].bytes * points_[first].bytes);
      result.insert(result.begin(), {Bytes{from}, Seconds{of.latency}, of.per_byte});
      end = first;
    }
    return result;
  }

 private:
  [[nodiscard]] const Line& line(std::size_t first, std::size_t end) const {
    return lines_[first * points_.size() + end - 1];
  }

  const std::vector<TimedSize>& points_;
  std::size_t shortest_;
  std::vector<Line> lines_;
};

std::vector<double> residuals(const std::vector<CalibrationPiece>& pieces,
                              const std::vector<TimedSize>& points) {
  std::vector<double> result;
  for (const TimedSize& point : points)
    result.push_back(std::log(evaluate(pieces, point.bytes) / point.seconds));
  return result;
}

double criterion(const std::vector<CalibrationPiece>& pieces,
                 const std::vector<TimedSize>& points) {
  double sum = 0;
  for (const double residual : residuals(pieces, points)) sum += std::fabs(residual);
  const auto n = static_cast<double>(points.size());
  const auto parameters = static_cast<double>(3 * pieces.size() - 1);
  if (parameters >= n) return infinite;
  return 2.0 * n * std::log(reproducible + sum / n) + 2.0 * parameters;
}

// Pools neighbours that fall: each pool takes the median of its logarithms.
std::vector<TimedSize> rising(const std::vector<TimedSize>& points) {
  std::vector<std::vector<double>> pools;  // ln seconds
  for (const TimedSize& point : points) {
    pools.push_back({std::log(point.seconds)});
    while (pools.size() > 1 && median(pools[pools.size() - 2]) > median(pools.back())) {
      const std::vector<double> last = std::move(pools.back());
      pools.pop_back();
      pools.back().insert(pools.back().end(), last.begin(), last.end());
    }
  }
  std::vector<TimedSize> result;
  for (const std::vector<double>& pool : pools) {
    const double seconds = std::exp(median(pool));
    for (std::size_t i = 0; i < pool.size(); ++i)
      result.push_back({points[result.size()].bytes, seconds});
  }
  return result;
}

std::vector<CalibrationPiece> best_pieces(const std::vector<TimedSize>& measured) {
  const std::vector<TimedSize> points = rising(measured);
  const Splits splits(points);
  std::vector<CalibrationPiece> best = splits.best(1);
  double least = criterion(best, points);
  for (std::size_t count = 2; count <= most_pieces; ++count) {
    std::vector<CalibrationPiece> pieces = splits.best(count);
    if (pieces.empty()) break;
    const double value = criterion(pieces, points);
    if (value >= least) continue;
    least = value;
    best = std::move(pieces);
  }
  return best;
}

double left_out(const std::vector<TimedSize>& points) {
  std::vector<double> errors;
  for (std::size_t i = 0; points.size() > fewest_sizes && i < points.size(); ++i) {
    std::vector<TimedSize> others = points;
    others.erase(others.begin() + static_cast<std::ptrdiff_t>(i));
    errors.push_back(
        std::fabs(evaluate(best_pieces(others), points[i].bytes) / points[i].seconds - 1.0));
  }
  return median(std::move(errors));
}

void check(const std::vector<TimedSize>& points) {
  bool good = points.size() >= fewest_sizes;
  for (std::size_t i = 0; i < points.size(); ++i) {
    if (!(points[i].seconds > 0) || !(points[i].bytes > (i == 0 ? 0.0 : points[i - 1].bytes)))
      good = false;
  }
  if (!good) throw std::invalid_argument("a fit needs four rising sizes with times above 0");
}

}  // namespace

double evaluate(const std::vector<CalibrationPiece>& pieces, double bytes) {
  double time = 0;
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    if (i > 0 && bytes < pieces[i].from.value()) break;
    const double until =
        i + 1 < pieces.size() ? std::min(bytes, pieces[i + 1].from.value()) : bytes;
    time = std::max(time, pieces[i].latency.value() + pieces[i].seconds_per_byte * until);
  }
  return time;
}

PiecewiseFit fit_pieces(const std::vector<TimedSize>& points) {
  check(points);
  PiecewiseFit fit;
  fit.pieces = best_pieces(points);
  fit.residuals = residuals(fit.pieces, points);
  fit.left_out_median = left_out(points);
  return fit;
}

}  // namespace lockstep
