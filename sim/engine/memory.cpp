#include "sim/engine/memory.hpp"

#include <algorithm>
#include <array>

namespace lockstep {

const char* class_name(TensorClass tensor_class) {
  switch (tensor_class) {
    case TensorClass::weights:
      return "weights";
    case TensorClass::gradients:
      return "gradients";
    case TensorClass::optimizer:
      return "optimizer state";
    case TensorClass::unsharded_units:
      return "unsharded FSDP units";
    case TensorClass::communication_buffers:
      return "communication buffers";
    case TensorClass::activations:
      return "activations";
    case TensorClass::recompute_workspace:
      return "backward workspace";
    case TensorClass::logits_and_loss:
      return "logits and loss";
    case TensorClass::pipeline_buffers:
      return "pipeline buffers";
    case TensorClass::other:
      return "cached buffers";
  }
  return "other";
}

namespace {

StageMemory stage_memory(const Plan& plan, const Stage& stage) {
  const MemoryInstant* worst = &stage.instants.front();
  for (const MemoryInstant& instant : stage.instants) {
    if (instant.total() > worst->total()) worst = &instant;
  }
  StageMemory memory;
  memory.instant = worst->name;
  memory.allocated = worst->total();
  for (const Tensor& tensor : worst->tensors) {
    const std::string name = class_name(tensor.tensor_class);
    const auto line = std::find_if(memory.lines.begin(), memory.lines.end(),
                                   [&](const MemoryLine& known) { return known.name == name; });
    if (line == memory.lines.end()) {
      memory.lines.push_back({name, tensor.bytes});
    } else {
      line->bytes += tensor.bytes;
    }
  }
  const Bytes cached = memory.allocated * (*plan.software.reserved_factor - 1.0);
  memory.lines.push_back({"allocator cache and fragmentation", cached});
  memory.lines.push_back({"context, NCCL and libraries", *plan.software.context_bytes});
  memory.reserved = reserved_bytes(plan.software, memory.allocated);
  return memory;
}

}  // namespace

Bytes reserved_bytes(const Software& software, Bytes allocated) {
  const Bytes cached = allocated * (*software.reserved_factor - 1.0);
  return allocated + cached + *software.context_bytes;
}

PeakMemory peak_memory(const Plan& plan, const Workload& workload) {
  PeakMemory peak;
  for (const Stage& stage : workload.stages) peak.stages.push_back(stage_memory(plan, stage));
  const auto worst = std::max_element(
      peak.stages.begin(), peak.stages.end(),
      [](const StageMemory& a, const StageMemory& b) { return a.reserved < b.reserved; });
  peak.worst_stage = static_cast<std::size_t>(worst - peak.stages.begin());
  return peak;
}

}  // namespace lockstep
