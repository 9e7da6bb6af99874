// Matrix products: a smooth roofline with half-efficiency sizes.
//   t = (t_flops^q + t_bytes^q)^(1/q) + t0,  q = 2.5
//   t_flops = F / (P e) (1 + m0/M)(1 + n0/N)(1 + k0/K),  t_bytes = B / (W e_hbm)
// Shape constants are fitted to tables of cuBLAS kernels (validate/corpus/kernels; `calibrate
// --corpus kernels` prints how it does beside a model of tiles and waves), e to published training
// runs. Ignores the tail of the last wave, which is worth less than the scatter of those tables.
#include <algorithm>
#include <cmath>

#include "sim/compute/op_cost.hpp"

namespace lockstep {

namespace {

constexpr double roofline_exponent = 2.5;
constexpr std::int64_t aligned_multiple = 64;      // elements: full-width tensor-core tiles
constexpr std::int64_t aligned_head_multiple = 8;  // elements: 16-byte vectors of 2-byte types

double scaling_rate(const Gpu& gpu, const Op& op) {
  if (op.dtype != Dtype::fp8) return 1.0;
  if (op.scaling == Fp8Scaling::rowwise) return *gpu.fp8_rowwise_rate;
  return op.scaling == Fp8Scaling::blockwise ? *gpu.fp8_blockwise_rate : 1.0;
}

Seconds shaped_gemm_time(const Gpu& gpu, const Op& op, double share) {
  double efficiency = share * scaling_rate(gpu, op) * sustained_share(gpu, op.dtype);
  if (op.n % aligned_multiple != 0 || op.k % aligned_multiple != 0)
    efficiency *= *gpu.gemm_misaligned;
  const double size = (1 + *gpu.gemm_m0 / static_cast<double>(op.m)) *
                      (1 + *gpu.gemm_n0 / static_cast<double>(op.n)) *
                      (1 + *gpu.gemm_k0 / static_cast<double>(op.k));
  const Seconds flops = op.flops / (peak_rate(gpu, op.dtype) * efficiency) * size;
  return soft_maximum(flops, streaming_time(gpu, op.bytes));
}

}  // namespace

// Both take time: t = (a^q + b^q)^(1/q).
Seconds soft_maximum(Seconds a, Seconds b) {
  const double longer = std::max(a.value(), b.value());
  const double ratio = longer > 0 ? std::min(a.value(), b.value()) / longer : 0.0;
  // Below this the other adds less than 3e-5.
  constexpr double negligible = 0.02;
  if (ratio < negligible) return Seconds{longer};
  return Seconds{longer *
                 std::pow(1 + std::pow(ratio, roofline_exponent), 1.0 / roofline_exponent)};
}

// Under full tensor load the clock settles where the chip draws what it may, so the share follows the limit,
// down and up from the rated one:
//   share = min(1, e (limit / (rated P))^x),  P the 16-bit peak, rated per PFLOP/s
// x is between 1/3 (power grows with the cube of the clock, the voltage following it) and 1 (with
// the clock alone). One rule for all GPUs of a generation: a part with the same chip and another
// limit, or a site that caps its boards. Ignores that memory-bound and attention kernels slow down
// too where the cap is deep.
double sustained_share(const Gpu& gpu, Dtype dtype) {
  const double share = gemm_efficiency(gpu, dtype);
  const double rated = (*gpu.rated_power).value() * (*gpu.peak_fp16).value() * 1e-15;
  const double limit = (*gpu.power_limit).value();
  if (rated <= 0 || limit <= 0 || limit == rated) return share;
  return std::min(1.0, share * std::pow(limit / rated, *gpu.power_exponent));
}

Seconds gemm_time(const Gpu& gpu, const Op& op) {
  return shaped_gemm_time(gpu, op, 1.0) + *gpu.gemm_fixed_time;
}

// The experts of a rank: F counts all of them, M, N, K are those of one; narrow ones pay by the
// size terms. Products of one launch each pay their fixed time each, as far as streams beside each
// other don't hide it. `grouped_gemm_efficiency` is what uneven sizes leave. Ignores that the
// slowest expert ends last.
Seconds grouped_gemm_time(const Gpu& gpu, const Software& software, const Op& op) {
  constexpr double streams = 4.0;  // Transformer Engine's grouped linear
  const double fixed = std::max(1.0, op.launches / streams);
  return shaped_gemm_time(gpu, op, *software.grouped_gemm_efficiency) +
         fixed * *gpu.gemm_fixed_time;
}

// The s x s products of attention without FlashAttention. One side is only a head wide, which caps
// the rate: e(d) = e / (1 + d0/d); heads that are not a multiple of 8 elements wide fall off the
// vectorised path.
Seconds batched_gemm_time(const Gpu& gpu, const Op& op) {
  double efficiency = sustained_share(gpu, op.dtype) * *gpu.batched_gemm_efficiency /
                      (1 + *gpu.batched_gemm_half_head / static_cast<double>(op.head_dim));
  if (op.head_dim % aligned_head_multiple != 0) efficiency *= *gpu.batched_gemm_misaligned;
  const Seconds flops = op.flops / (peak_rate(gpu, op.dtype) * efficiency);
  return soft_maximum(flops, streaming_time(gpu, op.bytes)) + *gpu.gemm_fixed_time;
}

}  // namespace lockstep
