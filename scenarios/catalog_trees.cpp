#include "scenarios/catalog_trees.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <system_error>
#include <unordered_set>

#include "scenarios/evidence_file.hpp"
#include "scenarios/fields.hpp"
#include "scenarios/utf8.hpp"
#include "scenarios/yaml_reader.hpp"

namespace lockstep {
namespace {

constexpr const char* extension = ".yaml";

// What a file name may be made of: a name never leaves its folder.
bool is_entry_name(const std::string& name) {
  constexpr std::size_t longest = 128;
  if (name.empty() || name.size() > longest || name.front() == '.') return false;
  return std::none_of(name.begin(), name.end(), [](char c) {
    return c == '/' || c == '\\' || c == ':' || static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
  });
}

const EntryKind* find_kind(const std::string& folder) {
  for (const EntryKind& kind : entry_kinds) {
    if (folder == kind.folder) return &kind;
  }
  return nullptr;
}

std::string joined(const std::vector<std::string>& names, std::size_t begin, std::size_t end, const char* between) {
  std::string text;
  for (std::size_t i = begin; i < end; ++i) text += (i == begin ? "" : between) + names[i];
  return text;
}

// Whether the software profile has such a key.
bool is_software_key(const std::string& key) {
  class Keys final : public FieldVisitor {
   public:
    explicit Keys(const std::string& wanted) : wanted_(wanted) {}
    bool found = false;
    void text(const FieldInfo& field, std::string&) override { compare(field); }
    void flag(const FieldInfo& field, bool&) override { compare(field); }
    void count(const FieldInfo& field, std::int64_t&, std::int64_t, std::int64_t) override { compare(field); }
    void number(const FieldInfo& field, double&, Range) override { compare(field); }
    void constant(const FieldInfo& field, ConstantBase&, Dimension, Range) override { compare(field); }
    void choice(const FieldInfo& field, int&, std::span<const Choice>) override { compare(field); }
    void group(const FieldInfo& field, const std::function<void(FieldVisitor&)>&) override { compare(field); }
    void entry(const FieldInfo& field, const char*, std::string&, const std::function<void(FieldVisitor&)>&) override {
      compare(field);
    }

   private:
    void compare(const FieldInfo& field) { found = found || wanted_ == field.key; }
    const std::string& wanted_;
  };
  Software software;
  Keys keys(key);
  describe(keys, software);
  return keys.found || key == "based_on";
}

}  // namespace

CatalogTrees::CatalogTrees(std::filesystem::path folder, const std::vector<Setting>& settings)
    : folder_(std::move(folder)) {
  for (const Setting& setting : settings) {
    if (std::optional<ParsedSetting> parsed = parse_setting(setting, setting_problems_)) sort_in(std::move(*parsed));
  }
}

const CatalogTrees::ReadEvidence& CatalogTrees::evidence() {
  std::call_once(evidence_once_, [this] {
    Evidence evidence;
    evidence.fitted = load_fitted_parameters(folder_ / "calibrations", evidence_.problems);
    load_evidence(folder_ / "calibrations", evidence, evidence_.problems);
    evidence_.evidence = std::make_shared<const Evidence>(std::move(evidence));
  });
  return evidence_;
}

std::filesystem::path CatalogTrees::file_of(const Key& key) const {
  return folder_ / key.first / (key.second + extension);
}

bool CatalogTrees::exists(const Key& key) const {
  std::error_code error;
  return is_entry_name(key.second) && std::filesystem::exists(file_of(key), error);
}

std::vector<std::string> CatalogTrees::names(const std::string& folder) const {
  std::vector<std::string> names;
  std::error_code error;
  std::filesystem::directory_iterator files(folder_ / folder, error);
  for (; !error && files != std::filesystem::directory_iterator{}; files.increment(error)) {
    const std::filesystem::path& file = files->path();
    if (file.extension() == extension && is_entry_name(file.stem().string())) names.push_back(file.stem().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

Diagnostic CatalogTrees::unknown_entry(const std::string& folder, const std::string& name, const Location& at) const {
  const EntryKind* kind = find_kind(folder);
  const std::vector<std::string> valid = names(folder);
  const std::string nearest = nearest_name(name, valid);
  constexpr std::size_t most_names = 10;
  const std::vector<std::string> shown = nearest_names(name, valid, most_names);
  std::string hint = fmt::format("{}: {}", folder, joined(shown, 0, shown.size(), ", "));
  if (shown.size() < valid.size()) hint += fmt::format(", … (lockstep list {} shows all {})", folder, valid.size());
  if (valid.empty()) hint = fmt::format("the catalog folder '{}' has no {}", folder_.string(), folder);
  if (!nearest.empty()) hint = fmt::format("did you mean '{}'? {}", nearest, hint);
  Diagnostic diagnostic =
      diagnose(at, "E301", fmt::format("the catalog has no {} '{}'", kind == nullptr ? "entry" : kind->one, shortened(name)),
               hint);
  if (diagnostic.file.empty()) diagnostic.file = (folder_ / folder).string();
  return diagnostic;
}

// Decides whether a setting is about a catalog entry. The names of entries may hold dots; the longest that
// exists counts. `software.x` is a key of the scenario unless x is a profile.
void CatalogTrees::sort_in(ParsedSetting setting) {
  const std::string& folder = setting.path.front();
  if (find_kind(folder) == nullptr) {
    scenario_settings_.push_back(std::move(setting));
    return;
  }
  const bool ambiguous = folder == "software";
  for (std::size_t end = setting.path.size(); end > 1; --end) {
    const Key key{folder, joined(setting.path, 1, end, ".")};
    if (!exists(key)) continue;
    if (end == setting.path.size()) {
      setting_problems_.push_back(diagnose(setting.where.back(), "E211",
                                           fmt::format("a key of '{}' is missing in the path of a setting", key.second),
                                           fmt::format("write it like {}.{}.KEY=VALUE", folder, key.second)));
      return;
    }
    entry_settings_.push_back(EntrySetting{key, end, std::move(setting)});
    return;
  }
  if (ambiguous && (setting.path.size() < 3 || is_software_key(setting.path[1]))) {
    scenario_settings_.push_back(std::move(setting));
  } else if (setting.path.size() < 3) {
    setting_problems_.push_back(diagnose(setting.where.back(), "E211", "a setting of a catalog value names entry and key",
                                         fmt::format("write it like {}.NAME.KEY=VALUE", folder)));
  } else {
    const std::size_t last = setting.path.size() - 1;
    setting_problems_.push_back(unknown_entry(folder, joined(setting.path, 1, last, "."), setting.where[1]));
  }
}

std::vector<std::pair<std::string, std::string>> CatalogTrees::changed_entries() const {
  std::vector<Key> keys;
  for (const EntrySetting& setting : entry_settings_) {
    if (std::find(keys.begin(), keys.end(), setting.entry) == keys.end()) keys.push_back(setting.entry);
  }
  return keys;
}

std::shared_ptr<const EntryTree> CatalogTrees::entry(const std::string& folder, const std::string& name) {
  const std::lock_guard<std::mutex> lock(mutex_);
  std::vector<Key> dependents;
  return load(Key{folder, name}, dependents);
}

std::shared_ptr<const EntryTree> CatalogTrees::load(const Key& key, std::vector<Key>& dependents) {
  if (const auto known = entries_.find(key); known != entries_.end()) return known->second;
  if (!exists(key)) return nullptr;
  auto entry = std::make_shared<EntryTree>();
  const std::filesystem::path file = file_of(key);
  if (std::optional<std::string> text = read_text_file(file, Origin::catalog, entry->problems)) {
    const auto source = std::make_shared<const SourceText>(file.string(), std::move(*text), Origin::catalog);
    if (std::optional<Node> tree = parse_yaml(source, entry->problems)) {
      entry->tree = std::move(*tree);
      if (entry->tree.kind != Node::Kind::map) {
        entry->problems.push_back(
            diagnose(entry->tree.where, "E204", "a catalog file must be a map of keys", "write 'key: value' lines"));
      }
    }
  }
  if (entry->problems.empty()) base_on(*entry, key, dependents);
  if (entry->problems.empty()) {
    for (const EntrySetting& setting : entry_settings_) {
      if (setting.entry == key) lay_over(entry->tree, setting_tree(setting.setting, setting.first));
    }
  }
  entries_[key] = entry;
  return entry;
}

// Replaces the entry's tree by itself laid over the entry that its `based_on` names.
void CatalogTrees::base_on(EntryTree& entry, const Key& key, std::vector<Key>& dependents) {
  const auto found = std::find_if(entry.tree.entries.begin(), entry.tree.entries.end(),
                                  [](const Entry& candidate) { return candidate.key == "based_on"; });
  if (found == entry.tree.entries.end()) return;
  const Node name = std::move(found->value);
  const Location where = found->where;
  entry.tree.entries.erase(found);
  if (name.kind != Node::Kind::scalar) {
    entry.problems.push_back(diagnose(where, "E204", "'based_on' must be a catalog name", "write based_on: NAME"));
    return;
  }
  dependents.push_back(key);
  const Key base_key{key.first, name.text};
  const auto first = std::find(dependents.begin(), dependents.end(), base_key);
  if (first != dependents.end()) {
    std::string chain;
    for (auto it = first; it != dependents.end(); ++it) chain += it->second + " -> ";
    entry.problems.push_back(diagnose(name.where, "E302", fmt::format("'{}' is based on itself", shortened(name.text)),
                                      fmt::format("break the circle {}{}", chain, name.text)));
    dependents.pop_back();
    return;
  }
  const std::shared_ptr<const EntryTree> base = load(base_key, dependents);
  dependents.pop_back();
  if (base == nullptr) {
    entry.problems.push_back(unknown_entry(key.first, name.text, name.where));
    return;
  }
  entry.problems.insert(entry.problems.end(), base->problems.begin(), base->problems.end());
  if (!entry.problems.empty()) return;
  Node merged = base->tree;
  merged.where = entry.tree.where;
  lay_over(merged, entry.tree);
  entry.tree = std::move(merged);
}

const Node* CatalogEntrySource::named(const std::string& folder, const std::string& name, const Location& from) {
  std::shared_ptr<const EntryTree> entry = trees_.entry(folder, name);
  if (entry == nullptr) {
    problems_.push_back(trees_.unknown_entry(folder, name, from));
    return nullptr;
  }
  problems_.insert(problems_.end(), entry->problems.begin(), entry->problems.end());
  if (!entry->problems.empty()) return nullptr;
  in_use_.push_back(entry);
  return &entry->tree;
}

const FittedParameters& CatalogEntrySource::fitted() {
  const CatalogTrees::ReadEvidence& read = trees_.evidence();
  if (!reported_evidence_) {
    problems_.insert(problems_.end(), read.problems.begin(), read.problems.end());
    reported_evidence_ = true;
  }
  return read.evidence->fitted;
}

std::optional<Node> CatalogEntrySource::inline_map(const std::string& folder, const Node& map, std::string& name) {
  const Entry* based_on = map.find("based_on");
  if (based_on == nullptr) {
    name = "inline";
    return map;
  }
  if (based_on->value.kind != Node::Kind::scalar) {
    problems_.push_back(diagnose(based_on->where, "E204", "'based_on' must be a catalog name", "write based_on: NAME"));
    return std::nullopt;
  }
  name = based_on->value.text;
  std::optional<Node> base;
  if (names_a_file(name)) {
    base = file(folder, based_on->value, name);
  } else if (const Node* entry = named(folder, name, based_on->value.where)) {
    base = *entry;
  }
  if (!base) return std::nullopt;
  Node merged = *std::move(base);
  Node changes = map;
  changes.entries.erase(changes.entries.begin() + (based_on - map.entries.data()));
  lay_over(merged, changes);
  merged.where = map.where;
  return merged;
}

std::optional<Node> CatalogEntrySource::file(const std::string& folder, const Node& path, std::string& name) {
  std::filesystem::path place(path.text);
  const SourceText* named_in = path.where.source.get();
  if (place.is_relative() && named_in != nullptr && named_in->origin() != Origin::setting)
    place = std::filesystem::path(named_in->name()).parent_path() / place;
  name = place.stem().string();
  const std::string file = place.lexically_normal().string();
  std::error_code error;
  if (!std::filesystem::is_regular_file(place, error)) {
    problems_.push_back(diagnose(path.where, "E304", fmt::format("'{}' names no file", shortened(path.text)),
                                 fmt::format("looked for {}", place.string())));
    return std::nullopt;
  }
  if (std::find(open_files_.begin(), open_files_.end(), file) != open_files_.end()) {
    problems_.push_back(diagnose(path.where, "E302", fmt::format("'{}' is based on itself", shortened(path.text)),
                                 "break the circle of based_on"));
    return std::nullopt;
  }
  const std::size_t before = problems_.size();
  const std::optional<std::string> text = read_text_file(place, Origin::scenario, problems_);
  if (!text) return std::nullopt;
  const auto source = std::make_shared<const SourceText>(place.string(), *text, Origin::scenario);
  const std::optional<Node> tree = parse_yaml(source, problems_);
  if (!tree || problems_.size() > before) return std::nullopt;
  if (tree->kind != Node::Kind::map) {
    problems_.push_back(
        diagnose(tree->where, "E204", "a catalog file must be a map of keys", "write 'key: value' lines"));
    return std::nullopt;
  }
  open_files_.push_back(file);
  std::string base;
  std::optional<Node> whole = inline_map(folder, *tree, base);
  open_files_.pop_back();
  return whole;
}

std::vector<Diagnostic> check_settings(CatalogTrees& trees) {
  std::vector<Diagnostic> problems = trees.setting_problems();
  CatalogEntrySource entries(trees, problems);
  ReadContext context{problems, entries};
  for (const auto& [folder, name] : trees.changed_entries()) {
    const Node* tree = entries.named(folder, name, {});
    if (tree == nullptr) continue;
    read_map(*tree, tree->where, folder + "." + name, context, [&kind = folder](FieldVisitor& visitor) {
      if (kind == "gpus") {
        Gpu gpu;
        describe(visitor, gpu);
      } else if (kind == "systems") {
        System system;
        describe(visitor, system);
      } else if (kind == "models") {
        Model model;
        describe(visitor, model);
      } else {
        Software software;
        describe(visitor, software);
      }
    });
  }
  return problems;
}

std::vector<Diagnostic> without_repeats(std::vector<Diagnostic> problems) {
  std::vector<Diagnostic> kept;
  std::unordered_set<std::string> seen;
  for (Diagnostic& problem : problems) {
    std::string identity = fmt::format("{}:{}:{}:{}:{}:{}", problem.file, problem.line, problem.column, problem.code,
                                       problem.message, problem.source_line);
    if (seen.insert(std::move(identity)).second) kept.push_back(std::move(problem));
  }
  return kept;
}

}  // namespace lockstep
