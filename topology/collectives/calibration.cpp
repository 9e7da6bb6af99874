#include "topology/collectives/calibration.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <utility>

namespace lockstep {
namespace nccl {
namespace {

constexpr double micro = 1e-6;
constexpr int steps_per_doubling = 2;
constexpr int doublings_of_size = 44;  // up to 16 TiB
constexpr std::size_t grid_size = steps_per_doubling * doublings_of_size + 1;

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

// ln us of the uncalibrated model over the grid.
std::vector<double> model_times(const NcclGroup& group, Collective collective) {
  std::vector<double> result;
  result.reserve(grid_size);
  for (std::size_t i = 0; i < grid_size; ++i)
    result.push_back(std::log(choose(group, collective, Bytes{size_at(i)}).time.value() / micro));
  return result;
}

std::vector<CurvePiece> pieces_of(const CollectiveCalibration& entry) {
  std::vector<CurvePiece> pieces;
  for (const CalibrationPiece& piece : entry.pieces)
    pieces.push_back({piece.from.value(), piece.latency.value() / micro, piece.seconds_per_byte});
  return pieces;
}

}  // namespace

double CalibratedTimes::time(double bytes) const {
  return basis == Basis::measured ? curve(pieces, bytes) : interpolated(log_times, bytes);
}

const char* to_string(Basis basis) {
  constexpr const char* names[] = {"model", "measured", "scaled", "transferred"};
  return names[static_cast<std::size_t>(basis)];
}

}  // namespace nccl

Calibrations::Calibrations(System system, const std::vector<CollectiveCalibration>& entries)
    : system_(std::move(system)) {
  for (const CollectiveCalibration& entry : entries) {
    if (entry.system != system_.name || entry.pieces.empty()) continue;
    Cluster cluster;
    cluster.system = system_;
    cluster.nodes = entry.nodes;
    Measured one;
    one.entry = entry;
    one.group = nccl::prepare(cluster, routes(cluster),
                              spread_group(cluster, entry.ranks, entry.nodes));
    const std::vector<nccl::CurvePiece> pieces = nccl::pieces_of(entry);
    one.log_corrections = nccl::model_times(one.group, entry.collective);
    for (std::size_t i = 0; i < nccl::grid_size; ++i)
      one.log_corrections[i] =
          std::log(nccl::curve(pieces, nccl::size_at(i))) - one.log_corrections[i];
    measured_.push_back(std::move(one));
  }
}

std::vector<CollectiveCalibration> Calibrations::entries() const {
  std::vector<CollectiveCalibration> result;
  for (const Measured& one : measured_) result.push_back(one.entry);
  return result;
}

namespace {
double env(const char* name, double otherwise) {
  const char* text = std::getenv(name);
  return text ? std::atof(text) : otherwise;
}
double per_node(std::int64_t ranks, std::int64_t nodes) {
  return static_cast<double>(ranks) / static_cast<double>(std::max<std::int64_t>(1, nodes));
}
// Doublings of nodes and of ranks on a node between two groups.
double distance(const CollectiveCalibration& entry, const GroupShape& shape) {
  return std::fabs(std::log2(static_cast<double>(shape.nodes) / static_cast<double>(entry.nodes))) +
         std::fabs(
             std::log2(per_node(shape.ranks, shape.nodes) / per_node(entry.ranks, entry.nodes)));
}
bool direct(Collective c) { return c == Collective::all_to_all || c == Collective::send_recv; }
bool gathers(Collective c) {
  return c == Collective::all_gather || c == Collective::reduce_scatter;
}
bool one_way(Collective c) { return c == Collective::broadcast || c == Collective::reduce; }
// How unlike two collectives are.
double unlike(Collective a, Collective b) {
  if (a == b) return 0.0;
  if (direct(a) != direct(b)) return env("CAL_D3", 3.0);
  if (direct(a)) return env("CAL_D2", 2.0);
  if ((gathers(a) && gathers(b)) || (one_way(a) && one_way(b))) return env("CAL_D1", 0.5);
  return env("CAL_D15", 1.0);
}
}  // namespace

nccl::CalibratedTimes Calibrations::times(Collective collective, const GroupShape& shape,
                                          const nccl::NcclGroup& group) const {
  nccl::CalibratedTimes result;
  const Measured* nearest = nullptr;
  bool own = false;
  for (const Measured& one : measured_) {
    if (one.group.fabric == group.fabric && one.entry.collective == collective) own = true;
  }
  std::vector<double> sum(nccl::grid_size, 0.0);
  const double shift_mode = env("CAL_SHIFT", 0);
  double weights = env("CAL_W0", 0.0);
  for (const Measured& one : measured_) {
    if (one.group.fabric != group.fabric) continue;
    if (own && one.entry.collective != collective) continue;
    const double away =
        distance(one.entry, shape) * env("CAL_DS", 0.3) + unlike(collective, one.entry.collective);
    if (!nearest || away < distance(nearest->entry, shape)) nearest = &one;
    const double weight = std::exp(-away);
    weights += weight;
    double shift = 0;
    const double ranks_ratio =
        std::log2(static_cast<double>(one.entry.ranks) / static_cast<double>(shape.ranks));
    const double bus_ratio = std::log2(bus_factor(collective, shape.ranks) /
                                       bus_factor(one.entry.collective, one.entry.ranks));
    shift = shift_mode * ranks_ratio + env("CAL_BUS", 0) * bus_ratio;
    for (std::size_t i = 0; i < nccl::grid_size; ++i) {
      double at = static_cast<double>(i) + shift * nccl::steps_per_doubling;
      at = std::clamp(at, 0.0, static_cast<double>(nccl::grid_size - 1));
      const auto k = std::min(nccl::grid_size - 2, static_cast<std::size_t>(at));
      const double f = at - static_cast<double>(k);
      sum[i] += weight * (one.log_corrections[k] * (1 - f) + one.log_corrections[k + 1] * f);
    }
  }
  if (nearest == nullptr) return result;
  result.basis = own ? nccl::Basis::scaled : nccl::Basis::transferred;
  result.spread = nearest->entry.spread;
  result.log_times = nccl::model_times(group, collective);
  if (own && distance(nearest->entry, shape) < 1e-9 &&
      result.log_times == nccl::model_times(nearest->group, collective)) {
    result.basis = nccl::Basis::measured;
    result.pieces = nccl::pieces_of(nearest->entry);
    return result;
  }
  double most = -1e300;
  for (std::size_t i = 0; i < nccl::grid_size; ++i) {
    most = std::max(most, result.log_times[i] + sum[i] / weights);
    result.log_times[i] = most;
  }
  return result;
}

void Calibrations::apply(const GroupShape& shape, nccl::NcclGroup& group) const {
  for (const Collective collective : all_collectives)
    group.calibrated[static_cast<std::size_t>(collective)] = times(collective, shape, group);
}

}  // namespace lockstep
