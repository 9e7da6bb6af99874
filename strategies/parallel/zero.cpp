// ZeRO-1 and ZeRO-2: every rank updates its share of the parameters. Gradients are reduce-scattered
// and parameters gathered once a step; ZeRO-2 keeps no whole gradient, so it reduces after every
// micro-batch.
//   bytes on the wire a step: gradients + parameters (ZeRO-1), m gradients + parameters (ZeRO-2)
// Source: Rajbhandari et al. 2020, ZeRO (arXiv:1910.02054), sections 5 and 7.
#include "strategies/parallel/data_sync.hpp"

namespace lockstep {

void add_zero(const Plan& plan, const Training& training, Workload& workload) {
  sync_stages(plan, training, workload, true);
}

}  // namespace lockstep
