// How long a pipeline takes when the times of its tasks move a little, without placing its tasks
// again. Where the schedule has a closed form, that; else the tangent of the engine's result: the
// end of the step is a maximum over chains of tasks, so near the base it is the sum over the chain
// that decides,
//   T(x) = sum over kinds k of C_k r_k(x)
// with C_k the time of kind k on the critical path of the base and r_k the ratio of what tasks of
// that kind take now, the slowest stage's counted once per micro-batch and the others' once (the
// steady state runs at the pace of the slowest; filling and draining pass each stage).
// Exact where all tasks move alike; never above the engine's result where the ratios are exact
// (a maximum of linear functions is convex). Ignores that another chain may take over.
#pragma once

#include <array>
#include <cstddef>

#include "sim/engine/step_timeline.hpp"

namespace lockstep {

class PipelineResponse {
 public:
  // Of the work as it is at the base; runs the engine where there is no closed form.
  explicit PipelineResponse(const StepWork& base);

  // Work of the same shape with other times.
  [[nodiscard]] Seconds total(const StepWork& work) const;
  [[nodiscard]] bool exact() const { return exact_; }

 private:
  static constexpr auto kinds = static_cast<std::size_t>(SliceKind::optimizer);
  using Sums = std::array<double, kinds>;  // by SliceKind, up to the reductions
  [[nodiscard]] Sums sums(const StepWork& work) const;

  bool exact_ = true;
  std::size_t slowest_ = 0;
  Sums base_{};
  Sums path_{};
};

}  // namespace lockstep
