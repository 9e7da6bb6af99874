#include "sim/engine/stage_time.hpp"

#include <algorithm>
#include <cmath>

#include "sim/engine/timeline.hpp"
#include "strategies/pipeline/schedule.hpp"

namespace lockstep {

namespace {

double as_double(std::int64_t value) {
  return static_cast<double>(value);
}

void add(ChunkTime& sum, const ChunkTime& time, double times) {
  sum.forward.add(time.forward, times);
  sum.backward.add(time.backward, times);
  sum.weight_gradient.add(time.weight_gradient, times);
  sum.hidden_compute += times * time.hidden_compute;
}

}  // namespace

Parts StageTime::parts() const {
  Parts sum;
  for (const ChunkTime& chunk : chunks) {
    sum.add(chunk.forward);
    sum.add(chunk.backward);
    sum.add(chunk.weight_gradient);
  }
  return sum;
}

Seconds StageTime::forward() const {
  Seconds sum;
  for (const ChunkTime& chunk : chunks) sum += chunk.forward.total();
  return sum;
}

Seconds StageTime::backward() const {
  Seconds sum;
  for (const ChunkTime& chunk : chunks)
    sum += chunk.backward.total() + chunk.weight_gradient.total();
  return sum;
}

Seconds StageTime::hidden_compute() const {
  Seconds sum;
  for (const ChunkTime& chunk : chunks) sum += chunk.hidden_compute;
  return sum;
}

StageTimer::StageTimer(const Cluster& cluster, const Plan& plan, const Workload& workload,
                       const Communication& communication)
    : gpu_(cluster.system.gpu),
      plan_(plan),
      software_(plan.software),
      workload_(workload),
      communication_(communication),
      layers_(cluster, plan, communication) {
  for (const LayerKind& kind : workload.kinds) {
    kinds_.push_back(block_time(kind.block, false, kind.fsdp_forward, kind.fsdp_backward));
  }
  embedding_ = block_time(workload.embedding, true, {}, {});
  head_ = block_time(workload.head, true, {}, {});
  if (workload.boundary.bytes.value() <= 0) return;
  for (std::int64_t i = 0; i < plan.pipeline.stages; ++i) {
    transfers_.push_back(communication.transfer_cost(workload.boundary, i).time);
  }
}

StageTimer::Transfer StageTimer::transfer_from(std::int64_t stage) const {
  if (transfers_.empty()) return {};
  const auto count = static_cast<std::int64_t>(transfers_.size());
  const Seconds time = transfers_[static_cast<std::size_t>((stage + count) % count)];
  const double exposed = *software_.pipeline_exposed;
  return {exposed * time, (1.0 - exposed) * time};
}

StageTimer::BlockTime StageTimer::block_time(
    const Block& block, bool ends, const std::vector<CollectiveCall>& unit_forward,
    const std::vector<CollectiveCall>& unit_backward) const {
  const bool splits = find_schedule(workload_.schedule)->splits_backward;
  const PassTime forward = layers_.time(block.forward, {false, ends, false});
  const PassTime backward = layers_.time(block.backward, {false, ends, splits});
  const PassTime again = layers_.time(block.recompute, {true, ends, false});
  BlockTime time;
  time.plain.forward = forward.parts;
  time.plain.backward = backward.parts;
  time.plain.weight_gradient = backward.weight_gradient;
  time.recomputing = time.plain;
  time.recomputing.backward.add(again.parts);
  for (ChunkTime* chunk : {&time.plain, &time.recomputing}) {
    chunk->hidden_compute = add_unit(chunk->forward, unit_forward);
    chunk->hidden_compute += add_unit(chunk->backward, unit_backward);
  }
  return time;
}

// One FSDP unit beside the compute of one unit: with prefetch overlap() of timeline.hpp, without
// compute + comm. The order of prefetches is ignored.
Seconds StageTimer::add_unit(Parts& parts, const std::vector<CollectiveCall>& calls) const {
  Seconds comm;
  for (const CollectiveCall& call : calls) comm += communication_.overlapped_time(call);
  if (!software_.fsdp_prefetch) {
    parts[Part::fsdp_exposed] += comm;
    return Seconds{};
  }
  const Seconds beside = parts.total();
  const Overlap shared = overlap(beside, comm, *gpu_.overlap_slowdown);
  parts[Part::slowdown] += shared.slowdown;
  parts[Part::fsdp_exposed] += shared.exposed;
  return shared.exposed > Seconds{} ? beside + shared.slowdown : Seconds{};
}

// The units outside layers are gathered and reduced beside the forward pass.
void StageTimer::add_ends_unit(ChunkTime& time, const std::vector<CollectiveCall>& calls) const {
  Seconds comm;
  for (const CollectiveCall& call : calls) comm += communication_.overlapped_time(call);
  if (!software_.fsdp_prefetch) {
    time.backward[Part::fsdp_exposed] += comm;
    return;
  }
  const Overlap shared = overlap(time.forward.total(), comm, *gpu_.overlap_slowdown);
  time.backward[Part::slowdown] += shared.slowdown;
  time.backward[Part::fsdp_exposed] += shared.exposed;
}

ChunkTime StageTimer::chunk_time(const Chunk& chunk) const {
  ChunkTime time;
  for (std::size_t kind = 0; kind < chunk.layers.size(); ++kind) {
    add(time, kinds_[kind].plain, as_double(chunk.layers[kind] - chunk.recomputed[kind]));
    add(time, kinds_[kind].recomputing, as_double(chunk.recomputed[kind]));
  }
  if (chunk.has_embedding) {
    add(time, embedding_.plain, 1.0);
    add_ends_unit(time, workload_.fsdp_embedding);
  }
  if (chunk.has_head) {
    add(time, head_.plain, 1.0);
    add_ends_unit(time, workload_.fsdp_head);
  }
  return time;
}

// The CPU launches a micro-batch while the GPU runs it; whichever is slower sets the pace, softened
// because both vary: t = (gpu^p + cpu^p)^(1/p). Fitted to small-model runs of one framework; p from
// the profile. Spread evenly over the stage's chunks.
void StageTimer::add_host(StageTime& time, const Stage& stage) const {
  double passes = 0;
  const double tensor_factor = plan_.tensor > 1 ? *software_.host_tensor_parallel_factor : 1.0;
  for (const Chunk& chunk : stage.chunks) {
    for (std::size_t kind = 0; kind < chunk.layers.size(); ++kind) {
      const Block& block = workload_.kinds[kind].block;
      // Selective recompute launches a part of a layer's kernels again.
      const double again = static_cast<double>(block.recompute.ops.size()) /
                           static_cast<double>(block.forward.ops.size());
      passes += as_double(chunk.layers[kind]) * (1 + *software_.host_backward_factor) +
                as_double(chunk.recomputed[kind]) * again;
    }
  }
  const double layers = as_double(stage.layers);
  const double recomputed = as_double(stage.recomputed_layers);
  const double passes_sync = 2 * layers + (plan_.recompute == Recompute::full ? recomputed : 0.0);
  const Seconds sync = passes_sync * *software_.sync_per_layer;
  const Seconds cpu =
      passes * tensor_factor * *software_.host_per_layer + *software_.host_per_micro_batch;
  const double gpu = (time.total() + sync).value();
  const double p = *software_.host_gpu_exponent;
  const double both = std::pow(std::pow(gpu, p) + std::pow(cpu.value(), p), 1.0 / p);
  const double share = 1.0 / static_cast<double>(time.chunks.size());
  for (ChunkTime& chunk : time.chunks) {
    chunk.backward[Part::host_sync] += share * sync;
    chunk.backward[Part::host_launch] += share * Seconds{both - gpu};
  }
}

StageTime StageTimer::time(const Stage& stage) const {
  StageTime time;
  for (const Chunk& chunk : stage.chunks) time.chunks.push_back(chunk_time(chunk));
  // Activations to the next stage and gradients to the one before, once per model chunk. The ends
  // of the model send nothing outward.
  for (std::size_t i = 0; i < stage.chunks.size(); ++i) {
    const Chunk& chunk = stage.chunks[i];
    if (!chunk.has_head) {
      time.chunks[i].forward[Part::pipeline_exposed] += transfer_from(stage.index).blocking;
    }
    if (!chunk.has_embedding) {
      time.chunks[i].backward[Part::pipeline_exposed] += transfer_from(stage.index - 1).blocking;
    }
  }
  add_host(time, stage);
  return time;
}

void StageTimer::tally_pass(const Pass& pass, double calls, CollectiveTally& tally) const {
  for (const CollectiveCall& call : pass.calls) {
    const Seconds one = communication_.cost(call).time;
    const bool between = call.after == call.before;
    // What runs beside compute is exposed by what its line of the partition says, which the layer
    // timeline knows for the pass as a whole.
    tally.add(call, calls, one, between ? layers_.exposed_share(call) * one : Seconds{});
  }
}

void StageTimer::tally_blocks(const Chunk& chunk, double micro_batches,
                              CollectiveTally& tally) const {
  for (std::size_t kind = 0; kind < chunk.layers.size(); ++kind) {
    const Block& block = workload_.kinds[kind].block;
    tally_pass(block.forward, as_double(chunk.layers[kind]) * micro_batches, tally);
    tally_pass(block.recompute, as_double(chunk.recomputed[kind]) * micro_batches, tally);
    tally_pass(block.backward, as_double(chunk.layers[kind]) * micro_batches, tally);
  }
  if (chunk.has_embedding) {
    tally_pass(workload_.embedding.forward, micro_batches, tally);
    tally_pass(workload_.embedding.backward, micro_batches, tally);
  }
  if (chunk.has_head) {
    tally_pass(workload_.head.forward, micro_batches, tally);
    tally_pass(workload_.head.backward, micro_batches, tally);
  }
}

// FSDP: what is exposed belongs to the unit's calls together; each gets its share by time.
void StageTimer::tally_units(const Stage& stage, double micro_batches,
                             CollectiveTally& tally) const {
  const Seconds exposed = time(stage).parts()[Part::fsdp_exposed];
  const auto each = [&](const auto& visit) {
    const auto all = [&](const std::vector<CollectiveCall>& calls, double times) {
      for (const CollectiveCall& call : calls)
        visit(call, times, communication_.overlapped_time(call));
    };
    for (const Chunk& chunk : stage.chunks) {
      for (std::size_t kind = 0; kind < chunk.layers.size(); ++kind) {
        all(workload_.kinds[kind].fsdp_forward, as_double(chunk.layers[kind]));
        all(workload_.kinds[kind].fsdp_backward, as_double(chunk.layers[kind]));
      }
    }
    if (stage.has_embedding) all(workload_.fsdp_embedding, 1.0);
    if (stage.has_head) all(workload_.fsdp_head, 1.0);
  };
  Seconds sum;
  each([&](const CollectiveCall&, double times, Seconds one) { sum += times * one; });
  if (sum.value() <= 0) return;
  const double share = exposed / sum;
  each([&](const CollectiveCall& call, double times, Seconds one) {
    tally.add(call, times * micro_batches, one, share * one);
  });
}

void StageTimer::tally(const Stage& stage, double micro_batches, CollectiveTally& tally) const {
  double sends_forward = 0;
  double sends_backward = 0;
  for (const Chunk& chunk : stage.chunks) {
    tally_blocks(chunk, micro_batches, tally);
    sends_forward += chunk.has_head ? 0.0 : micro_batches;
    sends_backward += chunk.has_embedding ? 0.0 : micro_batches;
  }
  tally_units(stage, micro_batches, tally);
  const Transfer next = transfer_from(stage.index);
  const Transfer before = transfer_from(stage.index - 1);
  tally.add(workload_.boundary, sends_forward, next.blocking + next.hidden, next.blocking);
  tally.add(workload_.boundary, sends_backward, before.blocking + before.hidden, before.blocking);
}

}  // namespace lockstep
