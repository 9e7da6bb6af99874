// What communication holds: gathered inputs under sequence parallelism, activations between
// stages, keys and values of other context ranks, whole FSDP units, copies to and from the host.
#include <algorithm>

#include "strategies/memory/lists.hpp"

namespace lockstep::memory {

namespace {

constexpr auto buffers = TensorClass::communication_buffers;
constexpr auto units = TensorClass::unsharded_units;

double as_double(std::int64_t value) {
  return static_cast<double>(value);
}

// Two gathered tensors and one gradient under sequence parallelism (Megatron's global memory
// buffer; software whose layers keep gathered inputs has none); received and sent activations.
void list_transfers(StageTensors& list) {
  const RankShape& at = list.context.shape;
  const bool kept =
      list.software.gathered_inputs_kept > 0 || list.software.gathered_inputs_kept_pipelined > 0;
  if (list.plan.sequence_parallel && !kept) {
    list.add({"gathered sequence buffers", buffers, 3.0 * at.hidden_state(), Lifetime::step(),
              at.element});
  }
  if (list.all.pipelined) {
    // Where the software has buffers per micro-batch, activations arrive in and leave from those.
    const double own = list.software.pipeline_buffers > 0 ? 1.0 : 2.0;
    list.add(
        {"stage transfer buffers", buffers, own * at.residual(), Lifetime::step(), at.element});
  }
}

// One layer's exchange at a time. Transformer Engine's ring holds every block that it received and
// every step's output until the core is done (AttnFuncWithCPAndKVP2P: p2p_comm_buffers and
// out_per_step), forward only.
void list_context(StageTensors& list) {
  Bytes forward = list.all.sizes.exchange_forward;
  const Context& context = list.plan.context;
  if (list.software.context_keeps_steps && context.degree > 1 &&
      context.method == ContextMethod::ring) {
    const RankShape& at = list.context.shape;
    forward = at.context * (0.5 * forward + Bytes{at.tokens * at.query * at.element});
  }
  list.add({"context exchange buffers", buffers, forward, Lifetime::at(Moment::forward),
            list.context.shape.element});
  list.add({"context exchange buffers", buffers, list.all.sizes.exchange_backward,
            Lifetime::backward(), list.context.shape.element});
}

// FSDP1 with frozen and trained weights in one flat parameter: a unit's gradient hook never frees
// it, so that every unit is whole by the end of backward; the gradient is that of the whole flat
// parameter, put together from its pieces and padded for the reduction.
void list_frozen_units(StageTensors& list) {
  const StateBytes& bytes = list.bytes;
  const double saving = bytes.gather - list.all.quantized;
  const double all = bytes.gather * (list.stage.parameters + list.stage.expert_parameters) -
                     saving * list.stage.quantized_parameters;
  list.add({"unsharded stage", units, Bytes{all}, Lifetime::passes(), bytes.gather});
  constexpr double pieces_and_whole = 2;
  list.add({"unsharded gradients", units,
            Bytes{(bytes.reduce + pieces_and_whole * bytes.gather) * list.all.sizes.largest_layer},
            Lifetime::backward()});
}

// FSDP units that are whole: the layer in use and prefetched ones (all of them where none is
// resharded), and the root unit. Once backward has begun, a layer's gradient waits to be reduced
// and the head's has been waiting since the loss. A stage that stays gathered has whole gradients
// too.
void list_units(StageTensors& list) {
  const StateBytes& bytes = list.bytes;
  const Stage& stage = list.stage;
  if (list.plan.sharding != Sharding::fsdp || list.plan.shard_ranks() <= 1) return;
  if (list.context.training.adapter.used() && list.software.fsdp_frozen_gathered) {
    return list_frozen_units(list);
  }
  if (fsdp_keeps_stage_gathered(list.plan)) {
    const double whole = stage.parameters + stage.expert_parameters;
    list.add(
        {"unsharded stage", units, Bytes{bytes.gather * whole}, Lifetime::passes(), bytes.gather});
    list.add({"unsharded gradients", units, Bytes{bytes.gradient * whole}, Lifetime::passes(),
              bytes.gradient});
    return;
  }
  const double layer = list.all.gathered_layer_bytes;
  const double all = as_double(stage.layers);
  if (!list.plan.reshards_after_forward()) {
    const double saving = bytes.gather - list.all.quantized;
    list.add({"unsharded layers", units,
              Bytes{bytes.gather * list.layer_parameters() - saving * stage.quantized_parameters},
              Lifetime::passes(), bytes.gather});
  } else {
    const double in_use = std::min({1.0, all, list.plan.units_in_flight()});
    const double ahead = std::min(list.plan.units_in_flight(), all) - in_use;
    list.add({"unsharded layers", units, Bytes{in_use * layer}, Lifetime::passes(), bytes.gather});
    list.add({"prefetched layers", units, Bytes{ahead * layer},
              Lifetime::at(Moment::forward, Moment::backward), bytes.gather});
  }
  const bool frozen = list.context.training.adapter.used();
  const double head = stage.has_head ? list.workload.head.parameters : 0.0;
  if (list.software.fsdp_root_unsharded) {
    const double embedding = stage.has_embedding ? list.workload.embedding.parameters : 0.0;
    list.add({"unsharded embedding and head", units, Bytes{(embedding + head) * bytes.gather},
              Lifetime::passes(), bytes.gather});
    list.add({"unsharded head gradient", units, Bytes{frozen ? 0.0 : head * bytes.gather},
              Lifetime::backward(), bytes.gather});
  }
  list.add({"unsharded gradients", units,
            Bytes{(bytes.reduce + bytes.gather) * list.all.sizes.largest_trained},
            Lifetime::backward()});
}

// Two pieces on the way, one written while the other is read: a layer's shard of weights, and
// gradients in buckets of a layer on their way to an optimizer on the host.
void list_staging(StageTensors& list) {
  const Offload& offload = list.plan.offload;
  constexpr double pieces = 2;
  const StateShards& shards = list.all.shards;
  const double layer = list.all.sizes.largest_layer;
  list.add({"weights on their way", buffers,
            Bytes{pieces * offload.weights * list.bytes.weight * layer / shards.weights},
            Lifetime::passes(), list.bytes.weight});
  list.add({"gradients on their way", buffers,
            Bytes{pieces * std::max(offload.optimizer, offload.weights) * list.bytes.gradient *
                  layer / shards.optimizer},
            Lifetime::at(Moment::backward, Moment::backward_end, Moment::optimizer_step),
            list.bytes.gradient});
}

}  // namespace

void list_buffers(StageTensors& list) {
  list_transfers(list);
  list_context(list);
  list_units(list);
  list_staging(list);
}

}  // namespace lockstep::memory
