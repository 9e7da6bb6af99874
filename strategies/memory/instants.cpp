// The moments of a step that may hold a stage's memory peak, from the lifetimes of its tensors.
#include <algorithm>

#include "strategies/memory.hpp"
#include "strategies/memory/lists.hpp"

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

// Micro-batches in flight are whole-stage equivalents: every chunk counts as often.
MemoryInstant instant(const Stage& stage, const NamedMoment& named) {
  MemoryInstant instant{named.moment, named.name, {}};
  for (Tensor tensor : stage.tensors) {
    if (!tensor.lifetime.has(named.moment)) continue;
    if (tensor.chunk >= 0) tensor.bytes *= stage.micro_batches_in_flight;
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
    for (const NamedMoment& named : moments) {
      if (named.moment == Moment::loss && !stage.has_head) continue;
      stage.instants.push_back(instant(stage, named));
    }
  }
}

}  // namespace lockstep
