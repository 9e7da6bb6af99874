// How a measured curve changes a prediction.
//
//   on the measured group      t(S) = L_i + b_i S from from_i on, never below an earlier piece's
//   end on another group           t(S) = m(S) exp( T sum_e w_e c_e(S) / sum_e w_e ), level where
//   it
//                              would fall
//   c_e(S) = ln(measured(S) / m_e(S)),   w_e = exp( -0.4 d_e - u_e )
//   T = w / (w + (1 - w) / 2) with the largest w_e: all of it on the measured group itself, whose
//   NICs or links a scenario may have changed m, m_e   the model on the asked group and on that of
//   the measurement e d_e      doublings of nodes plus doublings of ranks on a node between the two
//   groups u_e      how unlike the two collectives are; only those of the same collective count, if
//   any
// So ranks and nodes scale as NCCL's form has it, and what is far away or alike in little counts
// less. Fabrics do not mix: a measurement in a node says nothing of the network. Between measured
// groups the nearer weigh more.
// Below the smallest measured size a correction halves every two doublings: what large sizes teach
// of a bandwidth says little of a latency. Above the largest the last line goes on.
// Source: weights read off the public tables of validate/corpus/nccl_logs, every pair of one system
// and fabric (validate/ACCURACY.md lists them); few numbers, so that no log is its own special
// case. Ignores: protocols that change at other sizes on the asked group than on the measured one.
#include "topology/collectives/calibration.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace lockstep {
namespace nccl {
namespace {

constexpr double micro = 1e-6;
constexpr int steps_per_doubling = 2;
constexpr int doublings_of_size = 44;  // up to 16 TiB
constexpr std::size_t grid_size = steps_per_doubling * doublings_of_size + 1;
constexpr double doublings_to_half = 2.0;

double size_at(std::size_t index) {
  return std::exp2(static_cast<double>(index) / steps_per_doubling);
}

double curve(const std::vector<CurvePiece>& pieces, double bytes) {
  double time = 0.0;
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    if (i > 0 && bytes < pieces[i].from) break;
    const double until = i + 1 < pieces.size() ? std::min(bytes, pieces[i + 1].from) : bytes;
    time = std::max(time, pieces[i].latency + pieces[i].seconds_per_byte * until / micro);
  }
  return time;
}

double interpolated(const std::vector<double>& log_times, double bytes) {
  const double position = std::log2(bytes) * steps_per_doubling;
  if (position <= 0.0) return std::exp(log_times.front());
  const auto last = static_cast<double>(grid_size - 1);
  if (position >= last) return std::exp(log_times.back()) * bytes / size_at(grid_size - 1);
  const auto below = static_cast<std::size_t>(position);
  const double share = position - static_cast<double>(below);
  return std::exp(log_times[below] * (1.0 - share) + log_times[below + 1] * share);
}

double model_time(const NcclGroup& group, Collective collective, double bytes) {
  return choose(group, collective, Bytes{bytes}).time.value() / micro;
}

// ln us of the uncalibrated model over the grid.
std::vector<double> model_times(const NcclGroup& group, Collective collective) {
  std::vector<double> result;
  result.reserve(grid_size);
  for (std::size_t i = 0; i < grid_size; ++i)
    result.push_back(std::log(model_time(group, collective, size_at(i))));
  return result;
}

std::vector<CurvePiece> pieces_of(const CollectiveCalibration& entry) {
  std::vector<CurvePiece> pieces;
  for (const CalibrationPiece& piece : entry.pieces)
    pieces.push_back({piece.from.value(), piece.latency.value() / micro, piece.seconds_per_byte});
  return pieces;
}

double smallest_of(const CollectiveCalibration& entry) {
  return std::max(1.0, entry.smallest.value());
}

// ln(measured / model) over the grid.
std::vector<double> corrections(const CollectiveCalibration& entry, const NcclGroup& group) {
  const std::vector<CurvePiece> pieces = pieces_of(entry);
  const double smallest = smallest_of(entry);
  const double at_smallest =
      std::log(curve(pieces, smallest) / model_time(group, entry.collective, smallest));
  std::vector<double> result = model_times(group, entry.collective);
  for (std::size_t i = 0; i < grid_size; ++i) {
    const double size = size_at(i);
    result[i] = size < smallest
                    ? at_smallest * std::exp2(-std::log2(smallest / size) / doublings_to_half)
                    : std::log(curve(pieces, size)) - result[i];
  }
  return result;
}

}  // namespace

double CalibratedTimes::time(double bytes) const {
  const bool as_measured = basis == Basis::measured && bytes >= smallest;
  return as_measured ? curve(pieces, bytes) : interpolated(log_times, bytes);
}

const char* to_string(Basis basis) {
  constexpr const char* names[] = {"model", "measured", "scaled", "transferred"};
  return names[static_cast<std::size_t>(basis)];
}

}  // namespace nccl

