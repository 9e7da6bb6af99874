// The tensors of one stage, listed subject by subject. One .cpp file each.
#pragma once

#include <array>
#include <vector>

#include "strategies/block_sizes.hpp"
#include "strategies/parallel/parallel.hpp"
#include "strategies/state_bytes.hpp"

namespace lockstep::memory {

constexpr std::size_t moment_count = 5;

// Of a stage, and of each of its chunks: room that is rarely outgrown.
constexpr std::size_t usual_tensors = 24;
constexpr std::size_t usual_chunk_tensors = 5;

// Bytes of a stage at every moment, added up as its tensors are listed.
struct AliveBytes {
  std::array<double, moment_count> always{};  // by Moment, without what chunks save
  std::vector<double> chunks;                 // saved by one micro-batch in each chunk

  void restart(std::size_t chunk_count) {
    always.fill(0.0);
    chunks.assign(chunk_count, 0.0);
  }
  // Chunks' tensors live from a forward pass to its backward pass: Lifetime::saved().
  void add(const Tensor& tensor) {
    const double bytes = tensor.bytes.value();
    if (tensor.chunk >= 0) {
      chunks[static_cast<std::size_t>(tensor.chunk)] += bytes;
      return;
    }
    for (std::size_t i = 0; i < moment_count; ++i) {
      if (tensor.lifetime.has(static_cast<Moment>(i))) always[i] += bytes;
    }
  }
};

// What the lists of all stages read.
struct PlanTensors {
  PlanTensors(const BlockContext& block_context, const BlockSizes& block_sizes,
              const Workload& all);

  const BlockContext& context;
  const BlockSizes& sizes;
  const Workload& workload;
  const Plan& plan;
  const Software& software;
  StateBytes bytes;
  StateShards shards;
  StateShards expert_shards;
  double quantized = 0;             // bytes of a parameter in 4 bits
  double gathered_layer_bytes = 0;  // of the largest layer, gathered by FSDP
  bool pipelined = false;           // more than one stage
  // Gradients exist before the first backward of a step only where the software keeps their
  // buffers, or where an earlier micro-batch has filled them.
  bool gradients_before_backward = false;
};

// One stage's lists: what they read besides, and where they write.
class StageTensors {
 public:
  // `tensors` may be null: nothing but the sums is wanted. `alive` starts again from nothing.
  StageTensors(const PlanTensors& of_plan, const Stage& one, AliveBytes& sums,
               std::vector<Tensor>* tensors)
      : all(of_plan),
        context(of_plan.context),
        workload(of_plan.workload),
        plan(of_plan.plan),
        software(of_plan.software),
        bytes(of_plan.bytes),
        stage(one),
        alive(sums),
        tensors_(tensors) {
    alive.restart(stage.chunks.size());
  }

  const PlanTensors& all;
  const BlockContext& context;
  const Workload& workload;
  const Plan& plan;
  const Software& software;
  const StateBytes& bytes;
  const Stage& stage;
  AliveBytes& alive;

  // Lists a tensor, unless it is empty.
  void add(const Tensor& tensor) {
    if (tensor.bytes.value() <= 0) return;
    alive.add(tensor);
    if (tensors_ != nullptr) tensors_->push_back(tensor);
  }

  // Bytes that a layer of a kind saves without recompute, and as the plan recomputes.
  [[nodiscard]] double whole(std::size_t kind) const {
    return all.sizes.layers[kind].whole.value();
  }
  [[nodiscard]] double kept(std::size_t kind) const { return all.sizes.layers[kind].kept.value(); }
  // Of the stage's layers on one rank; embedding and head, which stay in 16 bit, left out.
  [[nodiscard]] double layer_parameters() const;

 private:
  std::vector<Tensor>* tensors_;
};

// Every list below.
void list_stage(StageTensors& list);
// All of them but activations.
void list_all_but_activations(StageTensors& list);

// states.cpp: weights, gradients, optimizer state and copies of them.
void list_states(StageTensors& list);
// activations.cpp: what micro-batches in flight have saved, and what a backward pass brings back.
void list_activations(StageTensors& list);
// buffers.cpp: what communication holds, whole FSDP units included.
void list_buffers(StageTensors& list);
// loss.cpp: logits and what the loss makes of them.
void list_loss(StageTensors& list);

}  // namespace lockstep::memory
