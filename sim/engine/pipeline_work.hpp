// A step of a pipeline whose stages are mostly alike: what search times by the million.
#pragma once

#include <cstdint>
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

// Every stage written out.
StepWork expanded(const PipelineWork& work);

// Buffers and tables (orders of passes by schedule, stages, interleave and micro-batches) kept from
// one call to the next. One per thread.
class PipelineDurations {
 public:
  PipelineDurations();
  ~PipelineDurations();
  PipelineDurations(const PipelineDurations&) = delete;
  PipelineDurations& operator=(const PipelineDurations&) = delete;

  // Seconds of the step: step_total(expanded(work)) to 1e-9, without the slices and chains that a
  // timeline keeps.
  Seconds total(const PipelineWork& work);

  // Never more than total(), and far cheaper: for every stage s, what the first micro-batch needs to
  // reach its first chunk, all of its own passes, and what the last one needs to get back:
  //   sum over i < s of (f_i + b_i of the first chunk) + m (sum over chunks of f + b + w of s)
  // plus the optimizer and the host's work. Holds for every schedule in which the model's first
  // chunks lie on stages 0 to p - 1 in order.
  static Seconds least(const PipelineWork& work);

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace lockstep
