#include "sim/report/roofline.hpp"

#include <algorithm>

#include "sim/compute/op_cost.hpp"

namespace lockstep {

namespace {

const char* kernel_name(OpKind kind) {
  switch (kind) {
    case OpKind::gemm:
      return "gemm";
    case OpKind::grouped_gemm:
      return "grouped gemm";
    case OpKind::flash_attention:
      return "attention";
    case OpKind::batched_gemm:
      return "batched gemm";
    case OpKind::memory_bound:
      break;
  }
  return "memory-bound";
}

bool is_linear(const Op& op) {
  return op.kind == OpKind::gemm || op.kind == OpKind::grouped_gemm;
}

// Of an op's time, what does not depend on its size.
double fixed_seconds(const Gpu& gpu, const Op& op) {
  if (op.kind == OpKind::flash_attention) return 0.0;
  if (op.kind == OpKind::memory_bound) return op.launches * (*gpu.memory_fixed_time).value();
  return (*gpu.gemm_fixed_time).value();
}

Roof roof_of(const Gpu& gpu, const Op& op, double seconds, double compute, double memory) {
  constexpr double most = 0.5;
  if (fixed_seconds(gpu, op) > most * seconds) return Roof::launch;
  return compute >= memory ? Roof::tensor_cores : Roof::memory;
}

class Collector {
 public:
  explicit Collector(const PlanReport& plan) : gpu_(plan.cluster.system.gpu), plan_(plan.plan) {}

  void add_pass(const char* block, const char* pass, const std::vector<Op>& ops, double times,
                StepPart (*part)(const Op&)) {
    if (times <= 0) return;
    const std::size_t first = uses_.size();
    const std::string backward = pass;
    for (const Op& op : ops) {
      std::string name = op.name;
      if (backward == "backward" && is_linear(op)) {
        name += op.weight_gradient ? ", weight gradient" : ", input gradient";
      }
      OpUse& use = entry(first, name, block, pass, op);
      use.line = line_name(part(op));
      add(use, op, times);
    }
  }

  std::vector<OpUse> take() { return std::move(uses_); }

 private:
  OpUse& entry(std::size_t first, const std::string& name, const char* block, const char* pass,
               const Op& op) {
    for (std::size_t i = first; i < uses_.size(); ++i) {
      if (uses_[i].name == name && uses_[i].kernel == kernel_name(op.kind)) return uses_[i];
    }
    OpUse use;
    use.name = name;
    use.block = block;
    use.pass = pass;
    use.kernel = kernel_name(op.kind);
    uses_.push_back(std::move(use));
    return uses_.back();
  }

  // Ops of one name in one pass share a shape, or nearly; the longest of them names the roof.
  void add(OpUse& use, const Op& op, double times) {
    const double bytes = moved_bytes(plan_.software, op).value();
    const double flops = op.flops.value();
    const double seconds = op_time(gpu_, plan_.software, op).value();
    const double peak = flops > 0 ? peak_rate(gpu_, op.dtype).value() : 0.0;
    const double compute = peak > 0 ? flops / peak : 0.0;
    const double memory = bytes / (*gpu_.memory_bandwidth).value();
    if (times * seconds >= use.seconds) use.roof = roof_of(gpu_, op, seconds, compute, memory);
    use.count += times;
    use.seconds += times * seconds;
    use.flops += times * flops;
    use.bytes += times * bytes;
    use.ideal_seconds += times * std::max(compute, memory);
    use.peak_flops_per_s = std::max(use.peak_flops_per_s, peak);
  }

