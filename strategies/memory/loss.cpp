// Logits with what the loss makes of them, the head's input, and the head's weight gradient: the
// last stage's own instant.
#include "strategies/memory/lists.hpp"

namespace lockstep::memory {

void list_loss(StageTensors& list) {
  if (!list.stage.has_head) return;
  const RankShape& at = list.context.shape;
  const Software& software = list.software;
  const auto rows = static_cast<double>(at.vocabulary);
  const double shards = software.vocabulary_parallel ? at.tensor : 1.0;
  constexpr auto kind = TensorClass::logits_and_loss;
  constexpr Lifetime then = Lifetime::at(Moment::loss);
  const Bytes logits{software.logit_bytes * at.tokens * rows / shards};
  list.add({"logits and loss", kind, logits, then, software.logit_bytes, shards,
            shards > 1 ? "tensor" : ""});
  // Prediction modules have logits of their own, from their forward pass to their backward pass,
  // which follows at once in every schedule but GPipe.
  const auto modules = static_cast<double>(list.context.model.predicted_tokens);
  list.add({"prediction logits", kind, modules * logits,
            Lifetime::at(Moment::loss, Moment::backward), software.logit_bytes, shards,
            shards > 1 ? "tensor" : ""});
  list.add({"head input", kind, list.all.sizes.head_saved, then, at.element, at.residual_shards,
            at.residual_shards > 1 ? "tensor" : ""});
  const Adapter& adapter = list.context.training.adapter;
  if (adapter.kind == AdapterKind::adapter_v2) {
    list.add({"logits before their scale", kind, Bytes{at.element * at.tokens * rows / shards},
              then, at.element, shards, shards > 1 ? "tensor" : ""});
  }
  if (adapter.used()) return;
  list.add({"head weight gradient", kind, Bytes{at.element * rows * at.hidden / at.tensor}, then,
            at.element, at.tensor, at.tensor > 1 ? "tensor" : ""});
}

}  // namespace lockstep::memory
