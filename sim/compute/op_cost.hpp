// The time of one op on one GPU under one software profile.
#pragma once

#include "strategies/software.hpp"
#include "strategies/workload.hpp"
#include "topology/hardware.hpp"

namespace lockstep {

// Dense peak for a data type; FP4 and MX formats included. Zero where the GPU lacks the type.
FlopsPerSecond peak_rate(const Gpu& gpu, Dtype dtype);

// Share of that peak that a very large GEMM sustains.
double gemm_efficiency(const Gpu& gpu, Dtype dtype);

// The same under the GPU's power limit.
double sustained_share(const Gpu& gpu, Dtype dtype);

// gemm.cpp
Seconds soft_maximum(Seconds a, Seconds b);
Seconds gemm_time(const Gpu& gpu, const Op& op);
Seconds grouped_gemm_time(const Gpu& gpu, const Software& software, const Op& op);
Seconds batched_gemm_time(const Gpu& gpu, const Op& op);

// attention.cpp
Seconds flash_attention_time(const Gpu& gpu, const Op& op);

// memory_bound.cpp
Seconds streaming_time(const Gpu& gpu, Bytes bytes);
// HBM traffic of an op as the profile's kernels have it.
Bytes moved_bytes(const Software& software, const Op& op);
Seconds memory_bound_time(const Gpu& gpu, const Software& software, const Op& op);

Seconds op_time(const Gpu& gpu, const Software& software, const Op& op);

}  // namespace lockstep
