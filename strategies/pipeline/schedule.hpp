// Pipeline schedules, one .cpp file each, listed in one table.
#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace lockstep {

// Where one stage stands in a pipeline, and how much runs through it.
struct PipelinePosition {
  std::int64_t stage = 0;  // from 0
  std::int64_t stages = 1;
  std::int64_t interleave = 1;  // model chunks per stage
  std::int64_t micro_batches = 1;
};

struct Schedule {
  const char* name;
  const char* description;
  const char* source;
  bool interleaves;  // accepts interleave > 1
  // Most micro-batches whose activations a stage holds at once, in whole-stage equivalents.
  double (*in_flight)(const PipelinePosition&);
};

std::span<const Schedule> schedules();

// The schedule of that name; null if there is none.
const Schedule* find_schedule(const std::string& name);

}  // namespace lockstep