namespace {

constexpr double doubt = 0.5;
// Of ln(measured / predicted) on groups other than the measured one: the public tables carry over to
// each other with a median error of 4.7 %.
constexpr double carried_over = 0.07;
constexpr double per_doubling = 0.4;
constexpr double direct_and_tuned = 3.0;
constexpr double two_direct = 2.0;
constexpr double two_tuned = 1.0;
constexpr double mirrored = 0.5;  // each the other backwards

bool direct(Collective collective) {
  return collective == Collective::all_to_all || collective == Collective::send_recv;
}

bool mirror_images(Collective a, Collective b) {
  const auto both = [&](Collective x, Collective y) {
    return (a == x && b == y) || (a == y && b == x);
  };
  return both(Collective::all_gather, Collective::reduce_scatter) ||
         both(Collective::broadcast, Collective::reduce);
}

double unlike(Collective a, Collective b) {
  if (a == b) return 0.0;
  if (direct(a) != direct(b)) return direct_and_tuned;
  if (direct(a)) return two_direct;
  return mirror_images(a, b) ? mirrored : two_tuned;
}

double doublings(double a, double b) {
  return std::fabs(std::log2(a / b));
}

double distance(const CollectiveCalibration& entry, const GroupShape& shape) {
  const auto nodes = static_cast<double>(std::max<std::int64_t>(1, shape.nodes));
  const auto measured_nodes = static_cast<double>(std::max<std::int64_t>(1, entry.nodes));
  return doublings(nodes, measured_nodes) +
         doublings(static_cast<double>(shape.ranks) / nodes,
                   static_cast<double>(entry.ranks) / measured_nodes);
}

}  // namespace

Calibrations::Calibrations(System system, const std::vector<CollectiveCalibration>& entries)
    : system_(std::move(system)) {
  for (const CollectiveCalibration& entry : entries) {
    if (entry.system != system_.name || entry.pieces.empty()) continue;
    Cluster cluster;
    cluster.system = system_;
    cluster.nodes = entry.nodes;
    Measured one;
    one.entry = entry;
    one.group =
        nccl::prepare(cluster, routes(cluster), spread_group(cluster, entry.ranks, entry.nodes));
    one.log_model = nccl::model_times(one.group, entry.collective);
    one.log_corrections = nccl::corrections(entry, one.group);
    measured_.push_back(std::move(one));
  }
}

std::vector<CollectiveCalibration> Calibrations::entries() const {
  std::vector<CollectiveCalibration> result;
  for (const Measured& one : measured_) result.push_back(one.entry);
  return result;
}

std::vector<const Calibrations::Measured*> Calibrations::teachers(
    Collective collective, const nccl::NcclGroup& group) const {
  std::vector<const Measured*> own;
  std::vector<const Measured*> others;
  for (const Measured& one : measured_) {
    if (one.group.fabric != group.fabric) continue;
    (one.entry.collective == collective ? own : others).push_back(&one);
  }
  return own.empty() ? others : own;
}

nccl::CalibratedTimes Calibrations::times(Collective collective, const GroupShape& shape,
                                          const nccl::NcclGroup& group) const {
  nccl::CalibratedTimes result;
  const std::vector<const Measured*> from = teachers(collective, group);
  if (from.empty()) return result;
  const bool own = from.front()->entry.collective == collective;
  result.basis = own ? nccl::Basis::scaled : nccl::Basis::transferred;
  const std::vector<double> model = nccl::model_times(group, collective);
  std::vector<double> sums(nccl::grid_size, 0.0);
  double weights = 0.0;
  double largest = 0.0;
  for (const Measured* one : from) {
    const double away = distance(one->entry, shape);
    const double weight =
        std::exp(-per_doubling * away - unlike(collective, one->entry.collective));
    // The model sees no difference between the two groups: NICs, links and neighbours are alike.
    if (own && away == 0.0 && one->log_model == model) {
      result.basis = nccl::Basis::measured;
      result.pieces = nccl::pieces_of(one->entry);
      result.smallest = nccl::smallest_of(one->entry);
      sums = one->log_corrections;
      weights = 1.0;
      result.spread = one->entry.spread;
      break;
    }
    weights += weight;
    largest = std::max(largest, weight);
    result.spread += weight * one->entry.spread;
    for (std::size_t i = 0; i < nccl::grid_size; ++i) sums[i] += weight * one->log_corrections[i];
  }
  if (result.basis != nccl::Basis::measured) {
    const double trust = largest / (largest + doubt * (1.0 - largest));
    result.doubt = 1.0 - trust;
    result.spread = std::hypot(result.spread / weights, carried_over);
    weights /= trust;
  }
  result.log_times = model;
  for (std::size_t i = 0; i < nccl::grid_size; ++i) {
    result.log_times[i] += sums[i] / weights;
    if (i > 0) result.log_times[i] = std::max(result.log_times[i], result.log_times[i - 1]);
  }
  return result;
}

void Calibrations::apply(const GroupShape& shape, nccl::NcclGroup& group) const {
  if (group.ranks < 2) return;
  for (const Collective collective : all_collectives)
    group.calibrated[static_cast<std::size_t>(collective)] = times(collective, shape, group);
}

}  // namespace lockstep
