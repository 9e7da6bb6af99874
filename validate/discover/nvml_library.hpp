// The GPUs of this machine as NVML tells them.
#pragma once

#include <string>

#include "validate/discover/node_facts.hpp"

namespace lockstep {

// Loads libnvidia-ml.so.1, from `folder` first where that is not "". Functions that an old driver
// lacks and GPUs that do not answer become remarks. Throws Unavailable where there is no library,
// no driver or a function without which nothing can be told; MeasurementError where the driver
// fails otherwise. `date` is only noted.
NvmlFacts read_nvml(const std::string& folder, const std::string& date);

}  // namespace lockstep
