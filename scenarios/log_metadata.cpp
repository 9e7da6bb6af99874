#include "scenarios/log_metadata.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <system_error>
#include <utility>
#include <vector>

#include "scenarios/number_text.hpp"
#include "scenarios/yaml_reader.hpp"

namespace lockstep {
namespace {

constexpr std::int64_t most_counted = 10'000'000;

bool says_nothing(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text.empty() || text == "unknown" || text == "n/a" || text == "-" || text == "none" || text == "?";
}

std::optional<StatedMetadata> count(const Node& root, const char* key, std::vector<Diagnostic>& problems) {
  const Entry* entry = root.find(key);
  if (entry == nullptr || entry->value.kind == Node::Kind::null) return std::nullopt;
  if (entry->value.kind == Node::Kind::scalar && says_nothing(entry->value.text)) return std::nullopt;
  const CountText number = parse_count(entry->value, 0, most_counted);
  if (number.value) return StatedMetadata{*number.value, entry->value.where};
  problems.push_back(diagnose(entry->value.where, "E205", fmt::format("'{}' is no count", key),
                              "a whole number, or leave the key out"));
  return std::nullopt;
}

}  // namespace

std::string LogMetadata::word(const std::string& key) const {
  const auto found = text.find(key);
  return found == text.end() || says_nothing(found->second) ? std::string{} : found->second;
}

LogMetadata parse_log_metadata(const std::string& yaml_text, const std::string& file_name) {
  std::vector<Diagnostic> problems;
  LogMetadata out;
  out.file = file_name;
  const auto source = std::make_shared<const SourceText>(file_name, yaml_text, Origin::scenario);
  const std::optional<Node> root = parse_yaml(source, problems);
  if (root && root->kind == Node::Kind::map) {
    for (const Entry& entry : root->entries) {
      if (entry.value.kind == Node::Kind::scalar) out.text[entry.key] = entry.value.text;
    }
    out.gpus = count(*root, "gpus", problems);
    out.nodes = count(*root, "nodes", problems);
    out.gpus_per_node = count(*root, "gpus_per_node", problems);
    out.rows = count(*root, "rows", problems);
    out.collective = out.word("collective");
    if (const Entry* entry = root->find("collective")) out.collective_at = entry->value.where;
    out.health = out.word("health");
  } else if (root && root->kind != Node::Kind::null) {
    problems.push_back(diagnose(root->where, "E201", "the notes on a log must be a map of keys",
                                "begin with 'gpus: 16', 'nodes: 2', 'gpu: H100 SXM' and what else is known"));
  }
  if (!problems.empty()) throw InputError(std::move(problems));
  return out;
}

LogMetadata load_log_metadata(const std::filesystem::path& file) {
  std::vector<Diagnostic> problems;
  const std::optional<std::string> text = read_text_file(file, Origin::scenario, problems);
  if (!text) throw InputError(std::move(problems));
  return parse_log_metadata(*text, file.string());
}

std::optional<std::filesystem::path> log_metadata_file(const std::filesystem::path& log) {
  std::error_code error;
  std::filesystem::path beside = log;
  beside.replace_extension(".meta.yaml");
  if (std::filesystem::is_regular_file(beside, error)) return beside;
  beside = log;
  beside += ".meta.yaml";
  if (std::filesystem::is_regular_file(beside, error)) return beside;
  return std::nullopt;
}

}  // namespace lockstep
