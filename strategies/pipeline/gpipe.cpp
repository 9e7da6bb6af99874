// All forwards, then all backwards: the bubble of 1F1B with the activations of every micro-batch.
#include "strategies/pipeline/registered.hpp"

namespace lockstep {

namespace {

double in_flight(const PipelinePosition& at) {
  return static_cast<double>(at.micro_batches);
}

std::vector<ChunkPass> order(const PipelinePosition& at) {
  std::vector<ChunkPass> passes = grouped_passes(at, false);
  const std::vector<ChunkPass> backward = grouped_passes(at, true);
  passes.insert(passes.end(), backward.begin(), backward.end());
  return passes;
}

}  // namespace

const Schedule gpipe{"gpipe",
                     "all forwards, then all backwards",
                     "Huang et al. 2019 (arXiv:1811.06965) section 2",
                     false,
                     true,
                     &in_flight,
                     &order};

}  // namespace lockstep
