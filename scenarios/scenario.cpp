#include "scenarios/scenario.hpp"

#include <fmt/format.h>

#include <memory>
#include <optional>
#include <utility>

#include "scenarios/catalog_trees.hpp"
#include "scenarios/fields/scenario_file.hpp"
#include "scenarios/meaning.hpp"
#include "scenarios/nccl_xml.hpp"
#include "scenarios/overlay.hpp"
#include "scenarios/scenario_tree.hpp"
#include "scenarios/utf8.hpp"
#include "scenarios/yaml_reader.hpp"

namespace lockstep {
namespace {

constexpr std::size_t most_plans = 1000;

Node* item_named(Node& list, const std::string& name) {
  for (Node& item : list.items) {
    const Entry* entry = item.find("name");
    if (entry != nullptr && entry->value.kind == Node::Kind::scalar && entry->value.text == name) return &item;
  }
  return nullptr;
}

// Lays a setting of one plan, "plans.NAME.key", over that plan.
void apply_to_plan(Node& plans, const ParsedSetting& setting, std::vector<Diagnostic>& problems) {
  const std::string& name = setting.path[1];
  Node* plan = item_named(plans, name);
  if (plan == nullptr) {
    std::vector<std::string> names;
    std::string list;
    for (const Node& item : plans.items) {
      const Entry* entry = item.find("name");
      if (entry == nullptr || entry->value.kind != Node::Kind::scalar) continue;
      names.push_back(entry->value.text);
      list += (list.empty() ? "" : ", ") + entry->value.text;
    }
    const std::string nearest = nearest_name(name, names);
    problems.push_back(diagnose(setting.where[1], "E303", fmt::format("the scenario has no plan '{}'", shortened(name)),
                                (nearest.empty() ? "" : fmt::format("did you mean '{}'? ", nearest)) + "plans: " + list));
    return;
  }
  if (setting.path.size() == 2 && setting.value.kind != Node::Kind::map) {
    problems.push_back(diagnose(setting.where[1], "E211", fmt::format("a key of the plan '{}' is missing", name),
                                fmt::format("write it like plans.{}.KEY=VALUE", name)));
    return;
  }
  lay_over(*plan, setting_tree(setting, 2));
}

void apply_settings(Node& root, const std::vector<ParsedSetting>& settings, std::vector<Diagnostic>& problems) {
  for (const ParsedSetting& setting : settings) {
    Entry* plans = setting.path.front() == "plans" ? root.find("plans") : nullptr;
    if (plans != nullptr && plans->value.kind == Node::Kind::list && setting.path.size() > 1) {
      apply_to_plan(plans->value, setting, problems);
    } else {
      lay_over(root, setting_tree(setting, 0));
    }
  }
}

// Gives every plan that has its own `cluster` or `software` the scenario's below it.
void complete_plans(Node& root) {
  Entry* plans = root.find("plans");
  if (plans == nullptr) return;
  for (Node& plan : plans->value.items) {
    for (const char* key : {"cluster", "software"}) {
      Entry* own = plan.find(key);
      const Entry* common = root.find(key);
      if (own == nullptr || common == nullptr || own->value.kind != Node::Kind::map) continue;
      if (common->value.kind == Node::Kind::null || common->value.kind == Node::Kind::list) continue;
      Node merged = common->value;
      lay_over(merged, own->value);
      own->value = std::move(merged);
    }
  }
}

// Whether a setting "software.…" of the scenario leaves this plan alone: it names a profile, or has that key.
bool has_own_software(const Node& plan, const ParsedSetting& setting) {
  const Entry* own = plan.find("software");
  if (own == nullptr) return false;
  if (own->value.kind != Node::Kind::map || own->value.find("based_on") != nullptr) return true;
  return setting.path.size() > 1 && own->value.find(setting.path[1]) != nullptr;
}

// Before the plans are completed.
std::vector<UnreachedPlans> unreached_plans(const Node& root, const std::vector<ParsedSetting>& settings) {
  std::vector<UnreachedPlans> all;
  const Entry* plans = root.find("plans");
  if (plans == nullptr) return all;
  for (const ParsedSetting& setting : settings) {
    if (setting.path.front() != "software") continue;
    UnreachedPlans unreached;
    for (const std::string& name : setting.path) unreached.setting += (unreached.setting.empty() ? "" : ".") + name;
    for (const Node& plan : plans->value.items) {
      const Entry* name = plan.find("name");
      if (name != nullptr && has_own_software(plan, setting)) unreached.plans.push_back(name->value.text);
    }
    if (!unreached.plans.empty()) all.push_back(std::move(unreached));
  }
  return all;
}

Scenario resolve(ScenarioFile file, const Node& root) {
  Scenario scenario;
  scenario.name = std::move(file.name);
  scenario.description = std::move(file.description);
  scenario.question = std::move(file.question);
  scenario.group = file.group;
  scenario.model = std::move(file.model);
  scenario.training = file.training;
  scenario.cluster = std::move(file.cluster);
  scenario.cluster.gpus = resolve_gpus(scenario.cluster);
  scenario.plans = std::move(file.plans);
  scenario.software = file.software;
  scenario.search = std::move(file.search);
  scenario.price = std::move(file.price);
  const Entry* plans = root.find("plans");
  for (std::size_t i = 0; i < scenario.plans.size(); ++i) {
    ScenarioPlan& plan = scenario.plans[i];
    const Node& node = plans->value.items[i];
    if (node.find("software") == nullptr) plan.plan.software = file.software;
    if (node.find("cluster") == nullptr) plan.cluster = scenario.cluster;
    plan.cluster.gpus = resolve_gpus(plan.cluster);
    plan.plan.data = resolve_data_degree(plan.plan, plan.cluster.gpus);
  }
  return scenario;
}

void throw_if_any(std::vector<Diagnostic>& problems) {
  if (!problems.empty()) throw InputError(without_repeats(std::move(problems)));
}

}  // namespace

std::vector<Diagnostic> plan_problems(const Scenario& scenario) {
  std::vector<Diagnostic> all;
  for (const ScenarioPlan& plan : scenario.plans) all.insert(all.end(), plan.problems.begin(), plan.problems.end());
  return without_repeats(std::move(all));
}

std::optional<Node> scenario_tree(const std::shared_ptr<const SourceText>& source, const Catalog& catalog,
                                  std::vector<Diagnostic>& problems) {
  std::optional<Node> root = parse_yaml(source, problems);
  if (root && root->kind != Node::Kind::map) {
    problems.push_back(diagnose(root->where, "E204", "a scenario must be a map of keys",
                                "begin with 'lockstep: 1', 'model: NAME' and the other keys"));
  }
  const bool readable = problems.empty();
  const std::vector<Diagnostic> of_settings = check_settings(catalog.trees());
  problems.insert(problems.end(), of_settings.begin(), of_settings.end());
  if (!readable) return std::nullopt;
  apply_settings(*root, catalog.trees().scenario_settings(), problems);
  return root;
}

void require_plans(const Scenario& scenario, const std::string& file_name) {
  if (!scenario.plans.empty()) return;
  Diagnostic diagnostic;
  diagnostic.code = "E451";
  diagnostic.file = file_name;
  diagnostic.path = "plans";
  diagnostic.message = "the scenario has no plans, only a search for them";
  diagnostic.hint = fmt::format("find some: lockstep search {}; or write them under 'plans'", file_name);
  throw InputError({std::move(diagnostic)});
}

Scenario parse_scenario(const std::string& yaml_text, const std::string& file_name, const Catalog& catalog,
                        IllegalPlans illegal) {
  std::vector<Diagnostic> problems;
  const auto source = std::make_shared<const SourceText>(file_name, yaml_text, Origin::scenario);
  std::optional<Node> root = scenario_tree(source, catalog, problems);
  if (!root) throw_if_any(problems);

  const Entry* plans = root->find("plans");
  if (plans != nullptr && plans->value.items.size() > most_plans) {
    problems.push_back(diagnose(plans->where, "E205", fmt::format("more than {} plans", most_plans),
                                "compare fewer at once, or let `lockstep search` enumerate them"));
    throw_if_any(problems);
  }
  std::vector<UnreachedPlans> unreached = unreached_plans(*root, catalog.trees().scenario_settings());
  complete_plans(*root);

  CatalogEntrySource entries(catalog.trees(), problems);
  ReadContext context{problems, entries};
  ScenarioFile file;
  file.name = std::filesystem::path(file_name).stem().string();
  read_map(*root, Location{source, 0, 0, 1}, "", context, [&](FieldVisitor& visitor) { describe(visitor, file); });
  throw_if_any(problems);
  import_nccl_files(file.cluster, problems);
  for (ScenarioPlan& plan : file.plans) import_nccl_files(plan.cluster, problems);
  throw_if_any(problems);

  Scenario scenario = resolve(std::move(file), *root);
  scenario.evidence = catalog.evidence();
  scenario.unreached = std::move(unreached);
  problems = check_meaning(scenario, *root);
  if (illegal == IllegalPlans::refuse || !problems.empty()) {
    const std::vector<Diagnostic> of_plans = plan_problems(scenario);
    problems.insert(problems.end(), of_plans.begin(), of_plans.end());
  }
  throw_if_any(problems);
  return scenario;
}

Scenario load_scenario(const std::filesystem::path& file, const Catalog& catalog, IllegalPlans illegal) {
  std::vector<Diagnostic> problems;
  const std::optional<std::string> text = read_text_file(file, Origin::scenario, problems);
  throw_if_any(problems);
  return parse_scenario(*text, file.string(), catalog, illegal);
}

}  // namespace lockstep
