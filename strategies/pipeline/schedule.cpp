#include "strategies/pipeline/schedule.hpp"

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

}  // namespace lockstep
