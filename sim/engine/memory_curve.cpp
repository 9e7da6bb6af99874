#include "sim/engine/memory_curve.hpp"

#include <algorithm>

namespace lockstep {

namespace {

double sum(const std::vector<MemoryShare>& shares) {
  double bytes = 0;
  for (const MemoryShare& share : shares) bytes += share.bytes;
  return bytes;
}

void add_to(std::vector<MemoryShare>& shares, const std::string& name, double bytes) {
  if (bytes <= 0) return;
  const auto known = std::find_if(shares.begin(), shares.end(),
                                  [&](const MemoryShare& share) { return share.name == name; });
  if (known == shares.end()) {
    shares.push_back({name, bytes});
  } else {
    known->bytes += bytes;
  }
}

bool is_pass(SliceKind kind) {
  return kind == SliceKind::forward || kind == SliceKind::backward ||
         kind == SliceKind::weight_gradient;
}

}  // namespace

MemoryCurves::MemoryCurves(const std::vector<StageMemoryProfile>& profiles, bool splits_backward,
                           std::size_t most_points)
    : profiles_(profiles),
      splits_backward_(splits_backward),
      most_points_(std::max<std::size_t>(most_points, 2)),
      states_(profiles.size()) {
  for (std::size_t i = 0; i < profiles.size(); ++i) {
    State& state = states_[i];
    state.always = sum(profiles[i].always);
    state.gradients = sum(profiles[i].gradients);
    state.forward = sum(profiles[i].forward);
    state.backward = sum(profiles[i].backward);
    state.loss = sum(profiles[i].loss);
    set(state, 0, state.always);
    state.curve.peak.bytes = state.always;
    state.curve.peak.holders = holders(state, profiles[i], {});
  }
}

std::vector<MemoryShare> MemoryCurves::holders(const State& state,
                                               const StageMemoryProfile& profile,
                                               const std::vector<MemoryShare>& workspace) {
  std::vector<MemoryShare> shares;
  for (const MemoryShare& share : profile.always) add_to(shares, share.name, share.bytes);
  if (state.backward_begun) {
    for (const MemoryShare& share : profile.gradients) add_to(shares, share.name, share.bytes);
  }
  add_to(shares, "activations", state.held);
  for (const MemoryShare& share : workspace) add_to(shares, share.name, share.bytes);
  return shares;
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

// Only a level that lasts counts: what a pass frees at the instant at which the next one begins is
// not alive beside it.
void MemoryCurves::add(const Slice& slice) {
  const auto stage = static_cast<std::size_t>(slice.stage);
  if (!is_pass(slice.kind) || stage >= states_.size() || slice.end <= slice.start) return;
  State& state = states_[stage];
  const StageMemoryProfile& profile = profiles_[stage];
  const auto chunk = static_cast<std::size_t>(slice.chunk);
  const double activation = chunk < profile.activations.size() ? profile.activations[chunk] : 0;
  const bool forward = slice.kind == SliceKind::forward;
  const bool loss = forward && slice.chunk == profile.loss_chunk;
  if (forward) {
    state.held += activation;
    ++state.passes_held;
  } else {
    state.backward_begun = true;
  }
  const std::vector<MemoryShare>& workspace =
      loss ? profile.loss : (forward ? profile.forward : profile.backward);
  const double working = loss ? state.loss : (forward ? state.forward : state.backward);
  const double resting = state.always + (state.backward_begun ? state.gradients : 0);
  set(state, slice.start, resting + state.held + working);
  MemoryPeak& peak = state.curve.peak;
  if (resting + state.held + working > peak.bytes) {
    peak = {slice.start,
            resting + state.held + working,
            true,
            loss,
            slice.kind,
            slice.chunk,
            slice.micro_batch,
            state.passes_held,
            holders(state, profile, workspace)};
  }
  const SliceKind last = splits_backward_ ? SliceKind::weight_gradient : SliceKind::backward;
  if (slice.kind == last) {
    --state.passes_held;
    state.held = state.passes_held == 0 ? 0 : state.held - activation;
  }
  set(state, slice.end, resting + state.held);
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
