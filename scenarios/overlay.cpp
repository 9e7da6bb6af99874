#include "scenarios/overlay.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "scenarios/yaml_reader.hpp"

namespace lockstep {
namespace {

constexpr const char* path_example = "write it like training.global_batch=512";

bool stands_alone(const Node& map) { return map.find("based_on") != nullptr || map.find("value") != nullptr; }

bool has_control_character(const std::string& text) {
  return std::any_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; });
}

}  // namespace

void lay_over(Node& base, const Node& over) {
  const bool both_maps = base.kind == Node::Kind::map && over.kind == Node::Kind::map;
  if (both_maps && !stands_alone(over)) {
    base.entries.reserve(base.entries.size() + over.entries.size());
    for (const Entry& entry : over.entries) {
      if (Entry* below = base.find(entry.key)) {
        below->where = entry.where;
        lay_over(below->value, entry.value);
      } else {
        base.entries.push_back(entry);
      }
    }
    return;
  }
  if (base.kind == Node::Kind::scalar && over.kind == Node::Kind::map && !stands_alone(over)) {
    Entry name{"based_on", base.where, std::move(base), true};
    base = over;
    base.entries.insert(base.entries.begin(), std::move(name));
    return;
  }
  base = over;
}

std::optional<ParsedSetting> parse_setting(const Setting& setting, std::vector<Diagnostic>& problems) {
  const auto source =
      std::make_shared<const SourceText>("--set", setting.path + "=" + setting.value, Origin::setting);
  const Location whole{source, 0, 0, setting.path.size()};
  if (has_control_character(setting.path) || has_control_character(setting.value)) {
    problems.push_back(diagnose(whole, "E211", "a setting is one line of text without control characters", path_example));
    return std::nullopt;
  }
  ParsedSetting parsed;
  for (std::size_t begin = 0; begin <= setting.path.size();) {
    const std::size_t end = std::min(setting.path.find('.', begin), setting.path.size());
    const Location where{source, 0, begin, std::max<std::size_t>(1, end - begin)};
    if (end == begin) {
      problems.push_back(diagnose(where, "E211", "a name is missing in the path of a setting", path_example));
      return std::nullopt;
    }
    parsed.path.push_back(setting.path.substr(begin, end - begin));
    parsed.where.push_back(where);
    begin = end + 1;
  }
  if (parsed.path.size() > deepest_yaml_nesting) {
    problems.push_back(diagnose(whole, "E211", "the path of a setting has too many names", path_example));
    return std::nullopt;
  }
  const std::size_t before = problems.size();
  std::optional<Node> value = parse_yaml(source, problems, setting.path.size() + 1);
  if (problems.size() > before) return std::nullopt;
  parsed.value = std::move(*value);
  return parsed;
}

Node setting_tree(const ParsedSetting& setting, std::size_t first) {
  Node tree = setting.value;
  for (std::size_t i = setting.path.size(); i > first; --i) {
    Node map;
    map.kind = Node::Kind::map;
    map.where = setting.where[i - 1];
    map.entries.push_back(Entry{setting.path[i - 1], setting.where[i - 1], std::move(tree)});
    tree = std::move(map);
  }
  return tree;
}

}  // namespace lockstep
