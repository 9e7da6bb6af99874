// The trees of catalog entries: files, what they are based on, and the settings that change them.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "scenarios/evidence.hpp"
#include "scenarios/overlay.hpp"
#include "scenarios/tree_reader.hpp"

namespace lockstep {

// The kinds of entry: folder, and what one of them is called in messages.
struct EntryKind {
  const char* folder;
  const char* one;
};
inline constexpr EntryKind entry_kinds[] = {
    {"gpus", "GPU"}, {"systems", "system"}, {"models", "model"}, {"software", "software profile"}};

// One entry as it was read; with problems the tree is not to be used.
struct EntryTree {
  Node tree;
  std::vector<Diagnostic> problems;
};

class CatalogTrees {
 public:
  CatalogTrees(std::filesystem::path folder, const std::vector<Setting>& settings);

  [[nodiscard]] const std::filesystem::path& folder() const { return folder_; }
  [[nodiscard]] std::vector<std::string> names(const std::string& folder) const;

  // The entry, read at its first use; null where there is no such file.
  std::shared_ptr<const EntryTree> entry(const std::string& folder, const std::string& name);

  // Settings that are wrong in themselves: no path, no YAML, or of an entry that does not exist.
  [[nodiscard]] const std::vector<Diagnostic>& setting_problems() const { return setting_problems_; }
  // Settings of keys of the scenario, in their order.
  [[nodiscard]] const std::vector<ParsedSetting>& scenario_settings() const { return scenario_settings_; }
  // The entries that settings name, as (folder, name); each once.
  [[nodiscard]] std::vector<std::pair<std::string, std::string>> changed_entries() const;

  // Published runs on the constants: read at its first use, with what is wrong with the files.
  struct ReadEvidence {
    std::shared_ptr<const Evidence> evidence;
    std::vector<Diagnostic> problems;
  };
  const ReadEvidence& evidence();

  // E301 at the place that names a missing entry.
  [[nodiscard]] Diagnostic unknown_entry(const std::string& folder, const std::string& name, const Location& at) const;

 private:
  using Key = std::pair<std::string, std::string>;
  // A setting of a catalog value; its path goes on at `first` inside the entry.
  struct EntrySetting {
    Key entry;
    std::size_t first;
    ParsedSetting setting;
  };

  [[nodiscard]] std::filesystem::path file_of(const Key& key) const;
  [[nodiscard]] bool exists(const Key& key) const;
  void sort_in(ParsedSetting setting);
  std::shared_ptr<const EntryTree> load(const Key& key, std::vector<Key>& dependents);
  void base_on(EntryTree& entry, const Key& key, std::vector<Key>& dependents);

  std::filesystem::path folder_;
  std::vector<Diagnostic> setting_problems_;
  std::vector<ParsedSetting> scenario_settings_;
  std::vector<EntrySetting> entry_settings_;
  std::mutex mutex_;  // of the map below
  std::map<Key, std::shared_ptr<const EntryTree>> entries_;
  std::once_flag evidence_once_;
  ReadEvidence evidence_;
};

// Gives the tree reader its entries and keeps them alive; problems of an entry are appended once it is used.
class CatalogEntrySource final : public EntrySource {
 public:
  CatalogEntrySource(CatalogTrees& trees, std::vector<Diagnostic>& problems) : trees_(trees), problems_(problems) {}
  const Node* named(const std::string& folder, const std::string& name, const Location& from) override;
  std::optional<Node> inline_map(const std::string& folder, const Node& map, std::string& name) override;
  std::optional<Node> file(const std::string& folder, const Node& path, std::string& name) override;
  const FittedParameters& fitted() override;

 private:
  CatalogTrees& trees_;
  std::vector<Diagnostic>& problems_;
  std::vector<std::shared_ptr<const EntryTree>> in_use_;
  std::vector<std::string> open_files_;  // that are being read, each based on the next
  bool reported_evidence_ = false;
};

// The problems of the catalog's own settings, unknown keys in them included.
std::vector<Diagnostic> check_settings(CatalogTrees& trees);

// Every diagnostic once, in order: an entry that two plans use reports its errors for both.
std::vector<Diagnostic> without_repeats(std::vector<Diagnostic> problems);

}  // namespace lockstep
