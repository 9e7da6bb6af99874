#include "sim/engine/memory_curve.hpp"

#include <algorithm>

namespace lockstep {

namespace {

double sum(const std::vector<MemoryShare>& shares) {
  double bytes = 0;
  for (const MemoryShare& share : shares) bytes += share.bytes;
  return bytes;
}

double resting(const StageMemoryProfile& profile, double held, bool gradients) {
  return sum(profile.always) + (gradients ? sum(profile.gradients) : 0) + held;
}

double activation_of(const StageMemoryProfile& profile, const Slice& slice) {
  const auto chunk = static_cast<std::size_t>(slice.chunk);
  return chunk < profile.activations.size() ? profile.activations[chunk] : 0;
}

MemoryPeak instant_of(const Slice& slice) {
  MemoryPeak peak;
  peak.time = slice.start;
  peak.in_pass = true;
  peak.kind = slice.kind;
  peak.chunk = slice.chunk;
  peak.micro_batch = slice.micro_batch;
  return peak;
}

MemoryPeak second_half_of(const Slice& slice) {
  MemoryPeak peak = instant_of(slice);
  peak.time = 0.5 * (slice.start + slice.end);
  peak.pass_end = true;
  return peak;
}

}  // namespace

void add_share(std::vector<MemoryShare>& shares, const std::string& name, double bytes) {
  if (bytes <= 0) return;
  const auto known = std::find_if(shares.begin(), shares.end(),
                                  [&](const MemoryShare& share) { return share.name == name; });
  if (known == shares.end()) {
    shares.push_back({name, bytes});
  } else {
    known->bytes += bytes;
  }
}

MemoryCurves::MemoryCurves(const std::vector<StageMemoryProfile>& profiles, bool splits_backward,
                           std::size_t most_points)
    : profiles_(profiles),
      splits_backward_(splits_backward),
      most_points_(std::max<std::size_t>(most_points, 2)),
      states_(profiles.size()) {
  for (std::size_t i = 0; i < profiles.size(); ++i) raise(states_[i], profiles[i], {}, {});
}

void MemoryCurves::raise(State& state, const StageMemoryProfile& profile,
                         const std::vector<MemoryShare>& workspace, MemoryPeak peak) const {
  peak.bytes = resting(profile, state.held, state.gradients) + sum(workspace);
  set(state, peak.time, peak.bytes);
  if (peak.bytes <= state.curve.peak.bytes) return;
  for (const MemoryShare& share : profile.always) add_share(peak.holders, share.name, share.bytes);
  if (state.gradients) {
    for (const MemoryShare& share : profile.gradients) {
      add_share(peak.holders, share.name, share.bytes);
    }
  }
  add_share(peak.holders, "activations", state.held);
  for (const MemoryShare& share : workspace) add_share(peak.holders, share.name, share.bytes);
  peak.passes_held = state.passes_held;
  state.curve.peak = std::move(peak);
}

void MemoryCurves::thin(std::vector<MemoryPoint>& points) const {
  std::size_t kept = 0;
  for (std::size_t i = 0; i < points.size(); i += 2) {
    const double second = i + 1 < points.size() ? points[i + 1].bytes : points[i].bytes;
    points[kept++] = {points[i].time, std::max(points[i].bytes, second)};
  }
  points.resize(kept);
}

void MemoryCurves::set(State& state, double time, double bytes) const {
  std::vector<MemoryPoint>& points = state.curve.points;
  if (!points.empty() && points.back().time == time) {
    points.back().bytes = bytes;
    return;
  }
  if (!points.empty() && points.back().bytes == bytes) return;
  if (points.size() >= 2 * most_points_) thin(points);
  points.push_back({time, bytes});
}

void MemoryCurves::add_forward(State& state, const StageMemoryProfile& profile,
                               const Slice& slice) const {
  state.held += activation_of(profile, slice);
  ++state.passes_held;
  raise(state, profile, profile.forward, instant_of(slice));
  if (slice.chunk != profile.loss_chunk) return;
  MemoryPeak instant = second_half_of(slice);
  instant.loss = true;
  raise(state, profile, profile.loss, instant);
}

void MemoryCurves::add_backward(State& state, const StageMemoryProfile& profile,
                                const Slice& slice) const {
  raise(state, profile, profile.backward, instant_of(slice));
  const SliceKind last = splits_backward_ ? SliceKind::weight_gradient : SliceKind::backward;
  if (slice.kind == last) {
    --state.passes_held;
    state.held = state.passes_held == 0 ? 0 : state.held - activation_of(profile, slice);
  }
  const bool grows = !state.gradients && !profile.gradients.empty();
  if (!grows && sum(profile.backward_end) <= sum(profile.backward)) return;
  state.gradients = true;
  raise(state, profile, profile.backward_end, second_half_of(slice));
}

// Only a level that lasts counts: what a pass frees at the instant at which the next one begins is
// not alive beside it.
void MemoryCurves::add(const Slice& slice) {
  const auto stage = static_cast<std::size_t>(slice.stage);
  if (stage >= states_.size() || slice.end <= slice.start) return;
  State& state = states_[stage];
  const StageMemoryProfile& profile = profiles_[stage];
  switch (slice.kind) {
    case SliceKind::forward:
      add_forward(state, profile, slice);
      break;
    case SliceKind::backward:
    case SliceKind::weight_gradient:
      add_backward(state, profile, slice);
      break;
    case SliceKind::optimizer:
      raise(state, profile, profile.optimizer, instant_of(slice));
      break;
    default:
      return;
  }
  set(state, slice.end, resting(profile, state.held, state.gradients));
}

std::vector<StageMemoryCurve> MemoryCurves::take() {
  std::vector<StageMemoryCurve> curves;
  for (State& state : states_) {
    while (state.curve.points.size() > most_points_) thin(state.curve.points);
    curves.push_back(std::move(state.curve));
  }
  return curves;
}

}  // namespace lockstep
