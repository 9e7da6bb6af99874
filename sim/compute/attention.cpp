// FlashAttention and cuDNN kernels: t = F / (P e(kernel) s/(s + s0) c(d)), F causal FLOPs, beside
// the time of reading and writing q, k, v and the output, which is far shorter: that they are not
// bound by HBM follows, it is not assumed.
// e from published kernel tables (Dao 2023, arXiv:2307.08691, figures 4-7; Shah et al. 2024,
// arXiv:2407.08608) and from training runs; c(d) falls linearly from 1 at head size 128 to the
// catalog's value at 64. Ignores head sizes above 128 being slower in some versions.
#include <algorithm>

#include "sim/compute/op_cost.hpp"

namespace lockstep {

namespace {

double kernel_efficiency(const Gpu& gpu, AttentionKernel kernel) {
  switch (kernel) {
    case AttentionKernel::flash1:
      return *gpu.attention_flash1;
    case AttentionKernel::flash3:
      return *gpu.attention_flash3;
    default:
      return *gpu.attention_flash2;
  }
}

double head_factor(const Gpu& gpu, std::int64_t head_dim) {
  const double share = std::clamp((static_cast<double>(head_dim) - 64.0) / 64.0, 0.0, 1.0);
  return *gpu.attention_head64 + share * (1.0 - *gpu.attention_head64);
}

}  // namespace

Seconds flash_attention_time(const Gpu& gpu, const Op& op) {
  const auto s = static_cast<double>(op.sequence);
  double efficiency = kernel_efficiency(gpu, op.kernel) * s / (s + *gpu.attention_half_sequence) *
                      head_factor(gpu, op.head_dim);
  if (op.backward) efficiency *= *gpu.attention_backward;
  const Seconds flops = op.flops / (peak_rate(gpu, op.dtype) * efficiency);
  return soft_maximum(flops, streaming_time(gpu, op.bytes));
}

}  // namespace lockstep
