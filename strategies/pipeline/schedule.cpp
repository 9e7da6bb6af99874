#include "strategies/pipeline/schedule.hpp"

#include <array>

#include "strategies/pipeline/registered.hpp"

namespace lockstep {

std::span<const Schedule> schedules() {
  static const std::array<Schedule, 4> table{one_f_one_b, gpipe, zb_h1, zb_v};
  return table;
}

const Schedule* find_schedule(const std::string& name) {
  for (const Schedule& schedule : schedules()) {
    if (name == schedule.name) return &schedule;
  }
  return nullptr;
}

bool accepts_interleave(const Schedule& schedule, std::int64_t interleave) {
  if (schedule.chunks == ChunkRule::any) return interleave >= 1;
  return interleave == (schedule.chunks == ChunkRule::two ? 2 : 1);
}

std::int64_t virtual_stage(ChunkLayout layout, const PipelinePosition& at, std::int64_t chunk) {
  if (layout == ChunkLayout::v_shape && chunk == 1) return 2 * at.stages - 1 - at.stage;
  return chunk * at.stages + at.stage;
}

}  // namespace lockstep
