#include "strategies/parallel/data_sync.hpp"

namespace lockstep {

namespace {

double as_double(std::int64_t value) {
  return static_cast<double>(value);
}

constexpr UnitNames stage_names{"parameter all-gather", "gradient reduce-scatter",
                                "gradient all-reduce across copies"};
constexpr UnitNames expert_names{"expert parameter all-gather", "expert gradient reduce-scatter",
                                 "expert gradient all-reduce across copies"};

}  // namespace

DataSync::DataSync(const Plan& plan, const Training& training, std::int64_t all, std::int64_t shard)
    : sharding_(plan.sharding),
      bytes_(state_bytes(plan, training)),
      quantized_bytes_(quantized_bytes(training.adapter.frozen)),
      shard_(as_double(plan.sharding == Sharding::none ? all : shard)),
      copies_(as_double(all) / shard_) {}

DataSync DataSync::dense(const Plan& plan, const Training& training) {
  return {plan, training, plan.replicas(), plan.shard_ranks()};
}

DataSync DataSync::experts(const Plan& plan, const Training& training) {
  DataSync sync(plan, training, plan.expert_replicas(), plan.expert_shard_ranks());
  sync.all_ = GroupKind::expert_data;
  sync.shard_group_ = GroupKind::expert_shard;
  sync.copies_group_ = GroupKind::expert_replicate;
  return sync;
}

void DataSync::reduce(std::vector<CollectiveCall>& calls, double parameters,
                      const UnitNames& names) const {
  if (parameters <= 0) return;
  const Bytes gradients{parameters * bytes_.reduce};
  constexpr auto role = CommRole::gradient_reduce;
  if (sharding_ == Sharding::none) {
    if (shard_ > 1) {
      const char* name =
          all_ == GroupKind::data ? "gradient all-reduce" : "expert gradient all-reduce";
      calls.push_back({name, Collective::all_reduce, gradients, all_, role});
    }
    return;
  }
  if (shard_ > 1) {
    calls.push_back({names.scatter, Collective::reduce_scatter, gradients, shard_group_, role});
  }
  if (copies_ > 1) {
    calls.push_back(
        {names.reduce, Collective::all_reduce, gradients / shard_, copies_group_, role});
  }
}

void DataSync::gather(std::vector<CollectiveCall>& calls, double parameters, const UnitNames& names,
                      double quantized) const {
  if (parameters <= 0 || shard_ <= 1) return;
  const Bytes bytes{(parameters - quantized) * bytes_.gather + quantized * quantized_bytes_};
  calls.push_back(
      {names.gather, Collective::all_gather, bytes, shard_group_, CommRole::parameter_gather});
}

void sync_stages(const Plan& plan, const Training& training, Workload& workload, bool gathers) {
  const DataSync dense = DataSync::dense(plan, training);
  const DataSync experts = DataSync::experts(plan, training);
  for (Stage& stage : workload.stages) {
    if (dense.needed()) dense.reduce(stage.data_calls, stage.trained_parameters, stage_names);
    if (experts.needed()) {
      experts.reduce(stage.data_calls, stage.trained_expert_parameters, expert_names);
    }
    if (plan.sharding == Sharding::gradients) stage.repeated_calls = stage.data_calls;
    if (!gathers) continue;
    // ZeRO gathers what was updated, FSDP whole stages.
    const bool whole = plan.sharding == Sharding::fsdp;
    dense.gather(stage.data_calls, whole ? stage.parameters : stage.trained_parameters, stage_names,
                 whole ? stage.quantized_parameters : 0.0);
    experts.gather(stage.data_calls,
                   whole ? stage.expert_parameters : stage.trained_expert_parameters, expert_names);
  }
}

}  // namespace lockstep
