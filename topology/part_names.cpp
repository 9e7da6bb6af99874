// Names of parts, both ways.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "topology/cluster_parts.hpp"

namespace lockstep {
namespace {

struct KindName {
  PartKind kind;
  std::string_view owner;  // "" where the part has none
  std::string_view part;
};

constexpr std::array<KindName, 9> kind_names = {{{PartKind::gpu, "node", "gpu"},
                                                 {PartKind::nvswitch, "node", "nvswitch"},
                                                 {PartKind::pcie_switch, "node", "pcie"},
                                                 {PartKind::cpu, "node", "cpu"},
                                                 {PartKind::nic, "node", "nic"},
                                                 {PartKind::leaf, "unit", "leaf"},
                                                 {PartKind::spine, "", "spine"},
                                                 {PartKind::spine, "pod", "spine"},
                                                 {PartKind::core, "", "core"}}};

// "gpu12" after "gpu" is 12; nothing for another word, a sign, a leading zero or more than nine
// digits.
std::optional<std::int64_t> number_after(std::string_view text, std::string_view word) {
  constexpr std::size_t most_digits = 9;
  if (text.substr(0, word.size()) != word) return std::nullopt;
  const std::string_view digits = text.substr(word.size());
  if (digits.empty() || digits.size() > most_digits || (digits.front() == '0' && digits.size() > 1))
    return std::nullopt;
  if (!std::all_of(digits.begin(), digits.end(), [](char c) { return c >= '0' && c <= '9'; }))
    return std::nullopt;
  std::int64_t value = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), value);
  return value;
}

}  // namespace

std::string name(const Part& part) {
  for (const KindName& kind : kind_names) {
    if (kind.kind != part.kind) continue;
    if (part.kind == PartKind::spine && kind.owner.empty() != (part.owner == no_pod)) continue;
    if (kind.owner.empty()) return fmt::format("{}{}", kind.part, part.index);
    return fmt::format("{}{}.{}{}", kind.owner, part.owner, kind.part, part.index);
  }
  return {};
}

std::optional<Part> parse_part(std::string_view name) {
  const std::size_t dot = name.find('.');
  for (const KindName& kind : kind_names) {
    if (kind.owner.empty() != (dot == std::string_view::npos)) continue;
    Part part;
    part.kind = kind.kind;
    part.owner = part.kind == PartKind::spine ? no_pod : 0;
    if (!kind.owner.empty()) {
      const std::optional<std::int64_t> owner = number_after(name.substr(0, dot), kind.owner);
      if (!owner) continue;
      part.owner = *owner;
    }
    const std::string_view last = kind.owner.empty() ? name : name.substr(dot + 1);
    const std::optional<std::int64_t> index = number_after(last, kind.part);
    if (!index) continue;
    part.index = *index;
    return part;
  }
  return std::nullopt;
}

std::optional<std::int64_t> parse_node(std::string_view name) {
  return number_after(name, "node");
}

bool same_part(const Part& a, const Part& b) {
  return a.kind == b.kind && a.owner == b.owner && a.index == b.index;
}

const char* to_string(LinkKind kind) {
  switch (kind) {
    case LinkKind::nvlink:
      return "NVLink";
    case LinkKind::pcie:
      return "PCIe";
    case LinkKind::socket:
      return "socket link";
    case LinkKind::network:
      return "NIC";
    case LinkKind::uplink:
      return "leaf uplinks";
    case LinkKind::core_uplink:
      return "spine uplinks";
  }
  return "";
}

}  // namespace lockstep
