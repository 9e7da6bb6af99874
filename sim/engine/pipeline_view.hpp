// A step of a pipeline as its total is computed from: made of a StepWork or of a PipelineWork.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "sim/engine/pipeline_work.hpp"

namespace lockstep {

// Points into the work that it was made of. Made anew in place, so that a search allocates nothing.
struct PipelineView {
  const Schedule* schedule = nullptr;
  std::int64_t interleave = 1;
  std::int64_t micro_batches = 1;
  std::vector<const StageWork*> stages;
  std::vector<PipelineWork::Sends> sends;  // of each stage; those of `stages` are not read
  Seconds host;

  // Throw std::logic_error where the work contradicts itself.
  void look_at(const StepWork& work);
  void look_at(const PipelineWork& work);
};

// The slowest stage's optimizer and the host's work, which end every step.
Seconds ends_of_step(const PipelineView& work);

// As step_closed_form().
std::optional<Seconds> closed_form(const PipelineView& work);

// The work written out.
StepWork expanded(const PipelineView& work);

}  // namespace lockstep
