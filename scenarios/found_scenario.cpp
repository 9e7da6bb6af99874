#include "scenarios/found_scenario.hpp"

#include <fmt/format.h>

#include <algorithm>

#include <memory>
#include <set>
#include <utility>

#include "scenarios/catalog_trees.hpp"
#include "scenarios/meaning.hpp"
#include "scenarios/scenario_tree.hpp"
#include "scenarios/tree_writer.hpp"
#include "scenarios/yaml_reader.hpp"

namespace lockstep {

namespace {

namespace fs = std::filesystem;

// Keys whose values are entries of the catalog, and the folders of those.
struct EntryKey {
  const char* key;
  const char* folder;
};
constexpr EntryKey entry_keys[] = {
    {"model", "models"}, {"software", "software"}, {"system", "systems"}, {"gpu", "gpus"}};

const char* folder_of(const std::string& key) {
  for (const EntryKey& one : entry_keys) {
    if (key == one.key) return one.folder;
  }
  return nullptr;
}

// --- settings of catalog values ------------------------------------------------------------------

// The whole tree of an entry as a scenario names it, for this catalog; nothing where it has none.
std::optional<Node> whole_entry(const std::string& folder, const Node& named, CatalogTrees& trees) {
  std::vector<Diagnostic> problems;
  CatalogEntrySource source(trees, problems);
  std::string name;
  if (named.kind == Node::Kind::map) return source.inline_map(folder, named, name);
  if (names_a_file(named.text)) return source.file(folder, named, name);
  const Node* tree = source.named(folder, named.text, named.where);
  return tree == nullptr ? std::nullopt : std::optional<Node>(*tree);
}

// Says in the entry itself what settings of the catalog ("systems.dgx-h100.nic_bandwidth") change,
// since the file will be loaded without them.
void keep_settings(const std::string& folder, Node& named, CatalogTrees& with,
                   CatalogTrees& without) {
  std::optional<Node> now = whole_entry(folder, named, with);
  const std::optional<Node> plain = whole_entry(folder, named, without);
  if (!now || !plain) return;
  if (Entry* gpu = now->find("gpu")) keep_settings("gpus", gpu->value, with, without);
  Node changed = differences(*now, *plain);
  if (changed.entries.empty()) return;
  if (named.kind == Node::Kind::map) {
    lay_over(named, changed);
    return;
  }
  Node map = map_node();
  put(map, "based_on", named);
  for (Entry& entry : changed.entries) map.entries.push_back(std::move(entry));
  named = std::move(map);
}

void keep_settings(Node& root, const Catalog& catalog) {
  if (catalog.trees().changed_entries().empty()) return;
  const Catalog plain(catalog.folder());
  const auto keep = [&](Node& owner, const char* key) {
    Entry* entry = owner.find(key);
    if (entry != nullptr)
      keep_settings(folder_of(key), entry->value, catalog.trees(), plain.trees());
  };
  keep(root, "model");
  keep(root, "software");
  if (Entry* cluster = root.find("cluster")) keep(cluster->value, "system");
}

// --- paths of other files ------------------------------------------------------------------------

// Turns relative paths to another folder.
class PathTurner {
 public:
  // `otherwise`: what paths without a source, or of --set, are relative to.
  PathTurner(const fs::path& folder, fs::path otherwise)
      : folder_(fs::absolute(folder).lexically_normal()), otherwise_(std::move(otherwise)) {}

  void turn(Node& map) const {
    for (Entry& entry : map.entries) {
      const bool of_entry = folder_of(entry.key) != nullptr || entry.key == "based_on";
      const bool dump = entry.key == "nccl_topology" || entry.key == "nccl_graph";
      Node& value = entry.value;
      if (value.kind == Node::Kind::map) turn(value);
      if (value.kind == Node::Kind::scalar && (dump || (of_entry && names_a_file(value.text)))) {
        value.text = turned(value);
      }
    }
  }

 private:
  [[nodiscard]] std::string turned(const Node& value) const {
    const fs::path path(value.text);
    if (!path.is_relative()) return value.text;
    const SourceText* source = value.where.source.get();
    const bool of_file = source != nullptr && source->origin() != Origin::setting;
    const fs::path from = of_file ? fs::path(source->name()).parent_path() : otherwise_;
    const fs::path target = fs::absolute(from / path).lexically_normal();
    const fs::path relative = target.lexically_relative(folder_);
    if (relative.empty()) return target.string();
    // A name without a folder is one too, but "./" shows that it is no entry of the catalog.
    const bool climbs = !relative.empty() && *relative.begin() == "..";
    return climbs ? relative.string() : (fs::path(".") / relative).string();
  }

