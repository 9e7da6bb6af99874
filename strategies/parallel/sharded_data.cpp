// Data parallelism and its sharded forms: ZeRO-1/2/3 (Rajbhandari et al. 2020, arXiv:1910.02054),
// FSDP (Zhao et al. 2023, arXiv:2304.11277) and hybrid sharding, in which a copy is sharded over
// shard_group ranks and the copies are kept equal by an all-reduce of the shards.
#include <algorithm>

#include "strategies/parallel/parallel.hpp"
#include "strategies/state_bytes.hpp"

namespace lockstep {

namespace {

using Calls = std::vector<CollectiveCall>;

double as_double(std::int64_t value) {
  return static_cast<double>(value);
}

// What the calls of one kind of unit are called in a report.
struct UnitNames {
  const char* gather;
  const char* scatter;
  const char* reduce;
};
constexpr UnitNames layer_names{"layer all-gather", "layer gradient reduce-scatter",
                                "layer gradient all-reduce across copies"};
constexpr UnitNames embedding_names{"embedding all-gather", "embedding gradient reduce-scatter",
                                    "embedding gradient all-reduce across copies"};
constexpr UnitNames head_names{"head all-gather", "head gradient reduce-scatter",
                               "head gradient all-reduce across copies"};
constexpr UnitNames stage_names{"parameter all-gather", "gradient reduce-scatter",
                                "gradient all-reduce across copies"};

struct Sync {
  const Plan& plan;
  StateBytes bytes;
  double shard;     // ranks of one sharded copy
  double replicas;  // copies

  void reduce(Calls& calls, double parameters, const UnitNames& names) const {
    const Bytes gradients{parameters * bytes.reduce};
    constexpr auto role = CommRole::gradient_reduce;
    if (plan.sharding == Sharding::none) {
      calls.push_back(
          {"gradient all-reduce", Collective::all_reduce, gradients, GroupKind::data, role});
      return;
    }
    if (shard > 1) {
      calls.push_back(
          {names.scatter, Collective::reduce_scatter, gradients, GroupKind::shard, role});
    }
    if (replicas > 1) {
      calls.push_back(
          {names.reduce, Collective::all_reduce, gradients / shard, GroupKind::replicate, role});
    }
  }

  void gather(Calls& calls, double parameters, const UnitNames& names) const {
    if (shard <= 1) return;
    calls.push_back({names.gather, Collective::all_gather, Bytes{parameters * bytes.gather},
                     GroupKind::shard, CommRole::parameter_gather});
  }
};

// FSDP, per unit and micro-batch: gather before forward; gather again before backward where the
// unit was resharded; scatter the gradients after it.
void add_fsdp_units(const Sync& sync, Workload& workload) {
  sync.gather(workload.fsdp_layer_forward, workload.layer.parameters, layer_names);
  if (sync.plan.software.reshard_after_forward) {
    sync.gather(workload.fsdp_layer_backward, workload.layer.parameters, layer_names);
  }
  sync.reduce(workload.fsdp_layer_backward, workload.layer.parameters, layer_names);
  sync.gather(workload.fsdp_embedding, workload.embedding.parameters, embedding_names);
  sync.reduce(workload.fsdp_embedding, workload.embedding.parameters, embedding_names);
  sync.gather(workload.fsdp_head, workload.head.parameters, head_names);
  sync.reduce(workload.fsdp_head, workload.head.parameters, head_names);
}

// Everything else synchronises a whole stage once a step: replicated data parallelism, ZeRO-1, and
// FSDP that keeps a pipeline stage gathered. ZeRO-2 keeps no whole gradient, so it reduces after
// every micro-batch.
void add_stage_sync(const Sync& sync, Stage& stage) {
  sync.reduce(stage.data_calls, stage.parameters, stage_names);
  if (sync.plan.sharding == Sharding::gradients) stage.repeated_calls = stage.data_calls;
  if (sync.plan.sharding != Sharding::none) {
    sync.gather(stage.data_calls, stage.parameters, stage_names);
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

bool fsdp_keeps_stage_gathered(const Plan& plan) {
  return plan.sharding == Sharding::fsdp && plan.pipeline.stages > 1 &&
         plan.software.fsdp_pipeline_gathered;
}

void add_data_parallel(const BlockContext& context, Workload& workload) {
  const Plan& plan = context.plan;
  const double shard = as_double(plan.sharding == Sharding::none ? plan.data : plan.shard_ranks());
  const Sync sync{plan, state_bytes(plan, context.training), shard, as_double(plan.data) / shard};
  const bool by_unit = plan.sharding == Sharding::fsdp && !fsdp_keeps_stage_gathered(plan);
  if (plan.data > 1 && by_unit) add_fsdp_units(sync, workload);

  const StateShards shards = state_shards(plan);
  for (Stage& stage : workload.stages) {
    if (plan.data > 1 && !by_unit) add_stage_sync(sync, stage);
    Op update;
    update.name = "optimizer";
    update.op_class = OpClass::optimizer;
    update.bytes =
        Bytes{optimizer_traffic(plan, context.training) * stage.parameters / shards.optimizer};
    stage.optimizer_ops.push_back(update);
  }

  if (context.model.tied_embeddings && plan.pipeline.stages > 1) {
    const double table =
        as_double(context.shape.vocabulary) * context.shape.hidden / context.shape.tensor;
    const CollectiveCall call{"tied embedding all-reduce", Collective::all_reduce,
                              Bytes{table * sync.bytes.reduce / shards.gradients},
                              GroupKind::pipeline_ends, CommRole::tied_embedding};
    workload.stages.front().data_calls.push_back(call);
    workload.stages.back().data_calls.push_back(call);
  }
}

}  // namespace lockstep
