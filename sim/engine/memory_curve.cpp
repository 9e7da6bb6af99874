#include "sim/engine/memory_curve.hpp"

#include <algorithm>

namespace lockstep {

namespace {

double sum(const std::vector<MemoryShare>& shares) {
  double bytes = 0;
  for (const MemoryShare& share : shares) bytes += share.bytes;
  return bytes;
}

const std::vector<MemoryShare>& shares_of(const StageMemoryProfile& profile, Workspace workspace) {
  static const std::vector<MemoryShare> nothing;
  switch (workspace) {
    case Workspace::forward:
      return profile.forward;
    case Workspace::loss:
      return profile.loss;
    case Workspace::backward:
      return profile.backward;
    case Workspace::backward_end:
      return profile.backward_end;
    case Workspace::optimizer:
      return profile.optimizer;
    case Workspace::none:
      break;
  }
  return nothing;
}

MemoryPoint level(const StageMemoryProfile& profile, double time, double held, bool gradients,
                  Workspace workspace) {
  const double resting = sum(profile.always) + (gradients ? sum(profile.gradients) : 0) + held;
  return {time, resting + sum(shares_of(profile, workspace)), held, gradients, workspace};
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

std::vector<MemoryShare> shares_at(const StageMemoryProfile& profile, const MemoryPoint& point) {
  std::vector<MemoryShare> shares;
  const auto add = [&](const std::vector<MemoryShare>& more) {
    for (const MemoryShare& share : more) add_share(shares, share.name, share.bytes);
  };
  add(profile.always);
  if (point.gradients) add(profile.gradients);
  add_share(shares, "activations", point.activations);
  add(shares_of(profile, point.workspace));
  return shares;
}

MemoryCurves::MemoryCurves(const std::vector<StageMemoryProfile>& profiles, bool splits_backward,
                           std::size_t most_points)
    : profiles_(profiles),
      splits_backward_(splits_backward),
      most_points_(std::max<std::size_t>(most_points, 2)),
      states_(profiles.size()) {
  for (std::size_t i = 0; i < profiles.size(); ++i) raise(states_[i], profiles[i], Workspace::none, {});
}

void MemoryCurves::raise(State& state, const StageMemoryProfile& profile, Workspace workspace,
                         MemoryPeak peak) const {
  const MemoryPoint point = level(profile, peak.time, state.held, state.gradients, workspace);
  peak.bytes = point.bytes;
  set(state, point);
  if (peak.bytes <= state.curve.peak.bytes) return;
  peak.holders = shares_at(profile, point);
  peak.passes_held = state.passes_held;
  state.curve.peak = std::move(peak);
}

void MemoryCurves::thin(std::vector<MemoryPoint>& points) const {
  std::size_t kept = 0;
  for (std::size_t i = 0; i < points.size(); i += 2) {
    const bool second = i + 1 < points.size() && points[i + 1].bytes > points[i].bytes;
    MemoryPoint larger = points[second ? i + 1 : i];
    larger.time = points[i].time;
    points[kept++] = larger;
  }
  points.resize(kept);
}

void MemoryCurves::set(State& state, const MemoryPoint& point) const {
  std::vector<MemoryPoint>& points = state.curve.points;
  if (!points.empty() && points.back().time == point.time) {
    points.back() = point;
    return;
  }
  if (!points.empty() && points.back().bytes == point.bytes) return;
  if (points.size() >= 2 * most_points_) thin(points);
  points.push_back(point);
}

void MemoryCurves::add_forward(State& state, const StageMemoryProfile& profile,
                               const Slice& slice) const {
  state.held += activation_of(profile, slice);
  ++state.passes_held;
  raise(state, profile, Workspace::forward, instant_of(slice));
  if (slice.chunk != profile.loss_chunk) return;
  MemoryPeak instant = second_half_of(slice);
  instant.loss = true;
  raise(state, profile, Workspace::loss, instant);
}

void MemoryCurves::add_backward(State& state, const StageMemoryProfile& profile,
                                const Slice& slice) const {
  raise(state, profile, Workspace::backward, instant_of(slice));
  const SliceKind last = splits_backward_ ? SliceKind::weight_gradient : SliceKind::backward;
  if (slice.kind == last) {
    --state.passes_held;
    state.held = state.passes_held == 0 ? 0 : state.held - activation_of(profile, slice);
  }
  const bool grows = !state.gradients && !profile.gradients.empty();
  if (!grows && sum(profile.backward_end) <= sum(profile.backward)) return;
  state.gradients = true;
  raise(state, profile, Workspace::backward_end, second_half_of(slice));
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
      raise(state, profile, Workspace::optimizer, instant_of(slice));
      break;
    default:
      return;
  }
  set(state, level(profile, slice.end, state.held, state.gradients, Workspace::none));
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
