#include "sim/engine/pipeline_response.hpp"

#include <algorithm>
#include <optional>

#include "sim/engine/pipeline_time.hpp"
#include "sim/engine/step_run.hpp"

namespace lockstep {

namespace {

using step_run::kind_index;

double busy(const StageWork& stage) {
  double sum = 0;
  for (const PassCost& chunk : stage.chunks) {
    sum += (chunk.forward + chunk.backward + chunk.weight_gradient).value();
  }
  return sum + (stage.forward_send_blocking + stage.backward_send_blocking).value();
}

// What overlaps with nothing, and the last of its pieces.
double shown(const std::vector<SyncCost>& costs) {
  double sum = 0;
  for (const SyncCost& cost : costs) {
    const double piece = (1.0 - cost.late_share) / static_cast<double>(cost.buckets);
    sum += cost.time.value() * (cost.late_share + piece);
  }
  return sum;
}

}  // namespace

PipelineResponse::PipelineResponse(const StepWork& base) {
  exact_ = step_closed_form(base).has_value();
  if (exact_) return;
  for (std::size_t i = 0; i < base.stages.size(); ++i) {
    if (busy(base.stages[i]) > busy(base.stages[slowest_])) slowest_ = i;
  }
  base_ = sums(base);
  const StepResult result = run_step_settled(base);
  for (std::size_t kind = 0; kind < kinds; ++kind) {
    path_[kind] = result.path.of(static_cast<SliceKind>(kind)).value();
  }
}

PipelineResponse::Sums PipelineResponse::sums(const StepWork& work) const {
  Sums sums{};
  for (std::size_t i = 0; i < work.stages.size(); ++i) {
    const StageWork& stage = work.stages[i];
    const double times = i == slowest_ ? static_cast<double>(work.micro_batches) : 1.0;
    for (const PassCost& chunk : stage.chunks) {
      sums[kind_index(SliceKind::forward)] += times * chunk.forward.value();
      sums[kind_index(SliceKind::backward)] += times * chunk.backward.value();
      sums[kind_index(SliceKind::weight_gradient)] += times * chunk.weight_gradient.value();
    }
    sums[kind_index(SliceKind::transfer)] +=
        times * (stage.forward_send_blocking + stage.backward_send_blocking).value();
    sums[kind_index(SliceKind::parameter_gather)] += shown(stage.gather);
    sums[kind_index(SliceKind::gradient_reduce)] +=
        shown(stage.reduce) + stage.after_reduce.value();
  }
  return sums;
}

Seconds PipelineResponse::total(const StepWork& work) const {
  if (exact_) return step_total(work);
  const Sums now = sums(work);
  double total = 0;
  for (std::size_t kind = 0; kind < kinds; ++kind) {
    total += base_[kind] > 0 ? path_[kind] * now[kind] / base_[kind] : path_[kind];
  }
  Seconds optimizer;
  for (const StageWork& stage : work.stages) optimizer = std::max(optimizer, stage.optimizer);
  return Seconds{total} + optimizer + work.host;
}

}  // namespace lockstep
