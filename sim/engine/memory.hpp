// Peak memory: the worst instant of the worst stage, by class.
#pragma once

#include <string>
#include <vector>

#include "strategies/workload.hpp"

namespace lockstep {

// What the report calls it: "weights", "optimizer state".
const char* class_name(TensorClass tensor_class);

struct MemoryLine {
  std::string
      name;  // "weights", "optimizer state", "activations", "logits and loss", "context and NCCL" …
  Bytes bytes;
};

struct StageMemory {
  Bytes allocated;
  Bytes reserved;                 // allocated * reserved_factor + context: what must fit
  std::string instant;            // name of the worst instant
  std::vector<MemoryLine> lines;  // sum to `reserved`
};

struct PeakMemory {
  std::vector<StageMemory> stages;
  std::size_t worst_stage = 0;
  [[nodiscard]] const StageMemory& worst() const { return stages[worst_stage]; }
};

// What must fit, of so many bytes in tensors: with the allocator's cache and the context.
Bytes reserved_bytes(const Software& software, Bytes allocated);

PeakMemory peak_memory(const Plan& plan, const Workload& workload);

}  // namespace lockstep
