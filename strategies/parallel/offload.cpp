// Offload to host memory. Shares a_o (optimizer), a_w (weights), a_a (activations) of what a rank
// holds lie on the host:
//   optimizer    gradients go to the host after they are reduced, the host updates, 16-bit weights
//                come back: a_o P g and a_o P w bytes a step, P local parameters. The update moves
//                30 B of host memory per parameter (as on the device, state_bytes.cpp).
//                Ren et al. 2021, ZeRO-Offload (arXiv:2101.06840), sections 3 and 5.
//   weights      under FSDP: a layer's shard comes in before every gather, its gradient shard leaves
//                after it is reduced: a_w P_l w / n in, a_w P_l g / n out, n ranks of a copy. Their
//                optimizer state is on the host too. Rajbhandari et al. 2021, ZeRO-Infinity
//                (arXiv:2104.07857), section 5; PyTorch FSDP's CPU offload.
//   activations  what a layer saved leaves after its forward pass and is back before its backward
//                pass. Rhu et al. 2016, vDNN (arXiv:1602.08124), section 3.
// Ignores pageable memory, NUMA distance, and NVMe below host memory.
#include <algorithm>

#include "strategies/parallel/offload.hpp"
#include "strategies/parallel/parallel.hpp"
#include "strategies/state_bytes.hpp"

namespace lockstep {

namespace {

// Bytes of host memory that the update of one parameter reads and writes: gradient, master weight
// and two moments in fp32 read, the latter three written, and the 16-bit weight written.
constexpr double host_update_bytes = 30;

void add_layer_copies(const BlockContext& context, const LayerSizes& sizes, LayerKind& kind) {
  const Offload& offload = context.plan.offload;
  if (offload.weights <= 0 && offload.activations <= 0) return;
  const StateBytes bytes = state_bytes(context.plan, context.training);
  const StateShards shards = state_shards(context.plan);
  const StateShards expert = expert_state_shards(context.plan);
  const Adapter& adapter = context.training.adapter;
  const double shard =
      kind.block.parameters / shards.weights + kind.block.expert_parameters / expert.weights;
  const double trained = kind.block.trained_parameters / shards.weights +
                         (adapter.used() ? 0.0 : kind.block.expert_parameters / expert.weights);
  const double saving = (bytes.weight - quantized_bytes(adapter.frozen)) *
                        kind.block.quantized_parameters / shards.weights;
  if (offload.weights > 0) {
    const HostCopy in{"weights from the host",
                      Bytes{offload.weights * (bytes.weight * shard - saving)}};
    kind.copies_forward.push_back(in);
    if (context.plan.reshards_after_forward()) kind.copies_backward.push_back(in);
    kind.copies_backward.push_back(
        {"gradients to the host", Bytes{offload.weights * bytes.gradient * trained}, true});
  }
  if (offload.activations > 0) {
    const Bytes saved = offload.activations * sizes.kept;
    kind.copies_forward.push_back({"activations to the host", saved, true});
    kind.copies_backward.push_back({"activations from the host", saved});
  }
}

// Parameters that one rank updates.
double local_parameters(const Plan& plan, const Stage& stage) {
  return stage.trained_parameters / state_shards(plan).optimizer +
         stage.trained_expert_parameters / expert_state_shards(plan).optimizer;
}

// Weights on the host are updated where they lie: only `optimizer` beyond them crosses the link.
void add_update(const BlockContext& context, Stage& stage) {
  const Offload& offload = context.plan.offload;
  const double crossing = std::max(0.0, offload.optimizer - offload.weights);
  const double on_host = std::max(offload.optimizer, offload.weights);
  if (on_host <= 0) return;
  const StateBytes bytes = state_bytes(context.plan, context.training);
  const double local = local_parameters(context.plan, stage);
  for (Op& op : stage.optimizer_ops) op.bytes *= 1 - on_host;
  stage.host_update = Bytes{host_update_bytes * on_host * local};
  if (crossing <= 0) return;
  stage.optimizer_copies.push_back(
      {"gradients to the host", Bytes{crossing * bytes.gradient * local}, true});
  stage.optimizer_copies.push_back(
      {"weights from the host", Bytes{crossing * bytes.weight * local}});
}

}  // namespace

Bytes host_states(const BlockContext& context, const Stage& stage) {
  const Offload& offload = context.plan.offload;
  if (offload.optimizer <= 0 && offload.weights <= 0) return {};
  const StateBytes bytes = state_bytes(context.plan, context.training);
  const double local = local_parameters(context.plan, stage);
  // The host keeps a gradient beside the state that it updates.
  const double state =
      std::max(offload.optimizer, offload.weights) * (bytes.optimizer + bytes.gradient) * local;
  const StateShards shards = state_shards(context.plan);
  const StateShards expert = expert_state_shards(context.plan);
  const double here = stage.parameters / shards.weights + stage.expert_parameters / expert.weights;
  const double saving = (bytes.weight - quantized_bytes(context.training.adapter.frozen)) *
                        stage.quantized_parameters / shards.weights;
  return Bytes{state + offload.weights * (bytes.weight * here - saving)};
}

Bytes host_activations(const BlockContext& context, const BlockSizes& sizes, const Stage& stage) {
  const double share = context.plan.offload.activations;
  if (share <= 0) return {};
  Bytes saved;
  for (const Chunk& chunk : stage.chunks) {
    for (std::size_t kind = 0; kind < chunk.layers.size(); ++kind) {
      const auto all = static_cast<double>(chunk.layers[kind]);
      const auto again = static_cast<double>(chunk.recomputed[kind]);
      saved += (all - again) * sizes.layers[kind].whole + again * sizes.layers[kind].kept;
    }
  }
  return share * stage.micro_batches_in_flight * saved;
}

Bytes host_bytes(const BlockContext& context, const BlockSizes& sizes, const Stage& stage) {
  return host_states(context, stage) + host_activations(context, sizes, stage);
}

void add_offload(const BlockContext& context, const BlockSizes& sizes, Workload& workload) {
  for (std::size_t kind = 0; kind < workload.kinds.size(); ++kind) {
    add_layer_copies(context, sizes.layers[kind], workload.kinds[kind]);
  }
  for (Stage& stage : workload.stages) add_update(context, stage);
}

}  // namespace lockstep
