// What the catalog and the uncalibrated model say about a kernel on a GPU.
#pragma once

#include <optional>
#include <string>

#include "scenarios/aliases.hpp"
#include "scenarios/scenario.hpp"
#include "validate/measure/kernel_list.hpp"

namespace lockstep {

// The GPU of the catalog that the driver's name means ("NVIDIA H100 80GB HBM3"); none where the
// catalog has no such GPU.
std::optional<Gpu> gpu_of_name(const std::string& device_name, const Catalog& catalog,
                               const Aliases& aliases);

// Seconds; no time for a type that the GPU has not.
std::optional<double> predicted_time(const Gpu& gpu, const ListedGemm& gemm);
double predicted_time(const Gpu& gpu, const ListedMemoryOp& op, double bytes);

}  // namespace lockstep
