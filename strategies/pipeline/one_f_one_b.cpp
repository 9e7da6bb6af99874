// One forward, one backward: a stage starts a backward as soon as it can, so that it holds few
// activations.
#include <algorithm>

#include "strategies/pipeline/registered.hpp"

namespace lockstep {

namespace {

// Forward passes before the first backward. Without interleaving p - i - 1; with v chunks
// 2(p - i - 1) + (v - 1) p, as Megatron-LM's interleaved schedule warms up.
std::int64_t warmup(const PipelinePosition& at) {
  const std::int64_t behind = at.stages - at.stage - 1;
  const std::int64_t wanted =
      at.interleave > 1 ? 2 * behind + (at.interleave - 1) * at.stages : behind;
  return std::min(wanted, at.micro_batches * at.interleave);
}

// A stage holds its warm-up and one more pass; a chunk is 1/v of the stage. With v chunks on stage
// 0 that is Korthikanti et al.'s p (1 + (p - 1)/(p v)).
double in_flight(const PipelinePosition& at) {
  const std::int64_t passes = std::min(warmup(at) + 1, at.micro_batches * at.interleave);
  return static_cast<double>(passes) / static_cast<double>(at.interleave);
}

}  // namespace

const Schedule one_f_one_b{
    "1f1b",
    "one forward one backward; with interleave > 1 each stage holds several model chunks",
    "Narayanan et al. 2021 (arXiv:2104.04473) section 2.2; Korthikanti et al. 2022 "
    "(arXiv:2205.05198) section 4",
    true,
    false,
    &in_flight,
    &warmup};

}  // namespace lockstep
