// Replicated data parallelism: every rank holds everything, and gradients are all-reduced once a
// step, in buckets beside the last backward pass.
// Source: Li et al. 2020, PyTorch Distributed (arXiv:2006.15704), section 3.2.
#include "strategies/parallel/data_sync.hpp"

namespace lockstep {

void add_replicated(const Plan& plan, const Training& training, Workload& workload) {
  sync_stages(plan, training, workload, false);
}

}  // namespace lockstep
