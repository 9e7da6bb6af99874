// The timeline of one rank: tasks placed on streams in the order in which the host issues them.
// A stream runs its tasks one after the other; a task starts when its stream is free and what it
// waits for is done. Deterministic; a task costs O(communications that run beside it).
#pragma once

#include <cstddef>
#include <vector>

#include "topology/quantity.hpp"

namespace lockstep {

struct Span {
  Seconds start;
  Seconds end;
  [[nodiscard]] Seconds length() const { return end - start; }
};

class Timeline {
 public:
  // Communication streams beside one compute stream. `slowdown`: seconds of compute lost per second
  // that a communication runs beside it, below 1.
  Timeline(std::size_t communication_streams, double slowdown);

  // A transfer or collective on a communication stream, not before `ready`.
  Span communicate(std::size_t stream, Seconds duration, Seconds ready);

  // Compute on its own stream, not before `ready`. While communications placed so far run, it
  // advances at 1 - slowdown; several at once slow it no more than one.
  Span compute(Seconds duration, Seconds ready);

  // When the compute stream is free.
  [[nodiscard]] Seconds now() const { return now_; }
  // Compute time lost to communications so far.
  [[nodiscard]] Seconds lost() const { return lost_; }

 private:
  // The end of the stretch from `at` on in which some communication runs, or `at` if none does.
  [[nodiscard]] Seconds busy_until(Seconds at) const;
  // When the next communication starts after `at`; infinite if none does.
  [[nodiscard]] Seconds next_start(Seconds at) const;
  void forget_before(Seconds at);

  double slowdown_;
  Seconds now_;
  Seconds lost_;
  std::vector<Seconds> free_;  // of each communication stream
  std::vector<Span> alive_;    // communications that may still run beside compute
};

// One unit of compute beside communication that starts with it, as under FSDP prefetch:
//   t = max(W + sigma min(C, W / (1 - sigma)), C)
// What Timeline gives for one compute task and one communication; W, C >= 0.
struct Overlap {
  Seconds slowdown;  // compute lost
  Seconds exposed;   // communication that outlasts compute
};
Overlap overlap(Seconds compute, Seconds communication, double sigma);

}  // namespace lockstep
