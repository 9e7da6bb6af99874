#include "strategies/plan.hpp"

#include <algorithm>

#include "strategies/pipeline/schedule.hpp"

namespace lockstep {

bool ends_apart(const Pipeline& pipeline) {
  const Schedule* schedule = find_schedule(pipeline.schedule);
  const std::int64_t last = pipeline.stages * pipeline.interleave - 1;
  return chunk_place(schedule->layout, pipeline.stages, last).stage != 0;
}

std::int64_t resolve_data_degree(const Plan& plan, std::int64_t gpus) {
  if (plan.data > 0) return plan.data;
  const double inner = static_cast<double>(plan.tensor) * static_cast<double>(plan.context.degree) *
                       static_cast<double>(plan.pipeline.stages);
  if (inner > static_cast<double>(gpus)) return 1;
  return std::max<std::int64_t>(1, gpus / static_cast<std::int64_t>(inner));
}

}  // namespace lockstep
