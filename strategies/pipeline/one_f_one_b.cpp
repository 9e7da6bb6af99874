// 1F1B: one forward, one backward. A stage starts a backward as soon as it can, so that it holds
// few activations. With interleave > 1 it is the interleaved schedule of interleaved_1f1b.cpp.
//
//   bubble    = (p - 1)(f + b), which is (p - 1)/(m + p - 1) of the step
//   in flight = min(m, p - i) on stage i
//
// Narayanan et al. 2019 (PipeDream-flush) and 2021 (arXiv:2104.04473), section 2.1. Holds for equal
// stages and any m.
#include <algorithm>

#include "strategies/pipeline/alternating.hpp"
#include "strategies/pipeline/interleaved.hpp"
#include "strategies/pipeline/registered.hpp"

namespace lockstep {

namespace {

std::unique_ptr<PassOrder> order(const PipelinePosition& at) {
  if (at.interleave > 1) return interleaved_order(at);
  return alternating_order(at, at.stages - at.stage - 1);
}

double in_flight(const PipelinePosition& at) {
  if (at.interleave > 1) return interleaved_in_flight(at);
  return static_cast<double>(std::min(at.stages - at.stage, at.micro_batches));
}

std::optional<Seconds> bubble(const PipelinePosition& at, const PassCost& chunk) {
  if (at.interleave > 1) return interleaved_bubble(at, chunk);
  return static_cast<double>(at.stages - 1) * (chunk.forward + chunk.backward);
}

}  // namespace

const Schedule one_f_one_b{
    "1f1b",
    "one forward one backward; with interleave > 1 each stage holds several model chunks",
    "Narayanan et al. 2021 (arXiv:2104.04473) section 2.2; Korthikanti et al. 2022 "
    "(arXiv:2205.05198) section 4",
    ChunkRule::any,
    ChunkLayout::round_robin,
    false,
    &order,
    &in_flight,
    &bubble,
    "(p − 1)(F + B)"};

}  // namespace lockstep
