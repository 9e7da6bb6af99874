// The moments of a step that may hold a stage's memory peak, from the lifetimes of its tensors.
#include <algorithm>

#include "strategies/memory.hpp"
#include "strategies/memory/held.hpp"

namespace lockstep {

namespace {

struct NamedMoment {
  Moment moment;
  const char* name;
};

constexpr NamedMoment moments[] = {
    {Moment::backward, "first layer of the backward pass"},
    {Moment::backward_end, "end of the backward pass"},
    {Moment::loss, "loss of the last micro-batch in flight"},
    {Moment::forward, "forward pass of the last micro-batch in flight"},
    {Moment::optimizer_step, "optimizer step"},
};

// How often the activations of each chunk are held at the moment when all of them take most, which
// the order of the passes says. Chunks that take the same are held micro_batches_in_flight times,
// in whole-stage equivalents.
std::vector<double> held_at_worst(const Plan& plan, const Workload& workload, const Stage& stage) {
  std::vector<double> bytes(stage.chunks.size(), 0.0);
  for (const Tensor& tensor : stage.tensors) {
    if (tensor.chunk >= 0) bytes[static_cast<std::size_t>(tensor.chunk)] += tensor.bytes.value();
  }
  const auto same = [&](double one) { return one == bytes.front(); };
  if (std::all_of(bytes.begin(), bytes.end(), same)) {
    return std::vector<double>(bytes.size(), stage.micro_batches_in_flight);
  }
  std::vector<double> held(bytes.size(), 0.0);
  std::vector<double> worst = held;
  double now = 0;
  double most = -1;
  const PipelinePosition at{stage.index, plan.pipeline.stages, plan.pipeline.interleave,
                            workload.micro_batches};
  memory::follow_passes(*find_schedule(workload.schedule), at, held,
                        [&](std::size_t chunk, double change) {
                          now += change * bytes[chunk];
                          if (now <= most) return;
                          most = now;
                          worst = held;
                        });
  return worst;
}

MemoryInstant instant(const Stage& stage, const NamedMoment& named) {
  MemoryInstant instant{named.moment, named.name, {}};
  instant.tensors.reserve(stage.tensors.size());
  for (const Tensor& tensor : stage.tensors) {
    if (!tensor.lifetime.has(named.moment)) continue;
    instant.tensors.push_back(tensor);
    if (tensor.chunk < 0) continue;
    instant.tensors.back().bytes *= stage.held_at_peak[static_cast<std::size_t>(tensor.chunk)];
  }
  return instant;
}

}  // namespace

Bytes MemoryInstant::total() const {
  Bytes sum;
  for (const Tensor& tensor : tensors) sum += tensor.bytes;
  return sum;
}

void add_instants(const Plan& plan, Workload& workload) {
  for (Stage& stage : workload.stages) {
    stage.held_at_peak = held_at_worst(plan, workload, stage);
    stage.instants.reserve(std::size(moments));
    for (const NamedMoment& named : moments) {
      if (named.moment == Moment::loss && !stage.has_head) continue;
      stage.instants.push_back(instant(stage, named));
    }
  }
}

}  // namespace lockstep
