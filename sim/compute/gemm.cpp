// Matrix products: a smooth roofline with half-efficiency sizes.
//   t = (t_flops^q + t_bytes^q)^(1/q) + t0,  q = 2.5
//   t_flops = F / (P e) (1 + m0/M)(1 + n0/N)(1 + k0/K),  t_bytes = B / (W e_hbm)
// Fitted to 8,000 profiled cuBLAS kernels per GPU (Vidur's public tables; 6 % mean error on A100, 9
// % on H100 at all sizes) and, for e, to published training runs. Ignores wave quantisation, worth
// < 0.3 % there.
#include <cmath>

#include "sim/compute/op_cost.hpp"

namespace lockstep {

namespace {

constexpr double roofline_exponent = 2.5;
constexpr std::int64_t aligned_multiple = 64;      // elements: full-width tensor-core tiles
constexpr std::int64_t aligned_head_multiple = 8;  // elements: 16-byte vectors of 2-byte types

double soft_maximum(double a, double b) {
  return std::pow(std::pow(a, roofline_exponent) + std::pow(b, roofline_exponent),
                  1.0 / roofline_exponent);
}

Seconds byte_time(const Gpu& gpu, Bytes bytes) {
  return bytes / (*gpu.memory_bandwidth * *gpu.memory_efficiency);
}

Seconds shaped_gemm_time(const Gpu& gpu, const Op& op, double share) {
  double efficiency = share * gemm_efficiency(gpu, op.dtype);
  if (op.n % aligned_multiple != 0 || op.k % aligned_multiple != 0)
    efficiency *= *gpu.gemm_misaligned;
  const double size = (1 + *gpu.gemm_m0 / static_cast<double>(op.m)) *
                      (1 + *gpu.gemm_n0 / static_cast<double>(op.n)) *
                      (1 + *gpu.gemm_k0 / static_cast<double>(op.k));
  const Seconds flops = op.flops / (peak_rate(gpu, op.dtype) * efficiency) * size;
  const Seconds bytes = byte_time(gpu, op.bytes);
  return Seconds{soft_maximum(flops.value(), bytes.value())} + *gpu.gemm_fixed_time;
}

}  // namespace

Seconds gemm_time(const Gpu& gpu, const Op& op) {
  return shaped_gemm_time(gpu, op, 1.0);
}

// The experts of a rank: F counts all of them, M, N, K are those of one; narrow ones pay by the
// size terms. `grouped_gemm_efficiency` of the profile is what uneven sizes and several launches
// (or one kernel over all) leave. Ignores that the slowest expert ends last.
Seconds grouped_gemm_time(const Gpu& gpu, const Software& software, const Op& op) {
  return shaped_gemm_time(gpu, op, *software.grouped_gemm_efficiency);
}

// The s x s products of attention without FlashAttention. One side is only a head wide, which caps
// the rate: e(d) = e / (1 + d0/d); heads that are not a multiple of 8 elements wide fall off the
// vectorised path.
Seconds batched_gemm_time(const Gpu& gpu, const Op& op) {
  double efficiency = gemm_efficiency(gpu, op.dtype) * *gpu.batched_gemm_efficiency /
                      (1 + *gpu.batched_gemm_half_head / static_cast<double>(op.head_dim));
  if (op.head_dim % aligned_head_multiple != 0) efficiency *= *gpu.batched_gemm_misaligned;
  const Seconds flops = op.flops / (peak_rate(gpu, op.dtype) * efficiency);
  return Seconds{soft_maximum(flops.value(), byte_time(gpu, op.bytes).value())} +
         *gpu.gemm_fixed_time;
}

}  // namespace lockstep
