// The parts of a layer by the names that plans use.
#include <algorithm>

#include "strategies/layer/layer_spec.hpp"
#include "strategies/recompute.hpp"

namespace lockstep {

namespace {

bool separates(char c) {
  return c == ',' || c == '+' || c == ' ';
}

const RecomputePart* find_part(std::string_view name) {
  for (const RecomputePart& part : recompute_parts()) {
    if (name == part.name || (*part.alias != '\0' && name == part.alias)) return &part;
  }
  return nullptr;
}

}  // namespace

const std::vector<RecomputePart>& recompute_parts() {
  using P = LayerPart;
  static const std::vector<RecomputePart> table{
      {"norms", "layernorm", LayerParts::of(P::norms), "norms before attention and MLP"},
      {"qkv-projection", "", LayerParts::of(P::qkv_projection),
       "projection to queries, keys and values, with rotary embedding"},
      {"latent-up-projection", "mla_up_proj", LayerParts::of(P::latent_up_projection),
       "MLA: from the latents to queries, keys and values"},
      {"attention-core", "core_attn", LayerParts::of(P::attention_core),
       "scores, softmax and their product with the values"},
      {"output-projection", "", LayerParts::of(P::output_projection), "projection after attention"},
      {"attention", "",
       LayerParts::of(P::norms, P::qkv_projection, P::latent_up_projection, P::attention_core,
                      P::output_projection),
       "all of attention, norms included"},
      {"up-projection", "", LayerParts::of(P::up_projection),
       "up (and gate) projection of the MLP"},
      {"activation", "moe_act", LayerParts::of(P::activation, P::expert_activation),
       "activation function of the MLP or of the experts"},
      {"down-projection", "", LayerParts::of(P::down_projection), "down projection of the MLP"},
      {"mlp", "mlp", LayerParts::of(P::up_projection, P::activation, P::down_projection),
       "the whole MLP of layers without experts"},
      {"moe", "moe",
       LayerParts::of(P::router, P::expert_exchange, P::expert_linears, P::expert_activation,
                      P::shared_experts),
       "router, exchange and experts"},
      {"shared-experts", "shared_experts", LayerParts::of(P::shared_experts),
       "experts that every token meets"},
  };
  return table;
}

std::optional<LayerParts> parse_recompute_parts(std::string_view text, std::string* unknown) {
  LayerParts parts;
  while (!text.empty()) {
    const auto end = std::find_if(text.begin(), text.end(), separates);
    const std::string_view name = text.substr(0, static_cast<std::size_t>(end - text.begin()));
    text.remove_prefix(std::min(text.size(), name.size() + 1));
    if (name.empty()) continue;
    const RecomputePart* part = find_part(name);
    if (part == nullptr) {
      if (unknown != nullptr) *unknown = std::string(name);
      return std::nullopt;
    }
    parts.add(part->parts);
  }
  return parts;
}

RecomputePolicy recompute_policy(const Plan& plan) {
  RecomputePolicy policy;
  policy.mode = plan.recompute;
  if (plan.recompute != Recompute::selective) return policy;
  policy.parts = parse_recompute_parts(plan.recompute_parts, nullptr).value_or(LayerParts{});
  if (!policy.parts.empty()) return policy;
  policy.per_op = plan.software.selective_recompute == SelectiveRecompute::per_op;
  if (!policy.per_op) policy.parts = LayerParts::of(LayerPart::attention_core);
  return policy;
}

// Full recompute keeps the input alone. Selective keeps, of the tensors of the parts that run
// again, what goes into the part and nothing else holds; or, per op, what each tensor says.
Bytes saved_bytes(const Block& block, const RecomputePolicy& policy) {
  if (policy.mode == Recompute::full) return block.input;
  Bytes sum;
  for (const SavedTensor& tensor : block.saved) {
    if (policy.mode == Recompute::none) {
      sum += tensor.bytes;
    } else if (policy.per_op) {
      sum += tensor.kept_per_op;
    } else {
      sum += policy.parts.has(tensor.part) ? tensor.part_input : tensor.bytes;
    }
  }
  return sum;
}

bool model_has_one_of(const Model& model, const LayerParts& parts) {
  using P = LayerPart;
  LayerParts present = LayerParts::of(P::norms, P::attention_core, P::output_projection);
  present.add(
      LayerParts::of(model.has_latent_attention() ? P::latent_up_projection : P::qkv_projection));
  bool dense = false;
  for (std::int64_t i = 0; i < model.layers; ++i) {
    if (!layer_spec(model, i).experts) {
      dense = true;
      continue;
    }
    present.add(
        LayerParts::of(P::router, P::expert_exchange, P::expert_linears, P::expert_activation));
    if (model.experts.shared > 0) present.add(LayerParts::of(P::shared_experts));
  }
  if (dense) present.add(LayerParts::of(P::up_projection, P::activation, P::down_projection));
  for (auto part = static_cast<int>(P::none); part < static_cast<int>(P::count); ++part) {
    const auto one = static_cast<LayerPart>(part);
    if (present.has(one) && parts.has(one)) return true;
  }
  return false;
}

}  // namespace lockstep
