#include "strategies/memory.hpp"

#include <algorithm>

#include "strategies/parallel/parallel.hpp"
#include "strategies/state_bytes.hpp"

namespace lockstep {

namespace {

double as_double(std::int64_t value) {
  return static_cast<double>(value);
}

using Tensors = std::vector<Tensor>;

void add(Tensors& tensors, const char* name, TensorClass tensor_class, double bytes) {
  if (bytes > 0) tensors.push_back({name, tensor_class, Bytes{bytes}});
}

// One stage of one plan; each method lists the tensors of one subject.
class StageMemoryList {
 public:
  StageMemoryList(const BlockContext& context, const Workload& workload, const Stage& stage)
      : context_(context),
        workload_(workload),
        stage_(stage),
        software_(context.plan.software),
        bytes_(state_bytes(context.plan, context.training)),
        fsdp_(context.plan.sharding == Sharding::fsdp && context.plan.shard_ranks() > 1) {}

  // Weights, gradients and optimizer state: bytes per parameter by the profile, over the ranks that
  // shard each.
  // `gradients`: whether the instant already has them.
  void states(Tensors& tensors, bool gradients) const {
    const StateShards shards = state_shards(context_.plan);
    const StateShards expert = expert_state_shards(context_.plan);
    const double p = stage_.parameters;
    const double e = stage_.expert_parameters;
    add(tensors, "weights", TensorClass::weights,
        bytes_.weight * (p / shards.weights + e / expert.weights));
    if (gradients) {
      add(tensors, "gradients", TensorClass::gradients,
          bytes_.gradient * (p / shards.gradients + e / expert.gradients));
    }
    add(tensors, "optimizer state", TensorClass::optimizer,
        bytes_.optimizer * (p / shards.optimizer + e / expert.optimizer));
    if (context_.plan.replicas() > 1 && context_.plan.sharding != Sharding::fsdp) {
      add(tensors, "gradient buckets", TensorClass::communication_buffers,
          p * software_.ddp_bucket_bytes);
    }
    if (software_.cached_weight_gradients) {
      add(tensors, "cached weight gradients", TensorClass::other,
          context_.shape.element * largest_layer_parameters());
    }
  }

  // Gradients exist before the first backward of a step only where the software keeps their
  // buffers, or where an earlier micro-batch has filled them.
  [[nodiscard]] bool gradients_before_backward() const {
    return software_.gradients_persist || workload_.micro_batches > 1;
  }

  // What all micro-batches in flight have saved.
  void activations(Tensors& tensors) const {
    const double flight = stage_.micro_batches_in_flight;
    const bool full = context_.plan.recompute == Recompute::full;
    for (const Chunk& chunk : stage_.chunks) {
      for (std::size_t kind = 0; kind < chunk.layers.size(); ++kind) {
        const double plain = as_double(chunk.layers[kind] - chunk.recomputed[kind]);
        const double recomputed = as_double(chunk.recomputed[kind]);
        add(tensors, "activations", TensorClass::activations, flight * plain * whole(kind));
        add(tensors, full ? "layer inputs" : "activations", TensorClass::activations,
            flight * recomputed * kept(kind));
      }
    }
    if (stage_.has_embedding) {
      add(tensors, "activations", TensorClass::activations,
          flight * workload_.embedding.saved_bytes(Recompute::none, software_.selective_recompute)
                       .value());
    }
    add(tensors, "pipeline buffers", TensorClass::pipeline_buffers,
        workload_.stages.size() > 1
            ? flight * software_.pipeline_buffers * context_.shape.hidden_state().value()
            : 0.0);
  }

  // Gathered inputs under sequence parallelism (two gathered tensors and one gradient), received
  // and sent activations between stages.
  void buffers(Tensors& tensors) const {
    const double u = context_.shape.hidden_state().value();
    if (context_.plan.sequence_parallel) {
      add(tensors, "gathered sequence buffers", TensorClass::communication_buffers, 3 * u);
    }
    if (workload_.stages.size() > 1) {
      add(tensors, "stage transfer buffers", TensorClass::communication_buffers,
          2 * context_.shape.residual().value());
    }
  }

