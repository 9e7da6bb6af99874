// Which adapters can be trained on which model.
#include <fmt/format.h>

#include "strategies/plan.hpp"

namespace lockstep {

namespace {

std::string target_names() {
  std::string names;
  for (const AdapterTarget& target : adapter_targets()) {
    names += (names.empty() ? "" : ", ") + std::string(target.name);
  }
  return names;
}

bool sixteen_bit(Precision precision) {
  return precision == Precision::bf16 || precision == Precision::fp16;
}

void check_lora(const Model& model, const Adapter& adapter, std::vector<Violation>& found) {
  std::string unknown;
  const auto targets = parse_adapter_targets(adapter.targets, &unknown);
  if (!targets) {
    found.push_back({"E440", "adapter.targets",
                     fmt::format("no linear of a layer is called '{}'", unknown),
                     "one or more of: " + target_names()});
    return;
  }
  const LoraTargets& at = *targets;
  const bool attention = at.query || at.key || at.value || at.output;
  if (!attention && !at.mlp()) {
    found.push_back({"E440", "adapter.targets", "LoRA stands beside no linear",
                     "one or more of: " + target_names()});
  } else if (!attention && at.gate && !at.up && !at.down && !model.gated()) {
    found.push_back({"E440", "adapter.targets", "the MLP of this model has no gate projection",
                     "targets: up, down"});
  } else if (model.has_experts() && at.mlp()) {
    found.push_back(
        {"E441", "adapter.targets", "LoRA inside experts is not modelled", "targets: attention"});
  }
}

}  // namespace

std::vector<Violation> adapter_violations(const Model& model, const Training& training) {
  const Adapter& adapter = training.adapter;
  std::vector<Violation> found;
  if (!adapter.used()) {
    const Adapter plain;
    if (adapter.frozen != plain.frozen || adapter.dropout > 0 || adapter.rank != plain.rank ||
        adapter.targets != plain.targets || adapter.prompt_length != plain.prompt_length ||
        adapter.prompt_first_layer != plain.prompt_first_layer) {
      found.push_back({"E442", "adapter",
                       "these keys are an adapter's, and its kind is none",
                       "set adapter.kind: lora, or remove them"});
    }
    return found;
  }
  if (adapter.kind == AdapterKind::lora) {
    check_lora(model, adapter, found);
  } else if (adapter.dropout > 0) {
    found.push_back({"E442", "adapter.dropout", "dropout is of LoRA's input, and this is no LoRA",
                     "set adapter.kind: lora, or remove dropout"});
  }
  if (model.has_latent_attention()) {
    found.push_back({"E443", "adapter.kind", "adapters beside latent attention are not modelled",
                     "train every weight (adapter.kind: none), or take another model"});
  }
  if (model.has_experts() && (adapter.kind == AdapterKind::adapter_v2 || adapter.quantizes())) {
    found.push_back({"E441", adapter.quantizes() ? "adapter.frozen" : "adapter.kind",
                     "neither 4-bit experts nor adapters inside them are modelled",
                     "kind: lora with targets: attention and frozen: training"});
  }
  if (adapter.quantizes() && !sixteen_bit(training.precision)) {
    found.push_back({"E444", "adapter.frozen", "4-bit weights are made whole in 16 bit",
                     "set precision: bf16 or fp16, or frozen: training"});
  }
  return found;
}

}  // namespace lockstep
