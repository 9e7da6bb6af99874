// The moments of a step that may hold a stage's memory peak, from the lifetimes of its tensors.
#include <algorithm>

#include "strategies/memory.hpp"
#include "strategies/memory/lists.hpp"
#include "strategies/pipeline/schedule.hpp"

namespace lockstep {

namespace memory {

StageTensors::StageTensors(const BlockContext& block_context, const Workload& all, Stage& one)
    : context(block_context),
      workload(all),
      plan(block_context.plan),
      software(block_context.plan.software),
      stage(one),
      bytes(state_bytes(block_context.plan, block_context.training)),
      policy(recompute_policy(block_context.plan)) {}

void StageTensors::add(const Tensor& tensor) {
  if (tensor.bytes.value() > 0) stage.tensors.push_back(tensor);
}

double StageTensors::whole(std::size_t kind) const {
  return saved_bytes(workload.kinds[kind].block, {}).value();
}

double StageTensors::kept(std::size_t kind) const {
  return saved_bytes(workload.kinds[kind].block, policy).value();
}

double StageTensors::largest_layer_parameters() const {
  double most = 0;
  for (const LayerKind& kind : workload.kinds) {
    most = std::max(most, kind.block.parameters + kind.block.expert_parameters);
  }
  return most;
}

double StageTensors::largest_quantized_layer() const {
  double most = 0;
  for (const LayerKind& kind : workload.kinds) {
    most = std::max(most, kind.block.quantized_parameters);
  }
  return most;
}

double StageTensors::gathered_layer_bytes() const {
  const double saving = bytes.gather - quantized_bytes(context.training.adapter.frozen);
  return bytes.gather * largest_layer_parameters() - saving * largest_quantized_layer();
}

double StageTensors::trained_layer_parameters() const {
  if (!context.training.adapter.used()) return largest_layer_parameters();
  double most = 0;
  for (const LayerKind& kind : workload.kinds) {
    most = std::max(most, kind.block.trained_parameters);
  }
  return most;
}

double StageTensors::layer_parameters() const {
  double sum = stage.parameters + stage.expert_parameters;
  if (stage.has_embedding) sum -= workload.embedding.parameters;
  if (stage.has_head) sum -= workload.head.parameters;
  return sum;
}

bool StageTensors::gradients_before_backward() const {
  return software.gradients_persist || workload.micro_batches > 1;
}

}  // namespace memory

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

// Micro-batches beyond which a stage's passes repeat: warm-up fills the pipeline at most twice
// over.
constexpr std::int64_t settled_rounds = 4;

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
  const Schedule& schedule = *find_schedule(workload.schedule);
  const PassKind last = schedule.splits_backward ? PassKind::weight_gradient : PassKind::backward;
  const std::int64_t stages = plan.pipeline.stages;
  const auto order = schedule.order({stage.index, stages, plan.pipeline.interleave,
                                     std::min(workload.micro_batches, settled_rounds * stages)});
  std::vector<double> held(bytes.size(), 0.0);
  std::vector<double> worst = held;
  double now = 0;
  double most = -1;
  for (ChunkPass pass; order->next(pass);) {
    const auto chunk = static_cast<std::size_t>(pass.chunk);
    const double change = pass.kind == PassKind::forward ? 1.0 : pass.kind == last ? -1.0 : 0.0;
    held[chunk] += change;
    now += change * bytes[chunk];
    if (now <= most) continue;
    most = now;
    worst = held;
  }
  return worst;
}

MemoryInstant instant(const Stage& stage, const NamedMoment& named) {
  MemoryInstant instant{named.moment, named.name, {}};
  for (Tensor tensor : stage.tensors) {
    if (!tensor.lifetime.has(named.moment)) continue;
    if (tensor.chunk >= 0)
      tensor.bytes *= stage.held_at_peak[static_cast<std::size_t>(tensor.chunk)];
    instant.tensors.push_back(tensor);
  }
  return instant;
}

}  // namespace

Bytes MemoryInstant::total() const {
  Bytes sum;
  for (const Tensor& tensor : tensors) sum += tensor.bytes;
  return sum;
}

void add_memory(const BlockContext& context, Workload& workload) {
  for (Stage& stage : workload.stages) {
    memory::StageTensors list(context, workload, stage);
    memory::list_states(list);
    memory::list_activations(list);
    memory::list_loss(list);
    memory::list_buffers(list);
    stage.held_at_peak = held_at_worst(context.plan, workload, stage);
    for (const NamedMoment& named : moments) {
      if (named.moment == Moment::loss && !stage.has_head) continue;
      stage.instants.push_back(instant(stage, named));
    }
  }
}

}  // namespace lockstep
