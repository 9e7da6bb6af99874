// FLOPs of a step as papers and logs count them. MFU and HFU of the report are the first and the
// second; the others are for comparing with published numbers.
#pragma once

#include <string>
#include <vector>

#include "sim/report/report.hpp"

namespace lockstep {

struct FlopConvention {
  const char* key = "";      // in JSON
  const char* name = "";     // in text
  const char* meaning = "";  // what is counted
  double flops = 0;          // of a step, all GPUs
  double utilization = 0;    // flops / (step time x GPUs x peak of the linears' type)
};

// model, hardware, six_n, palm; megatron_2021 for dense models whose MLP is 4 h wide without a
// gate, with as many key and value heads as heads, which is what its formula is for. Empty where
// the step never ends.
std::vector<FlopConvention> flop_conventions(const Report& report, const PlanReport& plan);

// Parameters that a token meets: of the routed experts top_k. Table and head included, once if
// tied.
double active_parameters(const Model& model);

}  // namespace lockstep
