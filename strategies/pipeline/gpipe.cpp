// GPipe: all forwards, then all backwards. The bubble of 1F1B with the activations of every
// micro-batch.
//
//   bubble    = (p - 1)(f + b)
//   in flight = m on every stage
//
// Huang et al. 2019 (arXiv:1811.06965), section 2; the bubble is its O((K - 1)/(M + K - 1)) of the
// step. Holds for equal stages and any m.
#include "strategies/pipeline/alternating.hpp"
#include "strategies/pipeline/registered.hpp"

namespace lockstep {

namespace {

std::unique_ptr<PassOrder> order(const PipelinePosition& at) {
  return alternating_order(at, at.micro_batches);
}

double in_flight(const PipelinePosition& at) {
  return static_cast<double>(at.micro_batches);
}

std::optional<Seconds> bubble(const PipelinePosition& at, const PassCost& chunk) {
  return static_cast<double>(at.stages - 1) * (chunk.forward + chunk.backward);
}

}  // namespace

const Schedule gpipe{"gpipe",
                     "all forwards, then all backwards",
                     "Huang et al. 2019 (arXiv:1811.06965) section 2",
                     ChunkRule::one,
                     ChunkLayout::round_robin,
                     false,
                     &order,
                     &in_flight,
                     &bubble,
                     "(p − 1)(F + B)"};

}  // namespace lockstep
