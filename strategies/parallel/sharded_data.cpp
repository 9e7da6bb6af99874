// Data parallelism in all its forms: which ranks hold which states, the optimizer's work, and the
// table that a tied model keeps on both ends of a pipeline.
#include <algorithm>

#include "strategies/parallel/data_sync.hpp"
#include "strategies/parallel/parallel.hpp"
#include "strategies/state_bytes.hpp"

namespace lockstep {

namespace {

double as_double(std::int64_t value) {
  return static_cast<double>(value);
}

StateShards shards_over(Sharding sharding, std::int64_t ranks) {
  const double shard = as_double(std::max<std::int64_t>(1, ranks));
  StateShards shards;
  if (sharding == Sharding::fsdp) shards.weights = shard;
  if (sharding == Sharding::fsdp || sharding == Sharding::gradients) shards.gradients = shard;
  if (sharding != Sharding::none) shards.optimizer = shard;
  return shards;
}

// Both ends of the pipeline hold the table and add up their gradients (Narayanan et al. 2021,
// Megatron-LM's embedding group).
void add_tied_embedding(const BlockContext& context, Workload& workload) {
  const Plan& plan = context.plan;
  if (!context.model.tied_embeddings || !ends_apart(plan.pipeline)) return;
  if (context.training.adapter.used()) return;  // the table is frozen
  const double table =
      as_double(context.shape.vocabulary) * context.shape.hidden / context.shape.tensor;
  const double reduce = state_bytes(plan, context.training).reduce;
  const CollectiveCall call{"tied embedding all-reduce", Collective::all_reduce,
                            Bytes{table * reduce / state_shards(plan).gradients},
                            GroupKind::pipeline_ends, CommRole::tied_embedding};
  for (Stage& stage : workload.stages) {
    if (stage.has_embedding || stage.has_head) stage.data_calls.push_back(call);
  }
}

}  // namespace

StateShards state_shards(const Plan& plan) {
  return shards_over(plan.sharding, plan.shard_ranks());
}

StateShards expert_state_shards(const Plan& plan) {
  return shards_over(plan.sharding, plan.expert_shard_ranks());
}

void add_data_parallel(const BlockContext& context, Workload& workload) {
  const Plan& plan = context.plan;
  switch (plan.sharding) {
    case Sharding::none:
      add_replicated(plan, context.training, workload);
      break;
    case Sharding::optimizer:
    case Sharding::gradients:
      add_zero(plan, context.training, workload);
      break;
    case Sharding::fsdp:
      add_fsdp(plan, context.training, workload);
      break;
  }
  const double traffic = optimizer_traffic(plan, context.training);
  const double shards = state_shards(plan).optimizer;
  const double expert_shards = expert_state_shards(plan).optimizer;
  for (Stage& stage : workload.stages) {
    const double local =
        stage.trained_parameters / shards + stage.trained_expert_parameters / expert_shards;
    Op update;
    update.name = "optimizer";
    update.op_class = OpClass::optimizer;
    update.memory = MemoryKernel::optimizer;
    update.bytes = Bytes{traffic * local};
    stage.optimizer_ops.push_back(update);
  }
  add_tied_embedding(context, workload);
}

}  // namespace lockstep