  // FSDP units that are whole: the layers in use and prefetched (all of them where none is
  // resharded), and the root unit. `gradients`: whether backward has begun, so that a layer's
  // gradient waits to be reduced and the head's has been waiting since the loss. A stage that stays
  // gathered has whole gradients too.
  void unsharded(Tensors& tensors, double layers, bool gradients) const {
    if (!fsdp_) return;
    constexpr auto kind = TensorClass::unsharded_units;
    if (fsdp_keeps_stage_gathered(context_.plan)) {
      add(tensors, "unsharded stage", kind, bytes_.gather * stage_.parameters);
      add(tensors, "unsharded gradients", kind, bytes_.gradient * stage_.parameters);
      return;
    }
    const double all = as_double(stage_.layers);
    const double units = software_.reshard_after_forward ? std::min(layers, all) : all;
    add(tensors, "unsharded layers", kind, units * bytes_.gather * largest_layer_parameters());
    const double head = stage_.has_head ? workload_.head.parameters : 0.0;
    if (software_.fsdp_root_unsharded) {
      const double embedding = stage_.has_embedding ? workload_.embedding.parameters : 0.0;
      add(tensors, "unsharded embedding and head", kind, (embedding + head) * bytes_.gather);
      if (gradients) add(tensors, "unsharded head gradient", kind, head * bytes_.gather);
    }
    if (gradients) {
      add(tensors, "unsharded gradients", kind,
          (bytes_.reduce + bytes_.gather) * largest_layer_parameters());
    }
  }

  // Logits with what the loss makes of them, the head's input, and the head's weight gradient.
  void loss(Tensors& tensors) const {
    const RankShape& at = context_.shape;
    const double rows = as_double(at.vocabulary);
    const double logits = at.tokens * (software_.vocabulary_parallel ? rows / at.tensor : rows);
    add(tensors, "logits and loss", TensorClass::logits_and_loss, software_.logit_bytes * logits);
    add(tensors, "logits and loss", TensorClass::logits_and_loss,
        workload_.head.saved_bytes(Recompute::none, software_.selective_recompute).value());
    add(tensors, "head weight gradient", TensorClass::logits_and_loss,
        at.element * rows * at.hidden / at.tensor);
  }

  // While the first layer of backward runs: what recompute brings back, and gradients of
  // activations.
  void backward_layer(Tensors& tensors) const {
    double again = 0;
    double wave = 0;
    for (std::size_t kind = 0; kind < workload_.kinds.size(); ++kind) {
      again = std::max(again, whole(kind) - kept(kind));
      wave = std::max(wave, workload_.kinds[kind].block.gradient_wave.value());
    }
    if (stage_.recomputed_layers > 0) {
      add(tensors, "recomputed layer", TensorClass::recompute_workspace, again);
    }
    add(tensors, "activation gradients", TensorClass::recompute_workspace, wave);
  }

 private:
  // Bytes that a layer of a kind saves without recompute, and as the plan recomputes.
  [[nodiscard]] double whole(std::size_t kind) const {
    return workload_.kinds[kind]
        .block.saved_bytes(Recompute::none, software_.selective_recompute)
        .value();
  }
  [[nodiscard]] double kept(std::size_t kind) const {
    return workload_.kinds[kind]
        .block.saved_bytes(context_.plan.recompute, software_.selective_recompute)
        .value();
  }
  [[nodiscard]] double largest_layer_parameters() const {
    double most = 0;
    for (const LayerKind& kind : workload_.kinds) {
      most = std::max(most, kind.block.parameters + kind.block.expert_parameters);
    }
    return most;
  }

  const BlockContext& context_;
  const Workload& workload_;
  const Stage& stage_;
  const Software& software_;
  StateBytes bytes_;
  bool fsdp_;
};

}  // namespace

Bytes MemoryInstant::total() const {
  Bytes sum;
  for (const Tensor& tensor : tensors) sum += tensor.bytes;
  return sum;
}

void add_memory(const BlockContext& context, Workload& workload) {
  const Software& software = context.plan.software;
  for (Stage& stage : workload.stages) {
    const StageMemoryList list(context, workload, stage);
    MemoryInstant backward{"first layer of the backward pass", {}};
    list.states(backward.tensors, list.gradients_before_backward());
    list.activations(backward.tensors);
    list.backward_layer(backward.tensors);
    list.buffers(backward.tensors);
    list.unsharded(backward.tensors, software.fsdp_units_in_flight, true);
    stage.instants.push_back(std::move(backward));
    if (!list.gradients_before_backward()) {
      MemoryInstant end{"end of the backward pass", {}};
      list.states(end.tensors, true);
      list.backward_layer(end.tensors);
      list.buffers(end.tensors);
      list.unsharded(end.tensors, 1, true);
      stage.instants.push_back(std::move(end));
    }
    if (stage.has_head) {
      MemoryInstant loss{"loss of the last micro-batch in flight", {}};
      list.states(loss.tensors, list.gradients_before_backward());
      list.activations(loss.tensors);
      list.loss(loss.tensors);
      list.buffers(loss.tensors);
      list.unsharded(loss.tensors, 1, false);
      stage.instants.push_back(std::move(loss));
    }
  }
}

}  // namespace lockstep
