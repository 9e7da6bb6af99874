#include "strategies/pipeline/schedule.hpp"

#include <array>

#include "strategies/pipeline/registered.hpp"

namespace lockstep {

std::span<const Schedule> schedules() {
  static const std::array table{
      one_f_one_b,
      gpipe,
      zb_h1,
      zb_v,
  };
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

std::int64_t virtual_stage(ChunkLayout layout, std::int64_t stages, const ChunkPlace& place) {
  const bool back = layout == ChunkLayout::v_shape && place.chunk == 1;
  return place.chunk * stages + (back ? stages - 1 - place.stage : place.stage);
}

ChunkPlace chunk_place(ChunkLayout layout, std::int64_t stages, std::int64_t virtual_stage) {
  const ChunkPlace place{virtual_stage % stages, virtual_stage / stages};
  if (layout == ChunkLayout::v_shape && place.chunk == 1) return {stages - 1 - place.stage, 1};
  return place;
}

}  // namespace lockstep
