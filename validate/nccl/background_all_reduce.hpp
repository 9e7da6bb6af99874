// NCCL's all-reduce over the GPUs of this process, as work beside a product on one of them.
#pragma once

#include <memory>
#include <vector>

#include "validate/gpu/overlap.hpp"
#include "validate/nccl/nccl_library.hpp"

namespace lockstep {

// All-reduce of `bytes` in bf16 over all GPUs; enqueue() queues the part of `device` on the given
// stream and the other GPUs' on streams of their own. The libraries outlive it. Throws
// MeasurementError.
std::unique_ptr<BackgroundWork> background_all_reduce(const CudaRuntime& cuda,
                                                      const NcclLibrary& nccl, int device,
                                                      std::size_t bytes);

}  // namespace lockstep
