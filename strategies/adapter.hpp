// Fine-tuning with adapters: which weights stay as they are, what is trained in their place, and in
// what type the frozen ones are kept.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lockstep {

enum class AdapterKind {
  none,       // every weight is trained
  lora,       // a product of two narrow matrices beside chosen linears (Hu et al. 2021,
              // arXiv:2106.09685)
  prompt,     // trained tokens that attention also sees, gated (LLaMA-Adapter, Zhang et al. 2023,
              // arXiv:2303.16199)
  adapter_v2  // a scale and a bias on the output of every linear, and the norms (LLaMA-Adapter V2,
              // Gao et al. 2023, arXiv:2304.15010)
};

// Type in which frozen matrices of layers are kept.
enum class FrozenWeights {
  training,    // as they would be trained
  nf4,         // 4-bit NormalFloat, an fp32 scale per 64 weights (QLoRA, Dettmers et al. 2023,
               // arXiv:2305.14314, section 3)
  nf4_double,  // ... with the scales in 8 bits, in blocks of 256
};

struct Adapter {
  AdapterKind kind = AdapterKind::none;
  std::int64_t rank = 8;                // of LoRA's matrices
  std::string targets = "q, v";         // linears that LoRA stands beside; adapter_targets()
  double dropout = 0;                   // of LoRA's input
  std::int64_t prompt_length = 10;      // trained tokens of a layer
  std::int64_t prompt_first_layer = 2;  // layers before it see none, and nothing is trained there
  FrozenWeights frozen = FrozenWeights::training;

  [[nodiscard]] bool used() const { return kind != AdapterKind::none; }
  [[nodiscard]] bool quantizes() const { return used() && frozen != FrozenWeights::training; }
};

// Linears of a layer that LoRA can stand beside.
struct LoraTargets {
  bool query = false, key = false, value = false, output = false;
  bool gate = false, up = false, down = false;

  [[nodiscard]] bool mlp() const { return gate || up || down; }
};

// A name in `targets`, and what it stands for.
struct AdapterTarget {
  const char* name;
  LoraTargets linears;
  const char* description;
};
const std::vector<AdapterTarget>& adapter_targets();

// The linears that a text names, separated by commas, plus signs or spaces; nothing where a name is
// unknown, which then is in `unknown`.
std::optional<LoraTargets> parse_adapter_targets(std::string_view text, std::string* unknown);

// Bytes per quantised weight, scales included: 4 bits and 4 / 64 B of scale, or 1 / 64 + 4 / (64 x
// 256) B with double quantisation.
double quantized_bytes(FrozenWeights frozen);

}  // namespace lockstep
