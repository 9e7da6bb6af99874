#include "sim/engine/step_work.hpp"

#include <algorithm>
#include <cmath>

#include "sim/compute/op_cost.hpp"
#include "sim/engine/offload_time.hpp"

namespace lockstep {

namespace {

// Pieces beyond which a finer split of a chunk's gradients changes nothing that matters.
constexpr double most_buckets = 32.0;

double parameters(const Workload& workload, const Chunk& chunk) {
  double sum = 0;
  for (std::size_t kind = 0; kind < chunk.layers.size(); ++kind) {
    const Block& block = workload.kinds[kind].block;
    sum += static_cast<double>(chunk.layers[kind]) * (block.parameters + block.expert_parameters);
  }
  if (chunk.has_embedding) sum += workload.embedding.parameters;
  if (chunk.has_head) sum += workload.head.parameters;
  return sum;
}

struct Total {
  Seconds time;
  Bytes bytes;
};

Total total_of(const std::vector<CollectiveCall>& calls, CommRole role,
               const Communication& communication) {
  Total total;
  for (const CollectiveCall& call : calls) {
    if (call.role != role) continue;
    total.time += communication.cost(call).time;
    total.bytes += call.bytes;
  }
  return total;
}

// The calls of a stage, over its chunks by their parameters.
std::vector<SyncCost> over_chunks(const Plan& plan, const Workload& workload, const Stage& stage,
                                  const Total& total) {
  if (total.time <= Seconds{}) return {};
  double all = 0;
  for (const Chunk& chunk : stage.chunks) all += parameters(workload, chunk);
  std::vector<SyncCost> costs;
  for (const Chunk& chunk : stage.chunks) {
    const double share = all > 0 ? parameters(workload, chunk) / all : 0.0;
    const double buckets = std::ceil(share * total.bytes.value() / plan.gradient_bucket_bytes());
    costs.push_back({share * total.time, *plan.software.data_exposed,
                     static_cast<std::int64_t>(std::clamp(buckets, 1.0, most_buckets))});
  }
  return costs;
}

// What n pieces of a reduction show after the pass that they become ready in, evenly, one by one:
// the last piece, or what is left of all of them.
//   x C + max(C' / n, C' - W (n - 1) / n),  C' = (1 - x) C
Seconds exposed_beside(const SyncCost& cost, Seconds window) {
  const auto n = static_cast<double>(cost.buckets);
  const Seconds beside = (1.0 - cost.late_share) * cost.time;
  return cost.late_share * cost.time + std::max(beside / n, beside - ((n - 1) / n) * window);
}

PassCost pass_cost(const ChunkTime& time) {
  // Transfers are tasks of their own.
  return {time.forward.total() - time.forward[StepPart::pipeline_exposed],
          time.backward.total() - time.backward[StepPart::pipeline_exposed],
          time.weight_gradient.total()};
}

}  // namespace

StageSync stage_sync(const Plan& plan, const Workload& workload, const Stage& stage,
                     const Communication& communication) {
  StageSync sync;
  const auto total = [&](CommRole role) { return total_of(stage.data_calls, role, communication); };
  sync.gather = over_chunks(plan, workload, stage, total(CommRole::parameter_gather));
  if (stage.repeated_calls.empty()) {
    sync.reduce = over_chunks(plan, workload, stage, total(CommRole::gradient_reduce));
  }
  sync.after_reduce = total(CommRole::tied_embedding).time;
  return sync;
}

void add_repeated_reductions(const Plan& plan, const Workload& workload, const Stage& stage,
                             const Communication& communication, StageTime& time) {
  const Total total = total_of(stage.repeated_calls, CommRole::gradient_reduce, communication);
  const std::vector<SyncCost> costs = over_chunks(plan, workload, stage, total);
  for (std::size_t i = 0; i < costs.size(); ++i) {
    ChunkTime& chunk = time.chunks[i];
    const Seconds window = chunk.backward.total() + chunk.weight_gradient.total();
    chunk.backward[StepPart::data_exposed] += exposed_beside(costs[i], window);
  }
}

StageWork stage_work(const Cluster& cluster, const Plan& plan, const Workload& workload,
                     const Stage& stage, const Communication& communication,
                     const StageTime& time) {
  StageWork work;
  work.chunks.reserve(time.chunks.size());
  for (const ChunkTime& chunk : time.chunks) work.chunks.push_back(pass_cost(chunk));
  StageSync sync = stage_sync(plan, workload, stage, communication);
  work.gather = std::move(sync.gather);
  work.reduce = std::move(sync.reduce);
  work.after_reduce = sync.after_reduce;
  for (const Op& op : stage.optimizer_ops) {
    work.optimizer += op_time(cluster.system.gpu, plan.software, op);
  }
  work.optimizer += host_update(cluster, plan, stage, time.backward()).total();
  return work;
}

StepWork step_work(const Cluster& cluster, const Plan& plan, const Workload& workload,
                   const StageTimer& timer, const Communication& communication,
                   const std::vector<StageTime>& times) {
  StepWork work;
  work.schedule = find_schedule(workload.schedule);
  work.interleave = workload.interleave;
  work.micro_batches = workload.micro_batches;
  for (std::size_t i = 0; i < workload.stages.size(); ++i) {
    const Stage& stage = workload.stages[i];
    StageWork one = stage_work(cluster, plan, workload, stage, communication, times[i]);
    const StageTimer::Transfer next = timer.transfer_from(stage.index);
    const StageTimer::Transfer before = timer.transfer_from(stage.index - 1);
    one.forward_send_blocking = next.blocking;
    one.forward_send_hidden = next.hidden;
    one.backward_send_blocking = before.blocking;
    one.backward_send_hidden = before.hidden;
    work.stages.push_back(std::move(one));
  }
  return work;
}

StepWork without_sync(StepWork work) {
  for (StageWork& stage : work.stages) {
    stage.gather.clear();
    stage.reduce.clear();
    stage.after_reduce = Seconds{};
  }
  return work;
}

}  // namespace lockstep
