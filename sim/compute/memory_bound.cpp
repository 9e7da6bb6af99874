// Ops that HBM bounds: t = bytes / (W e). Ops of the layers carry the profile's traffic factor,
// which stands for what its kernels move beyond the counted reads and writes. Ignores tensors that
// stay in L2.
#include "sim/compute/op_cost.hpp"

namespace lockstep {

Seconds memory_bound_time(const Gpu& gpu, const Software& software, const Op& op) {
  const bool counted_in_full =
      op.op_class == OpClass::elementwise || op.op_class == OpClass::embedding;
  const double factor = counted_in_full ? *software.memory_traffic_factor : 1.0;
  return factor * op.bytes / (*gpu.memory_bandwidth * *gpu.memory_efficiency);
}

}  // namespace lockstep
