#include "sim/engine/plan_traffic.hpp"

#include <algorithm>

#include "strategies/rank_order.hpp"

namespace lockstep {
namespace {

double as_double(std::int64_t value) {
  return static_cast<double>(value);
}

// Sums of one stage, in the order in which the names first appear.
class StageTraffic {
 public:
  explicit StageTraffic(const Plan& plan) : plan_(plan) {}

  void add(const CollectiveCall& call, double calls) {
    if (calls <= 0 || call.bytes <= Bytes{}) return;
    const GroupGrid grid = group_grid(plan_, call.group);
    const auto known = std::find_if(flows_.begin(), flows_.end(), [&](const Flow& flow) {
      return flow.name == call.name && flow.collective == call.collective &&
             flow.degree == grid.degree && flow.stride == grid.stride &&
             flow.ends_only == grid.ends_only;
    });
    if (known == flows_.end()) {
      flows_.push_back({call.name, call.collective, grid.degree, grid.stride, grid.ends_only,
                        call.bytes, calls, 0.0});
      return;
    }
    // Calls of several sizes count with their mean size.
    const Bytes sum = known->calls * known->bytes + calls * call.bytes;
    known->calls += calls;
    known->bytes = sum / known->calls;
  }
  void add(const std::vector<CollectiveCall>& calls, double times) {
    for (const CollectiveCall& call : calls) add(call, times);
  }
  void add(const Block& block, double layers, double recomputed) {
    add(block.forward.calls, layers);
    add(block.recompute.calls, recomputed);
    add(block.backward.calls, layers);
  }

  [[nodiscard]] const std::vector<Flow>& flows() const { return flows_; }

 private:
  const Plan& plan_;
  std::vector<Flow> flows_;
};

StageTraffic traffic_of(const Stage& stage, const Plan& plan, const Workload& workload) {
  const double micro_batches = as_double(workload.micro_batches);
  StageTraffic traffic(plan);
  for (std::size_t kind = 0; kind < workload.kinds.size(); ++kind) {
    double layers = 0;
    double recomputed = 0;
    for (const Chunk& chunk : stage.chunks) {
      layers += as_double(chunk.layers[kind]) * micro_batches;
      recomputed += as_double(chunk.recomputed[kind]) * micro_batches;
    }
    traffic.add(workload.kinds[kind].block, layers, recomputed);
    traffic.add(workload.kinds[kind].fsdp_forward, layers);
    traffic.add(workload.kinds[kind].fsdp_backward, layers);
  }
  if (stage.has_embedding) {
    traffic.add(workload.embedding, micro_batches, 0.0);
    traffic.add(workload.fsdp_embedding, micro_batches);
  }
  if (stage.has_head) {
    traffic.add(workload.head, micro_batches, 0.0);
    traffic.add(workload.fsdp_head, micro_batches);
  }
  traffic.add(stage.data_calls, 1.0);
  traffic.add(stage.repeated_calls, micro_batches - 1);
  return traffic;
}

Bytes bytes_of(const Flow& flow) {
  return flow.calls * flow.bytes;
}

}  // namespace

GroupGrid group_grid(const Plan& plan, GroupKind group) {
  return group_grid(plan, group, rank_strides(plan));
}

GroupGrid group_grid(const Plan& plan, GroupKind group, const RankStrides& strides) {
  const bool sharded = plan.sharding != Sharding::none;
  const std::int64_t all = plan.replicas();
  const std::int64_t shard = sharded ? plan.shard_ranks() : all;
  const std::int64_t expert_all = plan.expert_replicas();
  const std::int64_t expert_shard = sharded ? plan.expert_shard_ranks() : expert_all;
  switch (group) {
    case GroupKind::tensor:
      return {plan.tensor, strides.tensor};
    case GroupKind::context:
      return {plan.context.degree, strides.context};
    case GroupKind::expert:
      return {plan.expert.degree, strides.expert};
    case GroupKind::expert_tensor:
      return {plan.expert_tensor(), strides.expert_tensor};
    case GroupKind::data:
      return {all, strides.replicas};
    case GroupKind::shard:
      return {shard, strides.replicas};
    case GroupKind::replicate:
      return {all / shard, strides.replicas * shard};
    case GroupKind::expert_data:
      return {expert_all, strides.expert_data};
    case GroupKind::expert_shard:
      return {expert_shard, strides.expert_data};
    case GroupKind::expert_replicate:
      return {expert_all / expert_shard, strides.expert_data * expert_shard};
    case GroupKind::pipeline_neighbor:
      return {plan.pipeline.stages, strides.pipeline};
    case GroupKind::pipeline_ends:
      return {plan.pipeline.stages, strides.pipeline, true};
    case GroupKind::count:
      break;
  }
  return {};
}

std::vector<Flow> plan_flows(const Plan& plan, const Workload& workload) {
  std::vector<Flow> flows;
  for (const Stage& stage : workload.stages) {
    const StageTraffic traffic = traffic_of(stage, plan, workload);
    for (const Flow& flow : traffic.flows()) {
      const auto known = std::find_if(flows.begin(), flows.end(), [&](const Flow& other) {
        return other.name == flow.name && other.collective == flow.collective &&
               other.degree == flow.degree && other.stride == flow.stride;
      });
      if (known == flows.end()) {
        flows.push_back(flow);
      } else if (bytes_of(flow) > bytes_of(*known)) {
        *known = flow;
      }
    }
  }
  if (workload.boundary.bytes > Bytes{}) {
    const GroupGrid grid = group_grid(plan, GroupKind::pipeline_neighbor);
    const double micro_batches = as_double(workload.micro_batches);
    const double chunks = as_double(workload.interleave);
    flows.push_back({workload.boundary.name, Collective::send_recv, grid.degree, grid.stride, false,
                     workload.boundary.bytes, chunks * micro_batches,
                     (chunks - 1) * micro_batches});
  }
  return flows;
}

}  // namespace lockstep
