// The time of one optimizer step: what each pipeline stage does, and how the stages fit together.
#pragma once

#include <string>
#include <vector>

#include "scenarios/scenario.hpp"
#include "sim/engine/stage_time.hpp"
#include "sim/engine/step_timeline.hpp"
#include "strategies/workload.hpp"

namespace lockstep {

// One line of the partition of the step. All lines sum to the step time.
struct PartitionLine {
  std::string name;  // stable: "linear GEMM, forward and backward"
  Seconds time;
  std::string bound_by;  // "tensor cores", "HBM", "NVLink", "NIC", "host", "pipeline", ""
  std::string detail;    // "71 % of peak", "of 10.4 s in all"
};

// The name of a part's line.
const char* line_name(StepPart part);

// Something that the step waits for, and how long. All causes sum to the step time.
struct BoundCause {
  std::string name;
  Seconds time;
};

struct StepTime {
  Seconds total;
  std::vector<PartitionLine> partition;
  std::vector<CollectiveUse> collectives;
  std::vector<BoundCause> causes;  // largest first
  std::vector<StageTime> stages;   // of one micro-batch
  StepWork work;                   // what the timeline engine places; its total is the step
  std::string bound;  // what bounds the step, in words of the field: "tensor cores", "NIC: gradient
                      // all-reduce" …
};

// Pure. Cost does not depend on the number of GPUs.
StepTime step_time(const Cluster& cluster, const Plan& plan, const Workload& workload);

}  // namespace lockstep