  fs::path folder_;
  fs::path otherwise_;
};

// --- plans ---------------------------------------------------------------------------------------

Node tree_of_software(Software software) {
  return tree_of([&](FieldVisitor& visitor) { describe(visitor, software); });
}

Node tree_of_system(System system) {
  return tree_of([&](FieldVisitor& visitor) { describe(visitor, system); });
}

bool has_entry(const Catalog& catalog, const char* folder, const std::string& name) {
  const std::vector<std::string> names = catalog.names(folder);
  return std::find(names.begin(), names.end(), name) != names.end();
}

// The entry by its name where the catalog has it just so, else with what differs from it.
Node entry_node(const Node& whole, const char* folder, const Catalog& catalog) {
  const Entry* name = whole.find("based_on");
  Node own = whole;
  erase_key(own, "based_on");
  if (name == nullptr || !has_entry(catalog, folder, name->value.text)) return own;
  const std::string& text = name->value.text;
  const Node of_catalog = std::string_view(folder) == "software"
                              ? tree_of_software(catalog.software(text))
                              : tree_of_system(catalog.system(text));
  Node changed = differences(own, of_catalog);
  if (changed.entries.empty()) return name->value;
  changed.entries.insert(changed.entries.begin(), Entry{"based_on", {}, name->value});
  return changed;
}

class PlanWriter {
 public:
  PlanWriter(const Scenario& scenario, const Node& root, const Catalog& plain)
      : plain_(plain),
        common_software_(scenario.software),
        common_cluster_(cluster_tree(scenario.cluster)) {
    const Entry* cluster = root.find("cluster");
    states_gpus_ = cluster != nullptr && cluster->value.find("gpus") != nullptr;
  }

  Node write(const PlanToWrite& found) {
    Plan plan = found.plan;
    plan.name = unused(plan.name);
    Plan derived = plan;
    derived.data = 0;
    if (resolve_data_degree(derived, resolve_gpus(found.cluster)) == plan.data) plan.data = 0;
    Plan born;
    born.software = common_software_;
    Node node = differences(plan_tree(plan), plan_tree(born));
    if (Entry* software = node.find("software")) turn_entry(*software, "software");
    Node cluster = differences_of(found.cluster);
    if (!cluster.entries.empty()) put(node, "cluster", std::move(cluster));
    return node;
  }

 private:
  static Node plan_tree(Plan plan) {
    return tree_of([&](FieldVisitor& visitor) { describe(visitor, plan); });
  }
  static Node cluster_tree(Cluster cluster) {
    return tree_of([&](FieldVisitor& visitor) { describe(visitor, cluster); });
  }

  void turn_entry(Entry& entry, const char* folder) const {
    if (entry.value.find("based_on") != nullptr)
      entry.value = entry_node(entry.value, folder, plain_);
  }

  // What to lay over the scenario's cluster. The GPUs follow from the nodes where the file does not
  // state them.
  [[nodiscard]] Node differences_of(const Cluster& cluster) const {
    Cluster whole = cluster;
    whole.gpus = 0;
    Cluster stated = cluster;
    stated.gpus = resolve_gpus(cluster);
    Node changed = differences(cluster_tree(stated), common_cluster_);
    const bool derived = !states_gpus_ && resolve_gpus(whole) == stated.gpus;
    if (derived) erase_key(changed, "gpus");
    if (Entry* system = changed.find("system")) turn_entry(*system, "systems");
    return changed;
  }

  std::string unused(const std::string& name) {
    std::string other = name;
    for (int number = 2; !names_.insert(other).second; ++number)
      other = fmt::format("{}-{}", name, number);
    return other;
  }

  const Catalog& plain_;
  Software common_software_;
  Node common_cluster_;
  bool states_gpus_ = false;
  std::set<std::string> names_;
};

std::string one_line(std::string text) {
  std::replace_if(
      text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20; }, ' ');
  return text;
}

// The place of each plan's remark: its name.
std::function<std::string(const Node&)> remarks_of(const Node& plans,
                                                   const std::vector<PlanToWrite>& found) {
  return [&plans, &found](const Node& node) -> std::string {
    for (std::size_t i = 0; i < found.size(); ++i) {
      if (&plans.items[i].entries.front().value == &node) return one_line(found[i].remark);
    }
    return {};
  };
}

}  // namespace

std::string found_scenario(const fs::path& scenario_file, const Catalog& catalog,
                           const std::vector<PlanToWrite>& plans, const std::string& command,
                           const fs::path& folder) {
  const Scenario scenario = load_scenario(scenario_file, catalog, IllegalPlans::keep);
  std::vector<Diagnostic> problems;
  const std::optional<std::string> text = read_text_file(scenario_file, Origin::scenario, problems);
  if (!text) throw InputError(std::move(problems));
  const auto source =
      std::make_shared<const SourceText>(scenario_file.string(), *text, Origin::scenario);
  std::optional<Node> root = scenario_tree(source, catalog, problems);
  if (!root) throw InputError(std::move(problems));

  keep_settings(*root, catalog);
  erase_key(*root, "search");
  erase_key(*root, "plans");
  if (root->find("name") == nullptr) {
    root->entries.insert(root->entries.begin() + 1, Entry{"name", {}, scalar_node(scenario.name)});
  }
  const fs::path beside = folder.empty() ? fs::absolute(scenario_file).parent_path() : folder;
  const PathTurner paths(beside, fs::path("."));
  paths.turn(*root);

  const Catalog plain(catalog.folder());
  PlanWriter writer(scenario, *root, plain);
  Node list;
  list.kind = Node::Kind::list;
  for (const PlanToWrite& plan : plans) {
    list.items.push_back(writer.write(plan));
    paths.turn(list.items.back());
  }
  put(*root, "plans", std::move(list));
  const Node& written = root->find("plans")->value;
  return fmt::format("# Plans that `{}` found for {}.\n", one_line(command),
                     one_line(scenario_file.filename().string())) +
         to_yaml(*root, remarks_of(written, plans));
}

}  // namespace lockstep