  const Gpu& gpu_;
  const Plan& plan_;
  std::vector<OpUse> uses_;
};

StepPart in_pass(const Op& op) {
  return part_of(op, false);
}
StepPart run_again(const Op& op) {
  return part_of(op, true);
}
StepPart at_an_end(const Op& /*op*/) {
  return StepPart::ends;
}

std::size_t slowest_stage(const StepTime& step) {
  std::size_t slowest = 0;
  for (std::size_t i = 1; i < step.stages.size(); ++i) {
    if (step.stages[i].total() > step.stages[slowest].total()) slowest = i;
  }
  return slowest;
}

// The stage whose update takes longest: the partition's line is its.
const Stage& longest_update(const PlanReport& plan) {
  const auto time = [&](const Stage& stage) {
    Seconds sum;
    for (const Op& op : stage.optimizer_ops) {
      sum += op_time(plan.cluster.system.gpu, plan.plan.software, op);
    }
    return sum;
  };
  const std::vector<Stage>& stages = plan.workload.stages;
  return *std::max_element(stages.begin(), stages.end(),
                           [&](const Stage& a, const Stage& b) { return time(a) < time(b); });
}

void add_layers(const Workload& workload, const Stage& stage, Collector& collector) {
  const auto micro_batches = static_cast<double>(workload.micro_batches);
  for (std::size_t kind = 0; kind < workload.kinds.size(); ++kind) {
    double layers = 0;
    double recomputed = 0;
    for (const Chunk& chunk : stage.chunks) {
      layers += static_cast<double>(chunk.layers[kind]);
      recomputed += static_cast<double>(chunk.recomputed[kind]);
    }
    const LayerKind& layer = workload.kinds[kind];
    const double times = layers * micro_batches;
    collector.add_pass(layer.name, "forward", layer.block.forward.ops, times, in_pass);
    collector.add_pass(layer.name, "recompute", layer.block.recompute.ops,
                       recomputed * micro_batches, run_again);
    collector.add_pass(layer.name, "backward", layer.block.backward.ops, times, in_pass);
  }
}

}  // namespace

const char* to_string(Roof roof) {
  switch (roof) {
    case Roof::tensor_cores:
      return "tensor cores";
    case Roof::memory:
      return "HBM";
    case Roof::launch:
      break;
  }
  return "launch";
}

std::vector<OpUse> op_uses(const PlanReport& plan) {
  if (plan.step.stages.empty()) return {};
  const Workload& workload = plan.workload;
  const Stage& stage = workload.stages[slowest_stage(plan.step)];
  const auto micro_batches = static_cast<double>(workload.micro_batches);
  Collector collector(plan);
  add_layers(workload, stage, collector);
  const auto add_end = [&](const char* name, const Block& block, bool here) {
    const double times = here ? micro_batches : 0.0;
    collector.add_pass(name, "forward", block.forward.ops, times, at_an_end);
    collector.add_pass(name, "backward", block.backward.ops, times, at_an_end);
  };
  add_end("embedding", workload.embedding, stage.has_embedding);
  add_end("head", workload.head, stage.has_head);
  collector.add_pass("optimizer", "update", longest_update(plan).optimizer_ops, 1.0, in_pass);
  return collector.take();
}

std::vector<OpUse> by_line(const std::vector<OpUse>& ops) {
  std::vector<OpUse> lines;
  for (const OpUse& op : ops) {
    const auto known = std::find_if(lines.begin(), lines.end(),
                                    [&](const OpUse& line) { return line.name == op.line; });
    if (known == lines.end()) {
      lines.push_back(op);
      lines.back().name = op.line;
      continue;
    }
    known->count += op.count;
    known->seconds += op.seconds;
    known->flops += op.flops;
    known->bytes += op.bytes;
    known->ideal_seconds += op.ideal_seconds;
    known->peak_flops_per_s = std::max(known->peak_flops_per_s, op.peak_flops_per_s);
  }
  constexpr Roof roofs[] = {Roof::tensor_cores, Roof::memory, Roof::launch};
  for (OpUse& line : lines) {
    double longest = -1;
    for (const Roof roof : roofs) {
      double under = 0;
      for (const OpUse& op : ops) under += op.line == line.name && op.roof == roof ? op.seconds : 0;
      if (under > longest) line.roof = roof;
      longest = std::max(longest, under);
    }
  }
  return lines;
}

double ridge(const Gpu& gpu, double peak_flops_per_s) {
  return peak_flops_per_s / (*gpu.memory_bandwidth).value();
}

}  // namespace lockstep
