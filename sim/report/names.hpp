// The words that text and JSON share for what plans and constants hold.
#pragma once

#include <string>

#include "sim/report/report.hpp"

namespace lockstep {

const char* to_string(Provenance kind);
const char* to_string(Precision precision);
const char* to_string(Optimizer optimizer);
const char* to_string(Sharding sharding);
const char* to_string(Recompute recompute);
const char* to_string(ContextMethod method);
const char* to_string(Override override);

// "tp 8 (sequence parallel) · pp 2 × 5 (1f1b) · dp 4 · optimizer sharded · micro-batch 1 × 128 · selective recompute".
std::string plan_summary(const PlanReport& plan);

}  // namespace lockstep
