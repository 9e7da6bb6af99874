#include "sim/engine/step_work.hpp"

#include <algorithm>
#include <cmath>

#include "sim/compute/op_cost.hpp"
#include "sim/engine/stage_time.hpp"

namespace lockstep {

namespace {

// The pass without the transfer that follows it, which the step timeline places itself.
Seconds without_transfer(const Parts& parts) {
  return parts.total() - parts[Part::pipeline_exposed];
}

// The calls of a role, shared by the stage's chunks: one bucket per layer, and the share that the
// software doesn't manage to hide.
std::vector<SyncCost> sync_of(const Stage& stage, CommRole role, double exposed_share,
                              const Communication& communication) {
  Seconds all;
  for (const CollectiveCall& call : stage.data_calls) {
    if (call.role == role) all += communication.cost(call).time;
  }
  const auto chunks = static_cast<std::int64_t>(stage.chunks.size());
  if (all.value() <= 0 || chunks == 0) return {};
  const std::int64_t buckets = std::max<std::int64_t>(stage.layers / chunks, 1);
  return std::vector<SyncCost>(stage.chunks.size(),
                               {all / static_cast<double>(chunks), exposed_share, buckets});
}

StageWork stage_work(const Stage& stage, const StageTimer& timer, const Cluster& cluster,
                     const Software& software, const Communication& communication) {
  StageWork work;
  for (const ChunkTime& chunk : timer.time(stage).chunks) {
    work.chunks.push_back({without_transfer(chunk.forward), without_transfer(chunk.backward),
                           chunk.weight_gradient.total()});
  }
  const double late = *software.data_exposed;
  work.gather = sync_of(stage, CommRole::parameter_gather, late, communication);
  work.reduce = sync_of(stage, CommRole::gradient_reduce, late, communication);
  const StageTimer::Transfer next = timer.transfer_from(stage.index);
  const StageTimer::Transfer before = timer.transfer_from(stage.index - 1);
  work.forward_send_blocking = next.blocking;
  work.forward_send_hidden = next.hidden;
  work.backward_send_blocking = before.blocking;
  work.backward_send_hidden = before.hidden;
  for (const CollectiveCall& call : stage.data_calls) {
    if (call.role == CommRole::tied_embedding) work.after_reduce += communication.cost(call).time;
  }
  for (const Op& op : stage.optimizer_ops) {
    work.optimizer += op_time(cluster.system.gpu, software, op);
  }
  return work;
}

}  // namespace

StepWork step_work(const Cluster& cluster, const Plan& plan, const Workload& workload) {
  const Communication communication(cluster, plan);
  const StageTimer timer(cluster, plan, workload, communication);
  StepWork work;
  work.schedule = find_schedule(workload.schedule);
  work.interleave = workload.interleave;
  work.micro_batches = workload.micro_batches;
  for (const Stage& stage : workload.stages) {
    work.stages.push_back(stage_work(stage, timer, cluster, plan.software, communication));
  }
  work.host = *plan.software.host_per_step;
  return work;
}

}  // namespace lockstep
