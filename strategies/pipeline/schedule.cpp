#include "strategies/pipeline/schedule.hpp"

#include <algorithm>
#include <array>

#include "strategies/pipeline/registered.hpp"

namespace lockstep {

std::span<const Schedule> schedules() {
  static const std::array<Schedule, 2> table{one_f_one_b, gpipe};
  return table;
}

const Schedule* find_schedule(const std::string& name) {
  for (const Schedule& schedule : schedules()) {
    if (name == schedule.name) return &schedule;
  }
  return nullptr;
}

std::vector<ChunkPass> grouped_passes(const PipelinePosition& at, bool backward) {
  std::vector<ChunkPass> passes;
  passes.reserve(static_cast<std::size_t>(at.micro_batches * at.interleave));
  for (std::int64_t first = 0; first < at.micro_batches; first += at.stages) {
    const std::int64_t end = std::min(first + at.stages, at.micro_batches);
    for (std::int64_t chunk = 0; chunk < at.interleave; ++chunk) {
      for (std::int64_t micro_batch = first; micro_batch < end; ++micro_batch) {
        passes.push_back({backward ? at.interleave - 1 - chunk : chunk, micro_batch, backward});
      }
    }
  }
  return passes;
}

}  // namespace lockstep
