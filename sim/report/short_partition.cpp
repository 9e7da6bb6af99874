#include "sim/report/short_partition.hpp"

#include <string_view>

#include "sim/engine/parts.hpp"

namespace lockstep {

namespace {

double& share_of(ShortPartition& shares, StepPart part) {
  switch (part) {
    case StepPart::linear:
    case StepPart::linear_recompute:
    case StepPart::attention:
    case StepPart::elementwise:
    case StepPart::ends:
      return shares.compute;
    case StepPart::slowdown:
    case StepPart::tensor_exposed:
    case StepPart::context_exposed:
    case StepPart::expert_exposed:
    case StepPart::fsdp_exposed:
    case StepPart::copy_exposed:
    case StepPart::pipeline_exposed:
    case StepPart::data_exposed:
      return shares.communication;
    case StepPart::bubble:
      return shares.bubble;
    case StepPart::optimizer:
    case StepPart::host_launch:
    case StepPart::host_sync:
    case StepPart::host_step:
    case StepPart::stragglers:
    case StepPart::count:
      break;
  }
  return shares.rest;
}

StepPart part_named(std::string_view name) {
  for (std::size_t i = 0; i < static_cast<std::size_t>(StepPart::count); ++i) {
    const auto part = static_cast<StepPart>(i);
    if (name == line_name(part)) return part;
  }
  return StepPart::count;
}

}  // namespace

ShortPartition short_partition(const PlanReport& plan) {
  ShortPartition shares;
  double sum = 0;
  for (const PartitionLine& line : plan.step.partition) sum += line.time.value();
  if (!(sum > 0)) return shares;
  for (const PartitionLine& line : plan.step.partition) {
    share_of(shares, part_named(line.name)) += line.time.value() / sum;
  }
  return shares;
}

}  // namespace lockstep
