#include "strategies/memory.hpp"
#include "strategies/memory/lists.hpp"

namespace lockstep {

namespace memory {

PlanTensors::PlanTensors(const BlockContext& block_context, const BlockSizes& block_sizes,
                         const Workload& all)
    : context(block_context),
      sizes(block_sizes),
      workload(all),
      plan(block_context.plan),
      software(block_context.plan.software),
      bytes(state_bytes(block_context.plan, block_context.training)),
      shards(state_shards(block_context.plan)),
      expert_shards(expert_state_shards(block_context.plan)),
      quantized(quantized_bytes(block_context.training.adapter.frozen)),
      gathered_layer_bytes(bytes.gather * block_sizes.largest_layer -
                           (bytes.gather - quantized) * block_sizes.largest_quantized),
      pipelined(block_context.plan.pipeline.stages > 1),
      gradients_before_backward(software.gradients_persist || all.micro_batches > 1) {}

double StageTensors::layer_parameters() const {
  double sum = stage.parameters + stage.expert_parameters;
  if (stage.has_embedding) sum -= workload.embedding.parameters;
  if (stage.has_head) sum -= workload.head.parameters;
  return sum;
}

void list_stage(StageTensors& list) {
  list_states(list);
  list_activations(list);
  list_loss(list);
  list_buffers(list);
}

void list_all_but_activations(StageTensors& list) {
  list_states(list);
  list_loss(list);
  list_buffers(list);
}

}  // namespace memory

void list_tensors(const BlockContext& context, const BlockSizes& sizes, Workload& workload) {
  const memory::PlanTensors all(context, sizes, workload);
  memory::AliveBytes alive;
  for (Stage& stage : workload.stages) {
    std::vector<Tensor> tensors;
    tensors.reserve(memory::usual_tensors + stage.chunks.size() * memory::usual_chunk_tensors);
    memory::StageTensors list(all, stage, alive, &tensors);
    memory::list_stage(list);
    stage.tensors = std::move(tensors);
  }
}

}  // namespace lockstep
