// Runs the tasks of a small step on the GPUs of this process, one host thread per GPU.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "validate/measure/measurement.hpp"
#include "validate/measure/small_step.hpp"
#include "validate/measure/sweep.hpp"
#include "validate/step/step_collectives.hpp"

namespace lockstep {

struct StepRunResult {
  RepeatedTime time;              // of the slowest GPU, without instruments
  std::vector<MeasuredTerm> terms;  // measured_s filled, sum to time.median_s
};

// Measures the step in three ways: whole; with an event after every wait and every op; and the same
// without collectives. From these,
//   an op's line       = its time without collectives
//   slowdown           = ops with collectives - ops without
//   a wait's line      = from the op before to the end of the wait
//   "between kernels"  = the whole step - all of the above: launch gaps, less what events cost.
// `collectives` may be null where the tasks have none. Throws MeasurementError, Unavailable.
StepRunResult run_small_step(const CudaRuntime& cuda, const SmallStep& step,
                             const std::vector<StepTask>& tasks, StepCollectives* collectives,
                             const std::string& library_folder, const SweepOptions& options);

}  // namespace lockstep
