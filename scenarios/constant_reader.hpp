// A constant of a file: {value, kind, spread, source, fit}, or outside the catalog a bare quantity.
#pragma once

#include <string>
#include <vector>

#include "scenarios/fields.hpp"
#include "scenarios/fitted.hpp"
#include "scenarios/node.hpp"

namespace lockstep {

// Reads the value of `entry`. In a catalog file every constant says where it comes from; elsewhere a bare
// quantity is an assumption of whoever wrote it, with spread 0. One that names a parameter of
// `fitted` is moved by it; a value that --set gives stays as it is.
void read_constant(const Entry& entry, const std::string& path, Dimension dimension, Range range,
                   const FittedParameters& fitted, ConstantBase& constant, std::vector<Diagnostic>& problems);

}  // namespace lockstep
