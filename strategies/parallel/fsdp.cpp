// FSDP (ZeRO-3): parameters are sharded too. Every layer, the embedding and the head are units:
// each is gathered before its forward pass, gathered again before its backward pass where it was
// resharded, and its gradients are reduce-scattered after it, every micro-batch. With a shard group
// smaller than all ranks (HSDP) the shards' gradients are all-reduced across the copies. Under a
// pipeline most software gathers a stage once a step and keeps it.
// Source: Zhao et al. 2023, PyTorch FSDP (arXiv:2304.11277), sections 3.2 and 3.3.
#include "strategies/parallel/data_sync.hpp"
#include "strategies/parallel/parallel.hpp"

namespace lockstep {

namespace {

constexpr UnitNames layer_names{"layer all-gather", "layer gradient reduce-scatter",
                                "layer gradient all-reduce across copies"};
constexpr UnitNames expert_names{"expert all-gather", "expert gradient reduce-scatter",
                                 "expert gradient all-reduce across copies"};
constexpr UnitNames embedding_names{"embedding all-gather", "embedding gradient reduce-scatter",
                                    "embedding gradient all-reduce across copies"};
constexpr UnitNames head_names{"head all-gather", "head gradient reduce-scatter",
                               "head gradient all-reduce across copies"};

}  // namespace

bool fsdp_keeps_stage_gathered(const Plan& plan) {
  return plan.sharding == Sharding::fsdp && plan.pipeline.stages > 1 &&
         plan.software.fsdp_pipeline_gathered;
}

void add_fsdp(const Plan& plan, const Training& training, Workload& workload) {
  if (fsdp_keeps_stage_gathered(plan)) {
    sync_stages(plan, training, workload, true);
    return;
  }
  const DataSync dense = DataSync::dense(plan, training);
  const DataSync experts = DataSync::experts(plan, training);
  for (LayerKind& kind : workload.kinds) {
    const Block& block = kind.block;
    if (dense.needed()) {
      dense.gather(kind.fsdp_forward, block.parameters, layer_names, block.quantized_parameters);
    }
    if (experts.needed()) experts.gather(kind.fsdp_forward, block.expert_parameters, expert_names);
    if (plan.reshards_after_forward()) kind.fsdp_backward = kind.fsdp_forward;
    if (dense.needed()) dense.reduce(kind.fsdp_backward, block.trained_parameters, layer_names);
    if (experts.needed() && !training.adapter.used()) {
      experts.reduce(kind.fsdp_backward, block.expert_parameters, expert_names);
    }
  }
  if (!dense.needed()) return;
  dense.gather(workload.fsdp_embedding, workload.embedding.parameters, embedding_names);
  dense.reduce(workload.fsdp_embedding, workload.embedding.trained_parameters, embedding_names);
  dense.gather(workload.fsdp_head, workload.head.parameters, head_names);
  dense.reduce(workload.fsdp_head, workload.head.trained_parameters, head_names);
}

}  // namespace lockstep
