// The lines of the partition of a step.
#pragma once

#include <array>
#include <cstddef>

#include "strategies/workload.hpp"
#include "topology/quantity.hpp"

namespace lockstep {

// In the order of the report.
enum class StepPart {
  linear,
  linear_recompute,
  attention,
  elementwise,
  ends,
  slowdown,
  tensor_exposed,
  context_exposed,
  expert_exposed,
  fsdp_exposed,
  copy_exposed,
  pipeline_exposed,
  bubble,
  data_exposed,
  optimizer,
  host_launch,
  host_sync,
  host_step,
  stragglers,
  count
};

// The line of an op.
StepPart part_of(const Op& op, bool recompute);
// The line of an exposed collective inside a layer.
StepPart part_of(CommRole role);

class Parts {
 public:
  Seconds& operator[](StepPart part) { return values_[static_cast<std::size_t>(part)]; }
  Seconds operator[](StepPart part) const { return values_[static_cast<std::size_t>(part)]; }
  [[nodiscard]] Seconds total() const;
  // Of it, kernels: what communication beside it can slow.
  [[nodiscard]] Seconds compute() const;
  void add(const Parts& other, double times = 1.0);

 private:
  std::array<Seconds, static_cast<std::size_t>(StepPart::count)> values_{};
};

}  // namespace lockstep
