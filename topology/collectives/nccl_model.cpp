// What NCCL chooses for a call, and what that takes.
//
// NCCL:  t = L * plateau + S / (B * tree_correction(S));  the least among what is enabled wins.
// Time:  t = max(floor, L' * plateau) + S / (B' * tree_correction(S))
//   L, B     NCCL's latency and bandwidth of the algorithm and protocol (nccl_ring.cpp …)
//   L', B'   those of the fabric (nccl_prepare.cpp)
//   plateau  ring, Simple, all_reduce between nodes from 64 bytes per channel and rank on: 1.4,
//   before
//            Ampere 1.9
// Sources: src/graph/tuning.cc:630-655, enqueue.cc:2028-2045 for the choice; fabric_priors.cpp.
// Ignores: several operations in one group call, CUDA graphs, fewer channels for small sizes (they
// do not enter NCCL's estimate either), user buffer registration.
#include "topology/collectives/nccl_model.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace lockstep::nccl {
namespace {

constexpr double giga = 1e9;
constexpr double micro = 1e-6;
constexpr double infinite = std::numeric_limits<double>::infinity();

// us for S bytes at b GB/s.
double transfer(double bytes, double bandwidth) {
  return bytes / (bandwidth * giga * micro);
}

bool is_tuned(Collective collective) {
  return collective != Collective::all_to_all && collective != Collective::send_recv;
}

// us.
struct Times {
  double nccl = 0.0;
  double real = 0.0;
  double fixed = 0.0;  // of `real`
};

Times times(const NcclGroup& group, const Offer& offer, double bytes) {
  const double correction = offer.corrected ? tree_correction(offer.protocol, bytes) : 1.0;
  const double plateau =
      offer.plateau_from > 0.0 && bytes >= offer.plateau_from ? offer.plateau : 1.0;
  Times result;
  result.nccl = offer.latency * plateau + transfer(bytes, offer.bandwidth * correction);
  result.fixed = std::max(group.floor, offer.real_latency * plateau);
  result.real = result.fixed + transfer(bytes, offer.real_bandwidth * correction);
  return result;
}

const std::vector<Offer>& offers_of(const NcclGroup& group, Collective collective) {
  return group.offers[static_cast<std::size_t>(collective)];
}

// The name of what bounds it: what takes more than half of the time.
const char* bottleneck(const NcclGroup& group, double fixed, double moving, const char* resource) {
  if (moving >= fixed) return resource;
  return fixed <= group.floor ? "launch" : "latency";
}

CollectiveChoice finished(const NcclGroup& group, Collective collective, double bytes, double fixed,
                          double real) {
  CollectiveChoice choice;
  choice.time = Seconds{real * micro};
  choice.latency = Seconds{fixed * micro};
  choice.bus_bandwidth =
      BusBandwidth{BytesPerSecond{bytes / (real * micro) * bus_factor(collective, group.ranks)}};
  const double moving = real - fixed;
  choice.spread =
      std::isfinite(real)
          ? std::hypot(group.latency_spread * fixed, group.bandwidth_spread * moving) / real
          : 0.0;
  return choice;
}

CollectiveChoice choose_direct(const NcclGroup& group, Collective collective, double bytes) {
  const PointToPoint& cost =
      collective == Collective::all_to_all ? group.all_to_all : group.send_recv;
  const double moving = bytes * cost.seconds_per_byte / micro;
  CollectiveChoice choice = finished(group, collective, bytes, cost.latency, cost.latency + moving);
  choice.algorithm = "direct";
  choice.protocol = "simple";
  choice.bottleneck = bottleneck(group, cost.latency, moving, cost.resource);
  return choice;
}

CollectiveChoice choose_tuned(const NcclGroup& group, Collective collective, double bytes) {
  const Offer* best = nullptr;
  Times best_times;
  for (const Offer& offer : offers_of(group, collective)) {
    if (offer.off != nullptr) continue;
    const Times now = times(group, offer, bytes);
    if (best != nullptr && now.nccl >= best_times.nccl) continue;
    best = &offer;
    best_times = now;
  }
  if (best == nullptr) {
    CollectiveChoice none;
    none.time = Seconds{infinite};
    return none;
  }
  CollectiveChoice choice = finished(group, collective, bytes, best_times.fixed, best_times.real);
  choice.nccl_time = Seconds{best_times.nccl * micro};
  choice.algorithm = best->method->name;
  choice.protocol = to_string(best->protocol);
  choice.bottleneck =
      bottleneck(group, best_times.fixed, best_times.real - best_times.fixed, best->resource);
  return choice;
}

CollectiveChoice choose_by_model(const NcclGroup& group, Collective collective, double bytes) {
  return is_tuned(collective) ? choose_tuned(group, collective, bytes)
                              : choose_direct(group, collective, bytes);
}

// The calibration says how far off the model is under nccl-tests; the model, which algorithm it
// was, how the time divides, and what the conditions of the call make of it.
void correct(const NcclGroup& group, Collective collective, double bytes,
             CollectiveChoice& choice) {
  const CalibratedTimes& calibrated = group.calibrated[static_cast<std::size_t>(collective)];
  if (calibrated.basis == Basis::model || !std::isfinite(choice.time.value())) return;
  const Seconds model =
      group.tests ? choose_by_model(*group.tests, collective, bytes).time : choice.time;
  const double factor = calibrated.time(bytes) * micro / model.value();
  choice.time *= factor;
  choice.latency *= factor;
  choice.bus_bandwidth = BusBandwidth{choice.bus_bandwidth.rate() / factor};
  choice.spread = std::hypot(calibrated.spread, calibrated.doubt * choice.spread);
  choice.basis = calibrated.basis;
}

}  // namespace

CollectiveChoice choose(const NcclGroup& group, Collective collective, Bytes bytes) {
  if (group.ranks < 2 || bytes.value() <= 0.0) return {};
  const double size = bytes.value();
  CollectiveChoice choice = choose_by_model(group, collective, size);
  correct(group, collective, size, choice);
  return choice;
}

std::vector<Alternative> alternatives(const NcclGroup& group, Collective collective, Bytes bytes) {
  std::vector<Alternative> result;
  if (group.ranks < 2 || !is_tuned(collective)) return result;
  for (const Offer& offer : offers_of(group, collective)) {
    Alternative alternative{offer.method->name, offer.protocol, offer.off, {}, {}};
    if (offer.off == nullptr) {
      const Times now = times(group, offer, bytes.value());
      alternative.nccl_time = Seconds{now.nccl * micro};
      alternative.time = Seconds{now.real * micro};
    }
    result.push_back(alternative);
  }
  std::stable_sort(result.begin(), result.end(), [](const Alternative& a, const Alternative& b) {
    if ((a.off == nullptr) != (b.off == nullptr)) return a.off == nullptr;
    return a.nccl_time < b.nccl_time;
  });
  return result;
}

CollectiveCost cost_of(const CollectiveChoice& choice) {
  return {choice.time,      choice.latency,  choice.bus_bandwidth,
          choice.algorithm, choice.protocol, choice.bottleneck};
}

}  // namespace lockstep::nccl
