// What the step timeline places: a plan's passes, transfers and data-parallel communication.
#pragma once

#include "sim/engine/step_timeline.hpp"
#include "strategies/workload.hpp"

namespace lockstep {

// Times of one step of a legal plan. Pure.
StepWork step_work(const Cluster& cluster, const Plan& plan, const Workload& workload);

}  // namespace lockstep
