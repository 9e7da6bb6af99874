#include "scenarios/scenario_library.hpp"

#include <algorithm>
#include <filesystem>
#include <memory>
#include <optional>
#include <set>
#include <system_error>
#include <utility>

#include "scenarios/catalog_trees.hpp"
#include "scenarios/fields/scenario_file.hpp"
#include "scenarios/meaning.hpp"
#include "scenarios/overlay.hpp"
#include "scenarios/tree_reader.hpp"
#include "scenarios/yaml_reader.hpp"

namespace lockstep {
namespace {

namespace fs = std::filesystem;

// Keys that come after the head. Every other key goes to the reader, which knows those of the head.
bool is_of_the_rest(const std::string& key) {
  static const std::set<std::string> rest{"training", "software", "price", "search", "plans"};
  return rest.count(key) == 1;
}

std::vector<fs::path> scenario_files(const fs::path& folder) {
  std::vector<fs::path> files;
  std::error_code error;
  fs::directory_iterator entries(folder, error);
  for (; !error && entries != fs::directory_iterator{}; entries.increment(error)) {
    std::error_code unknown;
    if (entries->path().extension() == ".yaml" && entries->is_regular_file(unknown)) files.push_back(entries->path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

// The scenario's cluster with the keys of one plan's laid over it.
Cluster cluster_of_plan(const Node& common, const Node& own, ReadContext& context) {
  Node merged = common;
  lay_over(merged, own);
  Cluster cluster;
  read_map(merged, merged.where, "cluster", context, [&](FieldVisitor& visitor) { describe(visitor, cluster); });
  return cluster;
}

void add_machines(const Cluster& cluster, LibraryEntry& entry) {
  const std::int64_t gpus = resolve_gpus(cluster);
  const auto place = std::lower_bound(entry.gpus.begin(), entry.gpus.end(), gpus);
  if (place == entry.gpus.end() || *place != gpus) entry.gpus.insert(place, gpus);
  const std::string& system = cluster.system.name;
  const bool known = std::find(entry.systems.begin(), entry.systems.end(), system) != entry.systems.end();
  if (!known) entry.systems.push_back(system);
}

void read_head(const Node& root, CatalogTrees& trees, LibraryEntry& entry) {
  Node head = root;
  head.entries.erase(std::remove_if(head.entries.begin(), head.entries.end(),
                                    [](const Entry& one) { return is_of_the_rest(one.key); }),
                     head.entries.end());
  CatalogEntrySource entries(trees, entry.problems);
  ReadContext context{entry.problems, entries};
  ScenarioFile file;
  file.name = entry.name;
  const Location beginning{root.where.source, 0, 0, 1};
  read_map(head, beginning, "", context, [&](FieldVisitor& visitor) { describe_head(visitor, file); });
  entry.title = file.name;
  entry.question = file.question;
  entry.group = file.group;
  entry.model = file.model.name;
  entry.searched = root.find("search") != nullptr;
  const Entry* plans = root.find("plans");
  if (plans != nullptr) entry.plans = plans->value.items.size();
  if (!entry.problems.empty()) return;

  const Entry* common = root.find("cluster");
  for (std::size_t i = 0; i < entry.plans; ++i) {
    const Entry* own = plans->value.items[i].find("cluster");
    const bool has_own = own != nullptr && own->value.kind == Node::Kind::map;
    add_machines(has_own ? cluster_of_plan(common->value, own->value, context) : file.cluster, entry);
  }
  if (entry.plans == 0) add_machines(file.cluster, entry);
}

LibraryEntry read_entry(const fs::path& file, CatalogTrees& trees) {
  LibraryEntry entry;
  entry.name = file.stem().string();
  entry.title = entry.name;
  std::optional<std::string> text = read_text_file(file, Origin::scenario, entry.problems);
  if (!text) return entry;
  const auto source = std::make_shared<const SourceText>(file.string(), std::move(*text), Origin::scenario);
  const std::optional<Node> root = parse_yaml(source, entry.problems);
  if (root && root->kind != Node::Kind::map) {
    entry.problems.push_back(diagnose(root->where, "E204", "a scenario must be a map of keys",
                                      "begin with 'lockstep: 1', 'model: NAME' and the other keys"));
  } else if (root) {
    read_head(*root, trees, entry);
  }
  entry.problems = without_repeats(std::move(entry.problems));
  return entry;
}

int place_of(ScenarioGroup group) {
  int place = 0;
  for (const Choice& choice : scenario_groups()) {
    if (choice.value == static_cast<int>(group)) return place;
    ++place;
  }
  return place;
}

}  // namespace

std::vector<LibraryEntry> scenario_library(const Catalog& catalog) {
  const Catalog plain(catalog.folder());
  std::vector<LibraryEntry> all;
  for (const fs::path& file : scenario_files(catalog.folder())) all.push_back(read_entry(file, plain.trees()));
  std::stable_sort(all.begin(), all.end(), [](const LibraryEntry& one, const LibraryEntry& other) {
    return place_of(one.group) < place_of(other.group);
  });
  return all;
}

}  // namespace lockstep
