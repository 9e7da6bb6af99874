// NCCL_ALGO and NCCL_PROTO with one name each, as NCCL spells them. NCCL_TREE_THRESHOLD=0 is how
// NCCL 2.4 was told to use rings only.
// Source: NCCL user guide, environment variables; release notes of 2.4 and 2.5.
#include "validate/log_settings.hpp"

#include <algorithm>
#include <cctype>
#include <optional>
#include <string_view>
#include <utility>

namespace lockstep {
namespace {

constexpr std::pair<std::string_view, NcclAlgorithmSetting> algorithms[] = {
    {"ring", NcclAlgorithmSetting::ring},
    {"tree", NcclAlgorithmSetting::tree},
    {"collnetdirect", NcclAlgorithmSetting::collnet_direct},
    {"collnetchain", NcclAlgorithmSetting::collnet_chain},
    {"nvls", NcclAlgorithmSetting::nvls},
    {"nvlstree", NcclAlgorithmSetting::nvls_tree},
    {"pat", NcclAlgorithmSetting::pat}};

constexpr std::pair<std::string_view, NcclProtocolSetting> protocols[] = {
    {"ll", NcclProtocolSetting::ll},
    {"ll128", NcclProtocolSetting::ll128},
    {"simple", NcclProtocolSetting::simple}};

// The value of NAME=VALUE in a text, up to the next space or mark of a sentence, in lower case.
std::optional<std::string> setting(const std::string& text, const std::string& name) {
  const std::size_t at = text.find(name + "=");
  if (at == std::string::npos) return std::nullopt;
  std::string value;
  for (std::size_t i = at + name.size() + 1; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (std::isalnum(c) == 0 && c != '^' && c != ',' && c != ':') break;
    value += static_cast<char>(std::tolower(c));
  }
  while (!value.empty() && std::isalnum(static_cast<unsigned char>(value.back())) == 0)
    value.pop_back();
  return value;
}

template <class Table, class Setting>
bool apply(const Table& table, const std::string& value, Setting& chosen) {
  const auto* const found = std::find_if(std::begin(table), std::end(table),
                                         [&](const auto& row) { return row.first == value; });
  if (found == std::end(table)) return false;
  chosen = found->second;
  return true;
}

}  // namespace

std::vector<std::string> apply_log_settings(const LogMetadata& notes, System& system) {
  std::vector<std::string> said;
  const auto report = [&](const std::string& name, const std::string& value, bool applied) {
    said.push_back(
        name + "=" + value +
        (applied ? ", as the notes say" : " of the notes is not understood and not applied"));
  };
  for (const auto& [key, text] : notes.text) {
    if (const auto value = setting(text, "NCCL_ALGO"))
      report("NCCL_ALGO", *value, apply(algorithms, *value, system.nccl_algorithm));
    if (const auto value = setting(text, "NCCL_PROTO"))
      report("NCCL_PROTO", *value, apply(protocols, *value, system.nccl_protocol));
    const auto threshold = setting(text, "NCCL_TREE_THRESHOLD");
    if (!threshold) continue;
    const bool rings_only = *threshold == "0";
    if (rings_only) system.nccl_algorithm = NcclAlgorithmSetting::ring;
    report("NCCL_TREE_THRESHOLD", *threshold, rings_only);
  }
  return said;
}

}  // namespace lockstep
