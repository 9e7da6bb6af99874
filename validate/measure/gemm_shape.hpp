// A matrix product to be measured.
#pragma once

#include <cstdint>

#include "topology/hardware.hpp"

namespace lockstep {

// Which product of a linear layer y = x W it is; it decides how the operands lie in memory. M, N, K
// are as in Op (strategies/workload.hpp): forward M tokens, N out, K in; data gradient M tokens,
// N in, K out; weight gradient M in, N out, K tokens.
enum class GemmPass { forward, data_gradient, weight_gradient };

struct GemmShape {
  std::int64_t m = 0, n = 0, k = 0;
  Dtype dtype = Dtype::bf16;
  GemmPass pass = GemmPass::forward;
  std::int64_t batch = 1;  // products of this shape in one call, strided
  auto operator<=>(const GemmShape&) const = default;
};

// 2 M N K, of all products of the batch.
inline double gemm_flops(const GemmShape& shape) {
  return 2.0 * static_cast<double>(shape.batch) * static_cast<double>(shape.m) *
         static_cast<double>(shape.n) * static_cast<double>(shape.k);
}

// Bytes of one element of the result: fp8 gives bf16.
inline double result_bytes(Dtype dtype) {
  return dtype == Dtype::fp8 ? bytes_per_element(Dtype::bf16) : bytes_per_element(dtype);
}

// Operands read once and the result written once.
inline double gemm_bytes(const GemmShape& shape) {
  const auto m = static_cast<double>(shape.m);
  const auto n = static_cast<double>(shape.n);
  const auto k = static_cast<double>(shape.k);
  return static_cast<double>(shape.batch) *
         (bytes_per_element(shape.dtype) * (m * k + k * n) + result_bytes(shape.dtype) * m * n);
}

}  // namespace lockstep
