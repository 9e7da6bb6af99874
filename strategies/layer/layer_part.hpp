// The parts of a layer that can be recomputed one by one.
#pragma once

#include <cstdint>

namespace lockstep {

enum class LayerPart : std::uint8_t {
  none,  // never recomputed alone: residual additions
  norms,
  qkv_projection,        // with the rotary embedding and query/key norms
  latent_up_projection,  // MLA: from the latents to queries, keys and values
  attention_core,
  output_projection,
  up_projection,  // with the gate
  activation,
  down_projection,
  router,
  expert_exchange,  // dispatch, permutation and combine
  expert_linears,
  expert_activation,
  shared_experts,
  count
};

// A set of parts.
class LayerParts {
 public:
  constexpr LayerParts() = default;
  template <class... Part>
  static constexpr LayerParts of(Part... parts) {
    LayerParts set;
    ((set.bits_ |= bit(parts)), ...);
    return set;
  }
  [[nodiscard]] constexpr bool has(LayerPart part) const { return (bits_ & bit(part)) != 0; }
  [[nodiscard]] constexpr bool empty() const { return bits_ == 0; }
  constexpr void add(LayerParts other) { bits_ |= other.bits_; }

 private:
  static constexpr std::uint32_t bit(LayerPart part) {
    return part == LayerPart::none ? 0u : 1u << static_cast<unsigned>(part);
  }
  std::uint32_t bits_ = 0;
};

}  // namespace lockstep
