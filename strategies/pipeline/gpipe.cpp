// All forwards, then all backwards: the bubble of 1F1B with the activations of every micro-batch.
#include "strategies/pipeline/registered.hpp"

namespace lockstep {

namespace {

double in_flight(const PipelinePosition& at) {
  return static_cast<double>(at.micro_batches);
}

std::int64_t warmup(const PipelinePosition& at) {
  return at.micro_batches * at.interleave;
}

}  // namespace

const Schedule gpipe{"gpipe",
                     "all forwards, then all backwards",
                     "Huang et al. 2019 (arXiv:1811.06965) section 2",
                     false,
                     true,
                     &in_flight,
                     &warmup};

}  // namespace lockstep
