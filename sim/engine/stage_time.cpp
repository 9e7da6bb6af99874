#include "sim/engine/stage_time.hpp"

#include <algorithm>
#include <cmath>

#include "sim/engine/offload_time.hpp"
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

bool same_layers(const Chunk& a, const Chunk& b) {
  return a.layers == b.layers && a.recomputed == b.recomputed &&
         a.has_embedding == b.has_embedding && a.has_head == b.has_head;
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

WorkloadPasses::WorkloadPasses(const Cluster& cluster, const Plan& plan, const Workload& workload,
                               const Communication& communication) {
  const LayerTimer layers(cluster, plan, communication);
  const bool splits = find_schedule(workload.schedule)->splits_backward;
  const auto passes = [&](const Block& block, bool ends) -> BlockPasses {
    return {layers.time(block.forward, {false, ends, false}),
            layers.time(block.backward, {false, ends, splits}),
            layers.time(block.recompute, {true, ends, false})};
  };
  kinds.reserve(workload.kinds.size());
  for (const LayerKind& kind : workload.kinds) kinds.push_back(passes(kind.block, false));
  embedding = passes(workload.embedding, true);
  head = passes(workload.head, true);
}

StageTimer::StageTimer(const Cluster& cluster, const Plan& plan, const Workload& workload,
                       const Communication& communication, const WorkloadPasses& passes)
    : cluster_(cluster),
      gpu_(cluster.system.gpu),
      plan_(plan),
      software_(plan.software),
      workload_(workload),
      communication_(communication),
      passes_(passes) {
  kinds_.reserve(workload.kinds.size());
  for (std::size_t i = 0; i < workload.kinds.size(); ++i) {
    const LayerKind& kind = workload.kinds[i];
    kinds_.push_back(block_time(passes.kinds[i], kind.fsdp_forward, kind.fsdp_backward));
    add_copies(kind, kinds_.back());
  }
  embedding_ = block_time(passes.embedding, {}, {});
  head_ = block_time(passes.head, {}, {});
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

// Activations go to the next virtual stage and gradients to the one before; the ends of the model
// send nothing outward, and neighbouring chunks of one stage nothing to each other.
StageTimer::Sends StageTimer::sends_of(std::int64_t stage, std::int64_t chunk) const {
  const std::int64_t stages = plan_.pipeline.stages;
  const ChunkLayout layout = find_schedule(workload_.schedule)->layout;
  const std::int64_t here = virtual_stage(layout, stages, {stage, chunk});
  const auto to = [&](std::int64_t n, bool onward) -> Transfer {
    if (n < 0 || n >= stages * workload_.interleave) return {};
    const std::int64_t there = chunk_place(layout, stages, n).stage;
    if (there == stage) return {};
    const bool next = there == (stage + 1) % stages;
    const bool before = stage == (there + 1) % stages;
    return transfer_from((next && before ? onward : next) ? stage : stage - 1);
  };
  return {to(here + 1, true), to(here - 1, false)};
}

StageTimer::BlockTime StageTimer::block_time(
    const BlockPasses& passes, const std::vector<CollectiveCall>& unit_forward,
    const std::vector<CollectiveCall>& unit_backward) const {
  BlockTime time;
  time.plain.forward = passes.forward.parts;
  time.plain.backward = passes.backward.parts;
  time.plain.weight_gradient = passes.backward.weight_gradient;
  time.recomputing = time.plain;
  time.recomputing.backward.add(passes.again.parts);
  for (ChunkTime* chunk : {&time.plain, &time.recomputing}) {
    chunk->hidden_compute = add_unit(chunk->forward, unit_forward);
    chunk->hidden_compute += add_unit(chunk->backward, unit_backward);
  }
  for (const CollectiveCall& call : unit_forward) time.unit += communication_.overlapped_time(call);
  return time;
}

// One FSDP unit beside one unit's pass: with prefetch overlap() of timeline.hpp, without compute +
// comm. Only the kernels of the pass are slowed. The order of prefetches is ignored.
Seconds StageTimer::add_unit(Parts& parts, const std::vector<CollectiveCall>& calls) const {
  Seconds comm;
  for (const CollectiveCall& call : calls) comm += communication_.overlapped_time(call);
  if (!plan_.prefetches()) {
    parts[StepPart::fsdp_exposed] += comm;
    return Seconds{};
  }
  const Seconds beside = parts.total();
  const Overlap shared = overlap(beside, comm, slowdown_of(parts));
  parts[StepPart::slowdown] += shared.slowdown;
  parts[StepPart::fsdp_exposed] += shared.exposed;
  return shared.exposed > Seconds{} ? beside + shared.slowdown : Seconds{};
}

// Copies of a layer run beside its compute and collectives: the slowest of them sets the pace.
// Ignores the bandwidth of HBM that they take.
void StageTimer::add_copies(const LayerKind& kind, BlockTime& time) const {
  for (ChunkTime* chunk : {&time.plain, &time.recomputing}) {
    const Seconds backward = chunk->backward.total() + chunk->weight_gradient.total();
    chunk->forward[StepPart::copy_exposed] +=
        exposed_copies(cluster_, plan_, kind.copies_forward, chunk->forward.total());
    chunk->backward[StepPart::copy_exposed] +=
        exposed_copies(cluster_, plan_, kind.copies_backward, backward);
  }
}

// Seconds lost per second of communication beside a pass: sigma for the share of it that computes.
double StageTimer::slowdown_of(const Parts& parts) const {
  const Seconds all = parts.total();
  return all > Seconds{} ? *gpu_.overlap_slowdown * (parts.compute() / all) : 0.0;
}

// The units outside layers are gathered and reduced beside the forward pass, as far as the units of
// the layers leave it: `window`, from which it takes its own.
void StageTimer::add_ends_unit(ChunkTime& time, const std::vector<CollectiveCall>& calls,
                               Seconds& window) const {
  Seconds comm;
  for (const CollectiveCall& call : calls) comm += communication_.overlapped_time(call);
  if (!plan_.prefetches()) {
    time.backward[StepPart::fsdp_exposed] += comm;
    return;
  }
  const Overlap shared = overlap(window, comm, slowdown_of(time.forward));
  window = std::max(Seconds{}, window - comm);
  time.backward[StepPart::slowdown] += shared.slowdown;
  time.backward[StepPart::fsdp_exposed] += shared.exposed;
}

ChunkTime StageTimer::chunk_time(const Chunk& chunk) const {
  ChunkTime time;
  Seconds units;  // the layers' FSDP units beside the forward pass
  for (std::size_t kind = 0; kind < chunk.layers.size(); ++kind) {
    add(time, kinds_[kind].plain, as_double(chunk.layers[kind] - chunk.recomputed[kind]));
    add(time, kinds_[kind].recomputing, as_double(chunk.recomputed[kind]));
    units += as_double(chunk.layers[kind]) * kinds_[kind].unit;
  }
  if (chunk.has_embedding) add(time, embedding_.plain, 1.0);
  if (chunk.has_head) add(time, head_.plain, 1.0);
  Seconds window = std::max(Seconds{}, time.forward.total() - units);
  if (chunk.has_embedding) add_ends_unit(time, workload_.fsdp_embedding, window);
  if (chunk.has_head) {
    add_ends_unit(time, workload_.fsdp_head, window);
  }
  return time;
}

// The CPU launches a micro-batch while the GPU runs it; whichever is slower sets the pace, softened
// because both vary: t = (gpu^p + cpu^p)^(1/p). Fitted to small-model runs of one framework; p from
// the profile. A layer counts by what it launches over what a dense one does; replayed graphs take a
// share of it. Spread evenly over the stage's chunks.
void StageTimer::add_host(StageTime& time, const Stage& stage) const {
  double passes = 0;  // of dense layers, in launches
  double routed = 0;  // passes in which the host waits for the counts of routed tokens
  const double tensor_factor = plan_.tensor > 1 ? *software_.host_tensor_parallel_factor : 1.0;
  for (const Chunk& chunk : stage.chunks) {
    for (std::size_t kind = 0; kind < chunk.layers.size(); ++kind) {
      const Block& block = workload_.kinds[kind].block;
      // Selective recompute launches a part of a layer's kernels again.
      const double again = static_cast<double>(block.recompute.ops.size()) /
                           static_cast<double>(block.forward.ops.size());
      const double as_dense = block.launches / block.dense_launches;
      const double runs = as_double(chunk.layers[kind]);
      const double runs_again = as_double(chunk.recomputed[kind]) * again;
      passes += as_dense * (runs * (1 + *software_.host_backward_factor) + runs_again);
      if (block.waits_for_routing) routed += runs + runs_again;
    }
  }
  const double layers = as_double(stage.layers);
  const double recomputed = as_double(stage.recomputed_layers);
  const double passes_sync = 2 * layers + (plan_.recompute == Recompute::full ? recomputed : 0.0);
  const Seconds sync =
      passes_sync * *software_.sync_per_layer + routed * *software_.expert_sync;
  const double graphs = software_.cuda_graphs ? *software_.cuda_graph_share : 1.0;
  const Seconds cpu = passes * graphs * tensor_factor * *software_.host_per_layer +
                      *software_.host_per_micro_batch;
  const double gpu = (time.total() + sync).value();
  const double p = *software_.host_gpu_exponent;
  const double both = std::pow(std::pow(gpu, p) + std::pow(cpu.value(), p), 1.0 / p);
  const double share = 1.0 / static_cast<double>(time.chunks.size());
  for (ChunkTime& chunk : time.chunks) {
    chunk.backward[StepPart::host_sync] += share * sync;
    chunk.backward[StepPart::host_launch] += share * Seconds{both - gpu};
  }
}

StageTime StageTimer::time(const Stage& stage, std::int64_t index) const {
  StageTime time;
  time.chunks.reserve(stage.chunks.size());
  for (std::size_t i = 0; i < stage.chunks.size(); ++i) {
    const bool again = i > 0 && same_layers(stage.chunks[i], stage.chunks[i - 1]);
    time.chunks.push_back(again ? time.chunks.back() : chunk_time(stage.chunks[i]));
  }
  for (std::size_t i = 0; i < stage.chunks.size(); ++i) {
    const Sends sends = sends_of(index, static_cast<std::int64_t>(i));
    time.chunks[i].forward[StepPart::pipeline_exposed] += sends.forward.blocking;
    time.chunks[i].backward[StepPart::pipeline_exposed] += sends.backward.blocking;
  }
  add_host(time, stage);
  return time;
}

void StageTimer::tally_pass(const Pass& pass, const std::vector<Seconds>& exposed, double calls,
                            CollectiveTally& tally) const {
  for (std::size_t i = 0; i < pass.calls.size(); ++i) {
    const CollectiveCall& call = pass.calls[i];
    tally.add(call, part_of(call.role), calls, communication_.cost(call).time, exposed[i]);
  }
}

void StageTimer::tally_block(const Block& block, const BlockPasses& exposed, double passes,
                             double again, CollectiveTally& tally) const {
  tally_pass(block.forward, exposed.forward.exposed, passes, tally);
  tally_pass(block.recompute, exposed.again.exposed, again, tally);
  tally_pass(block.backward, exposed.backward.exposed, passes, tally);
}

void StageTimer::tally_blocks(const Chunk& chunk, double micro_batches,
                              CollectiveTally& tally) const {
  for (std::size_t kind = 0; kind < chunk.layers.size(); ++kind) {
    tally_block(workload_.kinds[kind].block, passes_.kinds[kind],
                as_double(chunk.layers[kind]) * micro_batches,
                as_double(chunk.recomputed[kind]) * micro_batches, tally);
  }
  if (chunk.has_embedding) tally_block(workload_.embedding, passes_.embedding, micro_batches, 0, tally);
  if (chunk.has_head) tally_block(workload_.head, passes_.head, micro_batches, 0, tally);
}

// FSDP: what is exposed belongs to the unit's calls together; each gets its share by time.
void StageTimer::tally_units(const Stage& stage, double micro_batches,
                             CollectiveTally& tally) const {
  const Seconds exposed = time(stage).parts()[StepPart::fsdp_exposed];
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
    tally.add(call, StepPart::fsdp_exposed, times * micro_batches, one, share * one);
  });
}

void StageTimer::tally(const Stage& stage, double micro_batches, CollectiveTally& tally) const {
  for (std::size_t i = 0; i < stage.chunks.size(); ++i) {
    tally_blocks(stage.chunks[i], micro_batches, tally);
    const Sends sends = sends_of(stage.index, static_cast<std::int64_t>(i));
    for (const Transfer& send : {sends.forward, sends.backward}) {
      tally.add(workload_.boundary, StepPart::pipeline_exposed, micro_batches,
                send.blocking + send.hidden, send.blocking);
    }
  }
  tally_units(stage, micro_batches, tally);
}

}  // namespace lockstep
