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
  const double layers = as_double(stage.layers) * micro_batches;
  StageTraffic traffic(plan);
  traffic.add(workload.layer, layers, as_double(stage.recomputed_layers) * micro_batches);
  traffic.add(workload.fsdp_layer_forward, layers);
  traffic.add(workload.fsdp_layer_backward, layers);
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
  const std::int64_t shard = plan.sharding == Sharding::none ? plan.data : plan.shard_ranks();
  const RankStrides strides = rank_strides(plan);
  switch (group) {
    case GroupKind::tensor:
      return {plan.tensor, strides.tensor};
    case GroupKind::data:
      return {plan.data, strides.data};
    case GroupKind::shard:
      return {shard, strides.data};
    case GroupKind::replicate:
      return {plan.data / shard, strides.data * shard};
    case GroupKind::pipeline_neighbor:
      return {plan.pipeline.stages, strides.pipeline};
    case GroupKind::pipeline_ends:
      return {plan.pipeline.stages, strides.pipeline, true};
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
