// Weights, gradients and optimizer state: bytes per parameter by the profile, over the ranks that
// shard each (Rajbhandari et al. 2020, ZeRO, arXiv:1910.02054, section 3), less what is offloaded;
// and the copies that some software keeps of them.
#include <algorithm>

#include "strategies/memory/lists.hpp"

namespace lockstep::memory {

namespace {

bool narrow_linears(const RankShape& at) {
  return at.linear_dtype == Dtype::fp8 || at.linear_dtype == Dtype::mxfp8 ||
         at.linear_dtype == Dtype::fp4;
}

// What software keeps of the weights besides. Source of the fp8 copies: Transformer Engine, fp8
// weight workspaces cached over the micro-batches of a step, with their transpose where the GEMM
// needs one.
void list_copies(StageTensors& list) {
  const Software& software = list.software;
  if (list.plan.replicas() > 1 && list.plan.sharding != Sharding::fsdp) {
    list.add({"gradient buckets", TensorClass::communication_buffers,
              Bytes{(list.stage.trained_parameters + list.stage.trained_expert_parameters) *
                    software.ddp_bucket_bytes}});
  }
  if (software.cached_weight_gradients && !list.context.training.adapter.used()) {
    list.add({"cached weight gradients", TensorClass::other,
              Bytes{list.context.shape.element * list.all.sizes.weight_shapes}, Lifetime::step(),
              list.context.shape.element});
  }
  if (narrow_linears(list.context.shape) && list.plan.sharding != Sharding::fsdp) {
    list.add({"low-precision weights", TensorClass::weights,
              Bytes{software.fp8_weight_copies * list.layer_parameters()}, Lifetime::step(), 1});
  }
}

}  // namespace

void list_states(StageTensors& list) {
  const StateShards& shards = list.all.shards;
  const StateShards& expert = list.all.expert_shards;
  const Offload& offload = list.plan.offload;
  const double p = list.stage.trained_parameters;
  const double e = list.stage.trained_expert_parameters;
  const double quantized = list.stage.quantized_parameters / shards.weights;
  const double weights = list.stage.parameters / shards.weights - quantized +
                         list.stage.expert_parameters / expert.weights;
  const double narrow = list.all.quantized;
  list.add({"weights", TensorClass::weights,
            Bytes{list.bytes.weight * (1 - offload.weights) * weights}, Lifetime::step(),
            list.bytes.weight, shards.weights, "data"});
  list.add({"4-bit weights", TensorClass::weights,
            Bytes{narrow * (1 - offload.weights) * quantized}, Lifetime::step(), narrow,
            shards.weights, "data"});
  list.add({"dequantised weights", TensorClass::recompute_workspace,
            Bytes{list.context.shape.element * list.software.dequantized_layers *
                  list.all.sizes.largest_quantized},
            Lifetime::passes(), list.context.shape.element});
  // Gradients of weights on the host go there too, as soon as they are reduced.
  list.add({"gradients", TensorClass::gradients,
            Bytes{list.bytes.gradient * (1 - offload.weights) *
                  (p / shards.gradients + e / expert.gradients)},
            list.all.gradients_before_backward
                ? Lifetime::step()
                : Lifetime::at(Moment::backward_end, Moment::optimizer_step),
            list.bytes.gradient, shards.gradients, "data"});
  const double local = p / shards.optimizer + e / expert.optimizer;
  const double on_device = 1 - std::max(offload.optimizer, offload.weights);
  list.add({"optimizer state", TensorClass::optimizer,
            Bytes{list.bytes.optimizer * on_device * local}, Lifetime::step(), list.bytes.optimizer,
            shards.optimizer, "data"});
  list.add({"optimizer temporaries", TensorClass::optimizer,
            Bytes{list.software.optimizer_temporaries * on_device * local},
            Lifetime::at(Moment::optimizer_step), 4, shards.optimizer, "data"});
  list.add({"library workspaces", TensorClass::other, Bytes{list.software.workspace_bytes}});
  list_copies(list);
}

}  // namespace lockstep::memory
