// One forward, one backward: a stage starts a backward as soon as it can, so that it holds few
// activations.
#include <algorithm>

#include "strategies/pipeline/registered.hpp"

namespace lockstep {

namespace {

// Without interleaving, stage i has at most p - i micro-batches in flight (never more than there
// are). With v chunks, stage i runs 2(p - i - 1) + (v - 1) p forward chunks before its first
// backward and holds one more; a chunk is 1/v of the stage. For i = 0 that is Korthikanti et al.'s
// p (1 + (p - 1)/(p v)).
double in_flight(const PipelinePosition& at) {
  const auto p = static_cast<double>(at.stages);
  const auto i = static_cast<double>(at.stage);
  const auto m = static_cast<double>(at.micro_batches);
  const auto v = static_cast<double>(at.interleave);
  if (at.interleave <= 1) return std::min(p - i, m);
  const double warmup = std::min(2 * (p - i - 1) + (v - 1) * p, m * v);
  return std::min(warmup + 1, m * v) / v;
}

}  // namespace

const Schedule one_f_one_b{
    "1f1b", "one forward one backward; with interleave > 1 each stage holds several model chunks",
    "Narayanan et al. 2021 (arXiv:2104.04473) section 2.2; Korthikanti et al. 2022 "
    "(arXiv:2205.05198) section 4",
    true, &in_flight};

}  // namespace lockstep
