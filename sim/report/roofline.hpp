// The ops of a step under the roofs of the hardware: what each does, what it moves, which roof it
// sits under and how much of that roof it reaches (Williams, Waterman, Patterson 2009, "Roofline").
#pragma once

#include <string>
#include <vector>

#include "sim/report/report.hpp"

namespace lockstep {

enum class Roof {
  tensor_cores,  // the dense peak of the op's type
  memory,        // HBM bandwidth
  launch         // the time of a kernel that does nothing outweighs both
};
const char* to_string(Roof roof);

// One op of a block and pass on the slowest stage, summed over the layers and micro-batches of a
// step.
struct OpUse {
  std::string name;         // "qkv projection", "qkv projection, weight gradient"
  const char* block = "";   // "layer", "expert layer", "embedding", "head", "optimizer"
  const char* pass = "";    // "forward", "backward", "recompute", "update"
  const char* kernel = "";  // "gemm", "grouped gemm", "attention", "batched gemm", "memory-bound"
  const char* line = "";    // of the partition that it belongs to
  double count = 0;         // ops in the step
  double seconds = 0;       // alone on the GPU, without what communication beside it costs
  double flops = 0;
  double bytes = 0;             // through HBM
  double peak_flops_per_s = 0;  // of its type; 0 where it does no matrix products
  double ideal_seconds = 0;     // under the roofs: max(flops / peak, bytes / bandwidth)
  Roof roof = Roof::memory;

  [[nodiscard]] double intensity() const { return bytes > 0 ? flops / bytes : 0; }
  // Of the roof; at most 1 as long as the catalog's shares are.
  [[nodiscard]] double roof_fraction() const { return seconds > 0 ? ideal_seconds / seconds : 0; }
};

// Of the slowest stage, in the order in which they run: layers by kind, embedding, head, optimizer.
// Seconds of the ops of a line sum to that line of the partition (the optimizer's without copies to
// and from the host). Empty where the plan is not legal.
std::vector<OpUse> op_uses(const PlanReport& plan);

// The ops of each line of the partition, as one: the roof under which most of its time is spent.
std::vector<OpUse> by_line(const std::vector<OpUse>& ops);

// FLOP/byte above which the peak of a type, not the bandwidth, is the lower roof.
double ridge(const Gpu& gpu, double peak_flops_per_s);

}  // namespace lockstep
