#include "sim/engine/timeline.hpp"

#include <algorithm>
#include <limits>

namespace lockstep {

Timeline::Timeline(std::size_t communication_streams, double slowdown)
    : slowdown_(slowdown), free_(communication_streams) {}

Span Timeline::communicate(std::size_t stream, Seconds duration, Seconds ready) {
  Span span;
  span.start = std::max(free_[stream], ready);
  span.end = span.start + duration;
  free_[stream] = span.end;
  if (span.end > now_ && duration > Seconds{}) alive_.push_back(span);
  return span;
}

Seconds Timeline::busy_until(Seconds at) const {
  Seconds end = at;
  for (const Span& span : alive_) {
    if (span.start <= at && span.end > end) end = span.end;
  }
  return end;
}

Seconds Timeline::next_start(Seconds at) const {
  Seconds next{std::numeric_limits<double>::infinity()};
  for (const Span& span : alive_) {
    if (span.start > at) next = std::min(next, span.start);
  }
  return next;
}

void Timeline::forget_before(Seconds at) {
  const auto over = [&](const Span& span) { return span.end <= at; };
  alive_.erase(std::remove_if(alive_.begin(), alive_.end(), over), alive_.end());
}

Span Timeline::compute(Seconds duration, Seconds ready) {
  const double slow = 1.0 - slowdown_;
  Span span;
  span.start = std::max(now_, ready);
  forget_before(span.start);
  Seconds at = span.start;
  Seconds left = duration;
  while (!alive_.empty()) {
    const Seconds shared = busy_until(at);
    if (shared > at) {
      const Seconds work = slow * (shared - at);
      if (work >= left) {
        at += left / slow;
        left = Seconds{};
        break;
      }
      left -= work;
      at = shared;
      continue;
    }
    const Seconds alone = next_start(at) - at;
    if (alone >= left) break;
    left -= alone;
    at += alone;
  }
  span.end = at + left;
  lost_ += span.length() - duration;
  now_ = span.end;
  return span;
}

Overlap overlap(Seconds compute, Seconds communication, double sigma) {
  const Seconds beside = std::min(communication, compute / (1.0 - sigma));
  Overlap result;
  result.slowdown = sigma * beside;
  result.exposed = std::max(Seconds{}, communication - compute - result.slowdown);
  return result;
}

}  // namespace lockstep
