// The collectives of a small step on the GPUs of this process.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "validate/gpu/cuda_runtime.hpp"
#include "validate/measure/small_step.hpp"
#include "validate/measure/step_tasks.hpp"

namespace lockstep {

class StepCollectives {
 public:
  virtual ~StepCollectives() = default;
  // Queues this device's part of the task's collective. Every device's thread queues the same calls
  // in the same order.
  virtual void enqueue(int device, const StepTask& task, cudaStream_t stream) = 0;
  [[nodiscard]] virtual std::string version() const = 0;  // of NCCL
};

#if LOCKSTEP_HAS_NCCL
// One NCCL communicator per group and device. Throws Unavailable, MeasurementError.
std::unique_ptr<StepCollectives> nccl_step_collectives(const CudaRuntime& cuda,
                                                       const SmallStep& step,
                                                       const std::vector<StepTask>& tasks,
                                                       const std::string& library_folder);
#endif

}  // namespace lockstep
