// What a step consists of, before anything of it is told: the times of its stages and the parts
// that sum to the step.
#pragma once

#include <cstddef>
#include <vector>

#include "sim/engine/pipeline_work.hpp"
#include "sim/engine/stage_time.hpp"
#include "sim/engine/step_timeline.hpp"

namespace lockstep {

struct StepParts {
  std::vector<StageTime> stages;  // of one micro-batch
  std::size_t slowest = 0;        // of them
  StepWork work;                  // what the timeline engine places; its total is the step
  Parts parts;                    // sum to the step

  // The step: positive parts, in the report's order.
  [[nodiscard]] Seconds total() const;
};

// Seconds that stragglers and jitter add to a step of one second.
double straggler_share(const Cluster& cluster, const Software& software);

// Pure; `durations` is a buffer.
StepParts step_parts(const Cluster& cluster, const Plan& plan, const Workload& workload,
                     const StageTimer& timer, const Communication& communication,
                     PipelineDurations& durations);

}  // namespace lockstep
