// What the search knows of a plan: the three numbers that objectives and constraints are made of.
#pragma once

#include <cstdint>

namespace lockstep {

struct PlanCosts {
  double step_time_s = 0;           // infinite where its collectives have no route
  double peak_memory_bytes = 0;     // reserved on the fullest GPU: what must fit
  double peak_allocated_bytes = 0;
  double host_bytes = 0;  // of host memory, of the GPU that offloads the most
};

}  // namespace lockstep
