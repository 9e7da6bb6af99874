// Data parallelism and its sharded forms: ZeRO-1/2/3 (Rajbhandari et al. 2020, arXiv:1910.02054),
// FSDP (Zhao et al. 2023, arXiv:2304.11277) and hybrid sharding, in which a copy is sharded over
// shard_group ranks and the copies are kept equal by an all-reduce of the shards.
#include <algorithm>

#include "strategies/parallel/parallel.hpp"

namespace lockstep {

namespace {

using Calls = std::vector<CollectiveCall>;

double as_double(std::int64_t value) {
  return static_cast<double>(value);
}

struct Sync {
  const Plan& plan;
  double shard;     // ranks of one sharded copy
  double replicas;  // copies

  void reduce(Calls& calls, double parameters, CommRole role) const {
    const Bytes gradients{parameters * plan.software.gradient_reduce_bytes};
    if (plan.sharding == Sharding::none) {
      calls.push_back(
          {"gradient all-reduce", Collective::all_reduce, gradients, GroupKind::data, role});
      return;
    }
    if (shard > 1) {
      calls.push_back({"gradient reduce-scatter", Collective::reduce_scatter, gradients,
                       GroupKind::shard, role});
    }
    if (replicas > 1) {
      calls.push_back({"gradient all-reduce across copies", Collective::all_reduce,
                       gradients / shard, GroupKind::replicate, role});
    }
  }

  void gather(Calls& calls, double parameters, double bytes_per_parameter) const {
    if (shard <= 1) return;
    calls.push_back({"parameter all-gather", Collective::all_gather,
                     Bytes{parameters * bytes_per_parameter}, GroupKind::shard,
                     CommRole::parameter_gather});
  }
};

// FSDP, per unit and micro-batch: gather before forward; gather again before backward where the
// unit was resharded; scatter the gradients after it.
void add_fsdp(const Sync& sync, Workload& workload) {
  const Software& software = sync.plan.software;
  sync.gather(workload.fsdp_layer_forward, workload.layer.parameters, software.fsdp_gather_bytes);
  if (software.reshard_after_forward) {
    sync.gather(workload.fsdp_layer_backward, workload.layer.parameters,
                software.fsdp_gather_bytes);
  }
  sync.reduce(workload.fsdp_layer_backward, workload.layer.parameters, CommRole::gradient_reduce);
  for (auto [calls, block] : {std::pair{&workload.fsdp_embedding, &workload.embedding},
                              std::pair{&workload.fsdp_head, &workload.head}}) {
    sync.gather(*calls, block->parameters, software.fsdp_gather_bytes);
    sync.reduce(*calls, block->parameters, CommRole::gradient_reduce);
  }
}

}  // namespace

StateShards state_shards(const Plan& plan) {
  const double shard = as_double(std::max<std::int64_t>(1, plan.shard_ranks()));
  StateShards shards;
  if (plan.sharding == Sharding::fsdp) shards.weights = shard;
  if (plan.sharding == Sharding::fsdp || plan.sharding == Sharding::gradients)
    shards.gradients = shard;
  if (plan.sharding != Sharding::none) shards.optimizer = shard;
  return shards;
}

void add_data_parallel(const BlockContext& context, Workload& workload) {
  const Plan& plan = context.plan;
  const double shard = as_double(plan.sharding == Sharding::none ? plan.data : plan.shard_ranks());
  const Sync sync{plan, shard, as_double(plan.data) / shard};
  if (plan.data > 1 && plan.sharding == Sharding::fsdp) add_fsdp(sync, workload);

  const StateShards shards = state_shards(plan);
  for (Stage& stage : workload.stages) {
    if (plan.data > 1 && plan.sharding != Sharding::fsdp) {
      sync.reduce(stage.data_calls, stage.parameters, CommRole::gradient_reduce);
      // ZeRO-2 keeps no whole gradient, so it reduces after every micro-batch; the others once a
      // step.
      if (plan.sharding == Sharding::gradients) stage.repeated_calls = stage.data_calls;
      if (plan.sharding != Sharding::none)
        sync.gather(stage.data_calls, stage.parameters, plan.software.weight_bytes);
    }
    Op update;
    update.name = "optimizer";
    update.op_class = OpClass::optimizer;
    update.bytes =
        Bytes{*plan.software.optimizer_bytes_per_parameter * stage.parameters / shards.optimizer};
    stage.optimizer_ops.push_back(update);
  }

  if (context.model.tied_embeddings && plan.pipeline.stages > 1) {
    const double table =
        as_double(context.shape.vocabulary) * context.shape.hidden / context.shape.tensor;
    const CollectiveCall call{"tied embedding all-reduce", Collective::all_reduce,
                              Bytes{table * plan.software.gradient_reduce_bytes},
                              GroupKind::pipeline_ends, CommRole::tied_embedding};
    workload.stages.front().data_calls.push_back(call);
    workload.stages.back().data_calls.push_back(call);
  }
}

}  // namespace lockstep
