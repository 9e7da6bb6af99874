// How long a pipeline of stages takes for all micro-batches of a step.
#pragma once

#include <vector>

#include "strategies/pipeline/schedule.hpp"
#include "topology/quantity.hpp"

namespace lockstep {

// Time of one micro-batch on one whole stage; its chunks share it equally.
struct StageCost {
  Seconds forward;
  Seconds backward;
  [[nodiscard]] Seconds total() const { return forward + backward; }
};

// From the start of the first pass to the end of the last one: every pass of every stage starts
// when the stage has done what the schedule puts before it and what it waits for is there. Cost
// O(stages * micro_batches * interleave). Throws std::logic_error if the schedule's orders block
// each other.
Seconds pipeline_time_simulated(const Schedule& schedule, const std::vector<StageCost>& stages,
                                std::int64_t interleave, std::int64_t micro_batches);

// The same, by a closed form where one is exact; else simulated for the first groups of
// micro-batches, after which each further one adds the slowest stage's work.
Seconds pipeline_time(const Schedule& schedule, const std::vector<StageCost>& stages,
                      std::int64_t interleave, std::int64_t micro_batches);

// The closed form of 1F1B. Exact where the slowest stage is the last one (ties count, so equal
// stages qualify); with interleaving where stages are equal and micro-batches a multiple of them.
// Too slow elsewhere.
//   t = m t_slowest + (sum of t - t_slowest) / v
// Narayanan et al. 2021 (arXiv:2104.04473), section 2.2.
Seconds pipeline_closed_form(const std::vector<StageCost>& stages, std::int64_t interleave,
                             std::int64_t micro_batches);
bool closed_form_is_exact(const std::vector<StageCost>& stages, std::int64_t interleave,
                          std::int64_t micro_batches);

// Exact closed form of schedules whose phases are apart: two flow shops, one after the other.
//   t = sum of f + (m - 1) max f + sum of b + (m - 1) max b
Seconds phases_apart_closed_form(const std::vector<StageCost>& stages, std::int64_t micro_batches);

}  // namespace lockstep
