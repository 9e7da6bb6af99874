// The ops and their roofs as a table, and the conventions of MFU as a list.
#pragma once

#include <string>

#include "sim/report/render.hpp"

namespace lockstep {

// One row for each line of the partition that computes.
std::string roofs_text(const PlanReport& plan, const TextOptions& options);

// One row for each op.
std::string ops_text(const PlanReport& plan, const TextOptions& options);

// The step's FLOPs as others count them, and the utilisation that follows.
std::string conventions_text(const Report& report, const PlanReport& plan,
                             const TextOptions& options);

}  // namespace lockstep
