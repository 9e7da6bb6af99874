// A step of a pipeline whose stages are mostly alike: what search times by the million.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "sim/engine/step_timeline.hpp"

namespace lockstep {

// The same as StepWork, with stages that do the same written once.
struct PipelineWork {
  const Schedule* schedule = nullptr;
  std::int64_t interleave = 1;
  std::int64_t micro_batches = 1;
  std::vector<StageWork> kinds;        // their transfers are not read
  std::vector<std::uint16_t> kind_of;  // of each stage
  // Transfers of each stage, as in StageWork.
  struct Sends {
    double forward_blocking = 0;
    double forward_hidden = 0;
    double backward_blocking = 0;
    double backward_hidden = 0;
  };
  std::vector<Sends> sends;
  Seconds host;
};

// Throws std::logic_error if `work` contradicts itself.
void check(const PipelineWork& work);

// Every stage written out.
StepWork expanded(const PipelineWork& work);

// Buffers kept from one call to the next: one per thread. What of a schedule does not depend on any
// duration is kept for all of them together, in 24 MB.
class PipelineDurations {
 public:
  PipelineDurations();
  ~PipelineDurations();
  PipelineDurations(const PipelineDurations&) = delete;
  PipelineDurations& operator=(const PipelineDurations&) = delete;

  // Seconds of the step: run_step(expanded(work)).total to 1e-9, without the slices and chains that
  // a timeline keeps. Throw std::logic_error if `work` contradicts itself.
  Seconds total(const PipelineWork& work);
  Seconds total(const StepWork& work);

  // Never more than total(), in O(stages * interleave): see step_least.cpp.
  Seconds least(const PipelineWork& work);

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace lockstep
