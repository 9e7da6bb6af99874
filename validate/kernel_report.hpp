// What the fit of kernel tables is printed and written as.
#pragma once

#include <string>

#include "validate/kernel_fit.hpp"

namespace lockstep {

// Error tables and constants, 100 columns.
std::string kernel_fit_text(const KernelFit& fit);

// scenarios/calibrations/kernels.yaml: the same bytes for the same fit.
std::string kernel_fit_yaml(const KernelFit& fit);

std::string kernel_fit_json(const KernelFit& fit);

}  // namespace lockstep
