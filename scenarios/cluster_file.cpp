#include "scenarios/cluster_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "scenarios/catalog_trees.hpp"
#include "scenarios/fields.hpp"
#include "scenarios/meaning.hpp"
#include "scenarios/nccl_xml.hpp"
#include "scenarios/yaml_reader.hpp"

namespace lockstep {
namespace {

// The map of the cluster's keys, whichever of the three forms the file has.
Node cluster_map(Node root) {
  if (Entry* cluster = root.find("cluster")) return std::move(cluster->value);
  if (root.find("system") != nullptr) return root;
  Node map;
  map.kind = Node::Kind::map;
  map.where = root.where;
  Entry system;
  system.key = "system";
  system.where = root.where;
  system.value = std::move(root);
  map.entries.push_back(std::move(system));
  return map;
}

// Lays the settings "cluster.key=value" over the map of the cluster.
void apply_settings(Node& map, const std::vector<ParsedSetting>& settings, std::vector<Diagnostic>& problems) {
  for (const ParsedSetting& setting : settings) {
    if (setting.path.front() == "cluster" && setting.path.size() > 1) {
      lay_over(map, setting_tree(setting, 1));
    } else {
      problems.push_back(diagnose(setting.where.front(), "E211", "a setting of a cluster begins with 'cluster.'",
                                  "write it like cluster.fabric.oversubscription=2, or systems.NAME.KEY=VALUE"));
    }
  }
}

}  // namespace

Cluster parse_cluster(const std::string& yaml_text, const std::string& file_name, const Catalog& catalog) {
  std::vector<Diagnostic> problems = check_settings(catalog.trees());
  const auto source = std::make_shared<const SourceText>(file_name, yaml_text, Origin::scenario);
  std::optional<Node> root = parse_yaml(source, problems);
  if (root && root->kind != Node::Kind::map) {
    problems.push_back(diagnose(root->where, "E201", "a cluster must be a map of keys",
                                "for example 'system: dgx-h100' and 'nodes: 4'"));
  }
  Cluster cluster;
  if (problems.empty() && root) {
    const bool of_system = root->find("cluster") == nullptr && root->find("system") == nullptr;
    Node map = cluster_map(std::move(*root));
    if (map.kind == Node::Kind::map) apply_settings(map, catalog.trees().scenario_settings(), problems);
    CatalogEntrySource entries(catalog.trees(), problems);
    ReadContext context{problems, entries};
    if (map.kind == Node::Kind::map) {
      read_map(map, Location{source, 0, 0, 1}, "cluster", context,
               [&](FieldVisitor& visitor) { describe(visitor, cluster); });
      if (of_system) cluster.system.name = std::filesystem::path(file_name).stem().string();
      if (problems.empty()) import_nccl_files(cluster, problems);
      if (problems.empty()) problems = check_topology(cluster, map, "cluster");
    } else {
      problems.push_back(diagnose(map.where, "E201", "a cluster must be a map of keys", ""));
    }
  }
  if (!problems.empty()) throw InputError(without_repeats(std::move(problems)));
  return cluster;
}

Cluster load_cluster(const std::string& name_or_file, const Catalog& catalog) {
  const std::vector<std::string> names = catalog.names("systems");
  Cluster cluster;
  if (std::find(names.begin(), names.end(), name_or_file) != names.end()) {
    if (!catalog.trees().scenario_settings().empty())
      return parse_cluster("system: " + name_or_file + "\n", name_or_file, catalog);
    cluster.system = catalog.system(name_or_file);
    return cluster;
  }
  std::error_code error;
  if (!std::filesystem::exists(name_or_file, error)) {
    const std::string near = nearest_name(name_or_file, names);
    Diagnostic diagnostic;
    diagnostic.code = "E301";
    diagnostic.message = fmt::format("'{}' is neither a system of the catalog nor a file", name_or_file);
    diagnostic.hint = (near.empty() ? std::string{} : fmt::format("did you mean '{}'? ", near)) +
                      fmt::format("systems: {}", fmt::join(names, ", "));
    throw InputError({std::move(diagnostic)});
  }
  std::vector<Diagnostic> problems;
  const std::optional<std::string> text = read_text_file(name_or_file, Origin::scenario, problems);
  if (!text) throw InputError(std::move(problems));
  return parse_cluster(*text, name_or_file, catalog);
}

}  // namespace lockstep
