// The lines of the partition of a step.
#pragma once

#include <array>
#include <cstddef>

#include "strategies/workload.hpp"
#include "topology/quantity.hpp"

namespace lockstep {

// In the order of the report.
enum class Part {
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
Part part_of(const Op& op, bool recompute);
// The line of an exposed collective inside a layer.
Part part_of(CommRole role);

class Parts {
 public:
  Seconds& operator[](Part part) { return values_[static_cast<std::size_t>(part)]; }
  Seconds operator[](Part part) const { return values_[static_cast<std::size_t>(part)]; }
  [[nodiscard]] Seconds total() const;
  void add(const Parts& other, double times = 1.0);

 private:
  std::array<Seconds, static_cast<std::size_t>(Part::count)> values_{};
};

}  // namespace lockstep
