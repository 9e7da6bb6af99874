#include "sim/engine/stage_time.hpp"

#include <algorithm>
#include <cmath>

#include "sim/compute/op_cost.hpp"

namespace lockstep {

namespace {

double as_double(std::int64_t value) {
  return static_cast<double>(value);
}

Part part_of(const Op& op, bool recompute) {
  switch (op.op_class) {
    case OpClass::linear:
      return recompute ? Part::linear_recompute : Part::linear;
    case OpClass::attention:
      return Part::attention;
    case OpClass::elementwise:
      return Part::elementwise;
    case OpClass::head_and_loss:
    case OpClass::embedding:
      return Part::ends;
    case OpClass::optimizer:
      return Part::optimizer;
  }
  return Part::elementwise;
}

}  // namespace

Seconds Parts::total() const {
  Seconds sum;
  for (const Seconds value : values_) sum += value;
  return sum;
}

void Parts::add(const Parts& other, double times) {
  for (std::size_t i = 0; i < values_.size(); ++i) values_[i] += times * other.values_[i];
}

StageTimer::StageTimer(const Cluster& cluster, const Plan& plan, const Workload& workload,
                       const Communication& communication)
    : gpu_(cluster.system.gpu),
      plan_(plan),
      software_(plan.software),
      workload_(workload),
      communication_(communication) {
  layer_ = block_time(workload.layer, false);
  embedding_ = block_time(workload.embedding, true);
  head_ = block_time(workload.head, true);
  if (workload.boundary.bytes.value() <= 0) return;
  for (std::int64_t i = 0; i < plan.pipeline.stages; ++i) {
    transfers_.push_back(communication.transfer_cost(workload.boundary, i).time);
  }
}

Seconds StageTimer::transfer_from(std::int64_t stage) const {
  if (transfers_.empty()) return Seconds{};
  const auto count = static_cast<std::int64_t>(transfers_.size());
  return transfers_[static_cast<std::size_t>((stage + count) % count)];
}

// Share of a tensor-parallel collective that the step waits for. Forward, nothing runs beside it
// but userbuffer pipelining; backward, the weight gradient does (profile constants).
double StageTimer::exposed_share(CommRole role) const {
  if (role == CommRole::tensor_forward) return *software_.tensor_forward_exposed;
  return plan_.sequence_parallel ? *software_.tensor_sequence_backward_exposed
                                 : *software_.tensor_backward_exposed;
}

Parts StageTimer::pass_time(const Pass& pass, bool recompute, bool ends) const {
  Parts parts;
  for (const Op& op : pass.ops) {
    parts[ends ? Part::ends : part_of(op, recompute)] += op_time(gpu_, software_, op);
  }
  for (const CollectiveCall& call : pass.calls) {
    parts[Part::tensor_exposed] += exposed_share(call.role) * communication_.cost(call).time;
  }
  return parts;
}

StageTimer::BlockTime StageTimer::block_time(const Block& block, bool ends) const {
  return {pass_time(block.forward, false, ends), pass_time(block.backward, false, ends),
          pass_time(block.recompute, true, ends)};
}

// One FSDP unit beside the compute of one unit:
//   with prefetch max(compute + sigma min(comm, compute), comm), without compute + comm.
// sigma: seconds of compute lost per second that both share SMs and HBM. The order of prefetches is
// ignored.
Seconds StageTimer::add_fsdp(Parts& parts, const std::vector<CollectiveCall>& calls,
                             Seconds beside) const {
  Seconds comm;
  for (const CollectiveCall& call : calls) comm += communication_.overlapped_time(call);
  if (!software_.fsdp_prefetch) {
    parts[Part::fsdp_exposed] += comm;
    return Seconds{};
  }
  const Seconds slowdown = *gpu_.overlap_slowdown * std::min(comm, beside);
  parts[Part::slowdown] += slowdown;
  parts[Part::fsdp_exposed] += std::max(Seconds{}, comm - beside - slowdown);
  return comm > beside + slowdown ? beside + slowdown : Seconds{};
}

void StageTimer::add_layers(StageTime& time, double layers, bool recomputes) const {
  if (layers <= 0) return;
  Parts forward = layer_.forward;
  Parts backward = layer_.backward;
  if (recomputes) backward.add(layer_.recompute);
  time.hidden_compute += layers * add_fsdp(forward, workload_.fsdp_layer_forward, forward.total());
  time.hidden_compute +=
      layers * add_fsdp(backward, workload_.fsdp_layer_backward, backward.total());
  time.forward.add(forward, layers);
  time.backward.add(backward, layers);
}

// The CPU launches a micro-batch while the GPU runs it; whichever is slower sets the pace, softened
// because both vary: t = (gpu^p + cpu^p)^(1/p). Fitted to small-model runs of one framework; p from
// the profile.
void StageTimer::add_host(StageTime& time, const Stage& stage) const {
  const double layers = as_double(stage.layers);
  const double recomputed = as_double(stage.recomputed_layers);
  const double passes_sync = 2 * layers + (plan_.recompute == Recompute::full ? recomputed : 0.0);
  time.backward[Part::host_sync] += passes_sync * *software_.sync_per_layer;

  const double tensor_factor = plan_.tensor > 1 ? *software_.host_tensor_parallel_factor : 1.0;
  // Selective recompute launches a part of a layer's kernels again.
  const double again = static_cast<double>(workload_.layer.recompute.ops.size()) /
                       static_cast<double>(workload_.layer.forward.ops.size());
  const double passes = layers * (1 + *software_.host_backward_factor) + recomputed * again;
  const Seconds cpu =
      passes * tensor_factor * *software_.host_per_layer + *software_.host_per_micro_batch;
  const double gpu = time.total().value();
  const double p = *software_.host_gpu_exponent;
  const double both = std::pow(std::pow(gpu, p) + std::pow(cpu.value(), p), 1.0 / p);
  time.backward[Part::host_launch] += Seconds{both - gpu};
}

StageTime StageTimer::time(const Stage& stage) const {
  StageTime time;
  add_layers(time, as_double(stage.layers - stage.recomputed_layers), false);
  add_layers(time, as_double(stage.recomputed_layers), true);
  if (stage.has_embedding) {
    time.forward.add(embedding_.forward);
    time.backward.add(embedding_.backward);
    add_fsdp(time.backward, workload_.fsdp_embedding, time.forward.total());
  }
  if (stage.has_head) {
    time.forward.add(head_.forward);
    time.backward.add(head_.backward);
    add_fsdp(time.backward, workload_.fsdp_head, time.forward.total());
  }
  // Activations to the next stage and gradients to the one before, once per model chunk. The ends
  // send only round the wrap, which interleaving has and plain stages have not.
  const double chunks = as_double(workload_.interleave);
  const double exposed = *software_.pipeline_exposed;
  const double outward = stage.has_head ? chunks - 1 : chunks;
  const double inward = stage.has_embedding ? chunks - 1 : chunks;
  time.forward[Part::pipeline_exposed] += outward * exposed * transfer_from(stage.index);
  time.backward[Part::pipeline_exposed] += inward * exposed * transfer_from(stage.index - 1);
  add_host(time, stage);
  return time;
}

void StageTimer::tally_pass(const Pass& pass, double calls, CollectiveTally& tally) const {
  for (const CollectiveCall& call : pass.calls) {
    const Seconds one = communication_.cost(call).time;
    tally.add(call, calls, one, exposed_share(call.role) * one);
  }
}

void StageTimer::tally(const Stage& stage, double micro_batches, CollectiveTally& tally) const {
  const double layers = as_double(stage.layers) * micro_batches;
  const double recomputed = as_double(stage.recomputed_layers) * micro_batches;
  tally_pass(workload_.layer.forward, layers, tally);
  tally_pass(workload_.layer.recompute, recomputed, tally);
  tally_pass(workload_.layer.backward, layers, tally);
  if (stage.has_embedding) {
    tally_pass(workload_.embedding.forward, micro_batches, tally);
    tally_pass(workload_.embedding.backward, micro_batches, tally);
  }
  if (stage.has_head) {
    tally_pass(workload_.head.forward, micro_batches, tally);
    tally_pass(workload_.head.backward, micro_batches, tally);
  }

  // FSDP: what is exposed belongs to the unit's calls together; each gets its share by time.
  const StageTime time = this->time(stage);
  const Seconds exposed = time.forward[Part::fsdp_exposed] + time.backward[Part::fsdp_exposed];
  Seconds all;
  const auto each = [&](const auto& visit) {
    for (const auto& [calls, times] :
         {std::pair{&workload_.fsdp_layer_forward, as_double(stage.layers)},
          std::pair{&workload_.fsdp_layer_backward, as_double(stage.layers)},
          std::pair{&workload_.fsdp_embedding, stage.has_embedding ? 1.0 : 0.0},
          std::pair{&workload_.fsdp_head, stage.has_head ? 1.0 : 0.0}}) {
      for (const CollectiveCall& call : *calls)
        visit(call, times, communication_.overlapped_time(call));
    }
  };
  each([&](const CollectiveCall&, double times, Seconds one) { all += times * one; });
  if (all.value() > 0) {
    const double share = exposed / all;
    each([&](const CollectiveCall& call, double times, Seconds one) {
      tally.add(call, times * micro_batches, one, share * one);
    });
  }
  const double exposed_share = *software_.pipeline_exposed;
  const double chunks = as_double(workload_.interleave);
  tally.add(workload_.boundary, (stage.has_head ? chunks - 1 : chunks) * micro_batches,
            transfer_from(stage.index), exposed_share * transfer_from(stage.index));
  tally.add(workload_.boundary, (stage.has_embedding ? chunks - 1 : chunks) * micro_batches,
            transfer_from(stage.index - 1), exposed_share * transfer_from(stage.index - 1));
}

}  // namespace lockstep
