// Interleaved 1F1B: v chunks per stage, round robin, so that a micro-batch comes by v times and the
// pipeline fills after 1/v of a stage's work. Costs v times the transfers.
//
//   bubble    = (p - 1)(f + b), f and b of one chunk: 1/v of 1F1B's, (p - 1)/(v m) of the work
//   in flight = p (1 + (p - 1)/(p v)) on stage 0, in whole stages
//
// Narayanan et al. 2021 (arXiv:2104.04473), section 2.2; Korthikanti et al. 2022
// (arXiv:2205.05198), section 4.2. The bubble holds for equal chunks and m a multiple of p; other m
// run too, in groups as alternating.hpp says, with a larger bubble.
#include "strategies/pipeline/interleaved.hpp"

#include <algorithm>

#include "strategies/pipeline/alternating.hpp"

namespace lockstep {

namespace {

// Forward passes before the first pair, as Megatron-LM's interleaved schedule warms up:
// 2 (p - i - 1) + (v - 1) p. With groups of other sizes than p the first one takes the place of p,
// as in PyTorch's ScheduleInterleaved1F1B.
std::int64_t warmup(const PipelinePosition& at) {
  return 2 * (at.stages - at.stage - 1) + (at.interleave - 1) * first_group(at);
}

}  // namespace

std::unique_ptr<PassOrder> interleaved_order(const PipelinePosition& at) {
  return alternating_order(at, warmup(at));
}

// The warm-up and one more pass; a chunk is 1/v of the stage.
double interleaved_in_flight(const PipelinePosition& at) {
  const std::int64_t passes = std::min(warmup(at) + 1, at.micro_batches * at.interleave);
  return static_cast<double>(passes) / static_cast<double>(at.interleave);
}

std::optional<Seconds> interleaved_bubble(const PipelinePosition& at, const PassCost& chunk) {
  if (at.micro_batches % at.stages != 0) return std::nullopt;
  return static_cast<double>(at.stages - 1) * (chunk.forward + chunk.backward);
}

}  // namespace lockstep
