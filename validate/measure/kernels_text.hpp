// What `lockstep validate kernels` prints.
#pragma once

#include <string>
#include <vector>

#include "validate/measure/measurement.hpp"

namespace lockstep {

// Tables of at most 100 columns: products, memory-bound kernels, copies, launches, overlap; then
// what was left out and why. `catalog_gpu`: "" where the catalog has none of that name.
std::string kernels_text(const Measurement& measurement, const std::string& catalog_gpu,
                         const std::vector<std::string>& left_out);

}  // namespace lockstep
