// The version of NVIDIA's driver, as the kernel module tells it.
#pragma once

#include <string>

namespace lockstep {

// "580.82.07"; "" where the file says nothing of the kind.
std::string driver_version(const std::string& file = "/proc/driver/nvidia/version");

}  // namespace lockstep
