// Ops that HBM bounds: t = bytes / (W e r) + n t0. r is the kernel's bandwidth over that of a
// streaming one, n its launches. Ops of the layers carry the profile's traffic factor, which stands
// for what its kernels move beyond the counted reads and writes. Ignores tensors that stay in L2:
// additions of 16-50 MB run 17 % faster on an A100 (Vidur's tables), activations and norms no
// faster.
#include "sim/compute/op_cost.hpp"

namespace lockstep {

namespace {

double kernel_share(const Gpu& gpu, MemoryKernel kernel) {
  switch (kernel) {
    case MemoryKernel::stream:
      return 1.0;
    case MemoryKernel::norm:
      return *gpu.memory_norm;
    case MemoryKernel::rope:
      return *gpu.memory_rope;
    case MemoryKernel::activation:
      return *gpu.memory_activation;
    case MemoryKernel::softmax:
      return *gpu.memory_softmax;
    case MemoryKernel::cast:
      return *gpu.memory_cast;
    case MemoryKernel::permutation:
      return *gpu.memory_permutation;
    case MemoryKernel::loss:
      return *gpu.memory_loss;
    case MemoryKernel::optimizer:
      return *gpu.memory_optimizer;
  }
  return 1.0;
}

}  // namespace

Seconds streaming_time(const Gpu& gpu, Bytes bytes) {
  return bytes / (*gpu.memory_bandwidth * *gpu.memory_efficiency);
}

Bytes moved_bytes(const Software& software, const Op& op) {
  const bool counted_in_full =
      op.op_class == OpClass::elementwise || op.op_class == OpClass::embedding;
  const bool carries = op.kind == OpKind::memory_bound && counted_in_full;
  return (carries ? *software.memory_traffic_factor : 1.0) * op.bytes;
}

Seconds memory_bound_time(const Gpu& gpu, const Software& software, const Op& op) {
  return streaming_time(gpu, moved_bytes(software, op)) / kernel_share(gpu, op.memory) +
         op.launches * *gpu.memory_fixed_time;
}

}  // namespace lockstep
