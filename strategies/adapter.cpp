#include "strategies/adapter.hpp"

#include <algorithm>

namespace lockstep {

namespace {

bool separates(char c) {
  return c == ',' || c == '+' || c == ' ';
}

void join(LoraTargets& all, const LoraTargets& more) {
  for (bool LoraTargets::*one :
       {&LoraTargets::query, &LoraTargets::key, &LoraTargets::value, &LoraTargets::output,
        &LoraTargets::gate, &LoraTargets::up, &LoraTargets::down}) {
    all.*one = all.*one || more.*one;
  }
}

}  // namespace

const std::vector<AdapterTarget>& adapter_targets() {
  static const std::vector<AdapterTarget> table{
      {"q", {true, false, false, false, false, false, false}, "projection to queries"},
      {"k", {false, true, false, false, false, false, false}, "projection to keys"},
      {"v", {false, false, true, false, false, false, false}, "projection to values"},
      {"o", {false, false, false, true, false, false, false}, "projection after attention"},
      {"gate", {false, false, false, false, true, false, false}, "gate projection of the MLP"},
      {"up", {false, false, false, false, false, true, false}, "up projection of the MLP"},
      {"down", {false, false, false, false, false, false, true}, "down projection of the MLP"},
      {"attention", {true, true, true, true, false, false, false}, "q, k, v and o"},
      {"mlp", {false, false, false, false, true, true, true}, "gate, up and down"},
      {"all", {true, true, true, true, true, true, true}, "every linear of a layer"},
  };
  return table;
}

std::optional<LoraTargets> parse_adapter_targets(std::string_view text, std::string* unknown) {
  LoraTargets targets;
  while (!text.empty()) {
    const auto end = std::find_if(text.begin(), text.end(), separates);
    const std::string_view name = text.substr(0, static_cast<std::size_t>(end - text.begin()));
    text.remove_prefix(std::min(text.size(), name.size() + 1));
    if (name.empty()) continue;
    const auto& table = adapter_targets();
    const auto found = std::find_if(table.begin(), table.end(),
                                    [&](const AdapterTarget& known) { return name == known.name; });
    if (found == table.end()) {
      if (unknown != nullptr) *unknown = std::string(name);
      return std::nullopt;
    }
    join(targets, found->linears);
  }
  return targets;
}

double quantized_bytes(FrozenWeights frozen) {
  constexpr double four_bits = 0.5;
  constexpr double block = 64;         // weights that share a scale
  constexpr double scale_block = 256;  // scales that share a scale of theirs
  if (frozen == FrozenWeights::nf4_double) return four_bits + (1 + 4 / scale_block) / block;
  return four_bits + 4 / block;
}

}  // namespace lockstep
