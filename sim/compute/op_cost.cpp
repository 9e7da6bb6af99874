#include "sim/compute/op_cost.hpp"

namespace lockstep {

FlopsPerSecond peak_rate(const Gpu& gpu, Dtype dtype) {
  switch (dtype) {
    case Dtype::fp32:
      return *gpu.peak_fp32;
    case Dtype::tf32:
      return *gpu.peak_tf32;
    case Dtype::fp16:
      return *gpu.peak_fp16;
    case Dtype::bf16:
      return *gpu.peak_bf16;
    case Dtype::fp8:
    case Dtype::mxfp8:
      return *gpu.peak_fp8;
    case Dtype::fp4:
      return *gpu.peak_fp4;
  }
  return *gpu.peak_bf16;
}

double gemm_efficiency(const Gpu& gpu, Dtype dtype) {
  switch (dtype) {
    case Dtype::fp32:
      return *gpu.gemm_efficiency_fp32;
    case Dtype::tf32:
      return *gpu.gemm_efficiency_tf32;
    case Dtype::fp16:
    case Dtype::bf16:
      return *gpu.gemm_efficiency_half;
    case Dtype::fp8:
      return *gpu.gemm_efficiency_fp8;
    case Dtype::mxfp8:
      return *gpu.gemm_efficiency_mxfp8;
    case Dtype::fp4:
      return *gpu.gemm_efficiency_fp4;
  }
  return *gpu.gemm_efficiency_half;
}

Seconds op_time(const Gpu& gpu, const Software& software, const Op& op) {
  switch (op.kind) {
    case OpKind::gemm:
      return gemm_time(gpu, op);
    case OpKind::grouped_gemm:
      return grouped_gemm_time(gpu, software, op);
    case OpKind::batched_gemm:
      return batched_gemm_time(gpu, op);
    case OpKind::flash_attention:
      return flash_attention_time(gpu, op);
    case OpKind::memory_bound:
      return memory_bound_time(gpu, software, op);
  }
  return Seconds{};
}

}  // namespace lockstep
