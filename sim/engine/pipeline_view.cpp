#include "sim/engine/pipeline_view.hpp"

#include <algorithm>
#include <stdexcept>

namespace lockstep {

namespace {

PipelineWork::Sends sends_of(const StageWork& stage) {
  return {stage.forward_send_blocking.value(), stage.forward_send_hidden.value(),
          stage.backward_send_blocking.value(), stage.backward_send_hidden.value()};
}

}  // namespace

void PipelineView::look_at(const StepWork& work) {
  check(work);
  schedule = work.schedule;
  interleave = work.interleave;
  micro_batches = work.micro_batches;
  host = work.host;
  stages.clear();
  sends.clear();
  for (const StageWork& stage : work.stages) {
    stages.push_back(&stage);
    sends.push_back(sends_of(stage));
  }
}

void PipelineView::look_at(const PipelineWork& work) {
  check(work);
  schedule = work.schedule;
  interleave = work.interleave;
  micro_batches = work.micro_batches;
  host = work.host;
  stages.clear();
  for (const std::uint16_t kind : work.kind_of) stages.push_back(&work.kinds[kind]);
  sends = work.sends;
}

Seconds ends_of_step(const PipelineView& work) {
  Seconds optimizer;
  for (const StageWork* stage : work.stages) optimizer = std::max(optimizer, stage->optimizer);
  return optimizer + work.host;
}

StepWork expanded(const PipelineView& work) {
  StepWork step;
  step.schedule = work.schedule;
  step.interleave = work.interleave;
  step.micro_batches = work.micro_batches;
  step.host = work.host;
  for (std::size_t i = 0; i < work.stages.size(); ++i) {
    StageWork stage = *work.stages[i];
    const PipelineWork::Sends& sends = work.sends[i];
    stage.forward_send_blocking = Seconds{sends.forward_blocking};
    stage.forward_send_hidden = Seconds{sends.forward_hidden};
    stage.backward_send_blocking = Seconds{sends.backward_blocking};
    stage.backward_send_hidden = Seconds{sends.backward_hidden};
    step.stages.push_back(std::move(stage));
  }
  return step;
}

}  // namespace lockstep
