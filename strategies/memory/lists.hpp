// The tensors of one stage, listed subject by subject. One .cpp file each.
#pragma once

#include "strategies/layer/blocks.hpp"
#include "strategies/recompute.hpp"
#include "strategies/state_bytes.hpp"

namespace lockstep::memory {

// What every list reads, and where it writes.
class StageTensors {
 public:
  StageTensors(const BlockContext& block_context, const Workload& all, Stage& one);

  const BlockContext& context;
  const Workload& workload;
  const Plan& plan;
  const Software& software;
  Stage& stage;
  StateBytes bytes;
  RecomputePolicy policy;

  // Lists a tensor, unless it is empty.
  void add(const Tensor& tensor);

  // Bytes that a layer of a kind saves without recompute, and as the plan recomputes.
  [[nodiscard]] double whole(std::size_t kind) const;
  [[nodiscard]] double kept(std::size_t kind) const;
  [[nodiscard]] double largest_layer_parameters() const;
  [[nodiscard]] double largest_quantized_layer() const;
  // Of the same layer, gathered by FSDP; and trained.
  [[nodiscard]] double gathered_layer_bytes() const;
  [[nodiscard]] double trained_layer_parameters() const;
  // Of the stage's layers on one rank; embedding and head, which stay in 16 bit, left out.
  [[nodiscard]] double layer_parameters() const;
  // Gradients exist before the first backward of a step only where the software keeps their
  // buffers, or where an earlier micro-batch has filled them.
  [[nodiscard]] bool gradients_before_backward() const;
};

// states.cpp: weights, gradients, optimizer state and copies of them.
void list_states(StageTensors& list);
// activations.cpp: what micro-batches in flight have saved, and what a backward pass brings back.
void list_activations(StageTensors& list);
// buffers.cpp: what communication holds, whole FSDP units included.
void list_buffers(StageTensors& list);
// loss.cpp: logits and what the loss makes of them.
void list_loss(StageTensors& list);

}  // namespace lockstep::memory
