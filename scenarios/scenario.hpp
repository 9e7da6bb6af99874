// A scenario: one model on one cluster under several plans, resolved against the catalog and
// checked.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "scenarios/diagnostics.hpp"
#include "scenarios/evidence.hpp"
#include "scenarios/search_request.hpp"
#include "strategies/plan.hpp"
#include "topology/hardware.hpp"

namespace lockstep {

// A plan and the cluster it runs on: the scenario's, or that with the plan's own `cluster:` keys
// merged over it, so that one scenario can put one plan on three fabrics or three kinds of GPU.
struct ScenarioPlan {
  Plan plan;  // its software resolved and its data degree set
  Cluster cluster;
  // What breaks a rule of the plan, and that in words; empty: legal. Only where IllegalPlans::keep let it in.
  std::vector<Diagnostic> problems;
  std::string not_legal;
};

// A setting of the scenario's software, and the plans that it does not reach since they have their own.
struct UnreachedPlans {
  std::string setting;  // "software.data_exposed"
  std::vector<std::string> plans;
};

// What a scenario teaches: where `lockstep list scenarios` shows it.
enum class ScenarioGroup {
  none,
  rooflines,
  memory,
  parallelism,
  collectives_and_topology,
  pipeline_and_overlap,
  long_context_and_experts,
  diagnosis
};

// As files write it: "rooflines"; "" for none.
std::string to_string(ScenarioGroup group);

struct Scenario {
  std::shared_ptr<const Evidence> evidence = std::make_shared<const Evidence>();  // of the catalog
  std::string name;
  std::string description;
  std::string question;
  ScenarioGroup group = ScenarioGroup::none;
  Model model;
  Cluster cluster;
  Training training;
  std::vector<ScenarioPlan> plans;  // may be empty where the file has `search:`
  Software software;     // of plans without their own: what a search gives every plan
  SearchRequest search;
  Price price;
  std::vector<UnreachedPlans> unreached;
};

// `path=value` from the command line: any scenario key ("training.global_batch",
// "plans.fsdp.micro_batch"), a key inside a named entry ("model.layers",
// "cluster.system.nic_bandwidth", "cluster.system.gpu.memory_bandwidth"), or a catalog value
// ("gpus.h100-sxm-80gb.memory_bandwidth", "software.megatron-core.data_exposed"), which holds
// wherever that entry is used. The value is YAML: "512", "400 Gb/s", "{type: fat-tree}". Later
// settings win. Part of a constant can be set too ("gpus.h100-sxm-80gb.memory_bandwidth.spread").
struct Setting {
  std::string path;
  std::string value;
};

class CatalogTrees;

// The folder with gpus/ systems/ models/ software/. Only the files that are asked for are read, and
// each once: copies of a catalog share what was read, also between threads.
class Catalog {
 public:
  explicit Catalog(std::filesystem::path folder, std::vector<Setting> settings = {});
  [[nodiscard]] const std::filesystem::path& folder() const { return folder_; }
  [[nodiscard]] const std::vector<Setting>& settings() const { return settings_; }

  // Names of the entries of "gpus", "systems", "models", "software"; sorted. From file names alone.
  [[nodiscard]] std::vector<std::string> names(const std::string& kind) const;

  // The `name` of the result is that of the entry. Where a scenario changes an entry (`based_on`,
  // or --set), it keeps that name; a map without `based_on` is called "inline". Throw InputError:
  // unknown name (all valid ones and the nearest), or every error of the file.
  [[nodiscard]] Gpu gpu(const std::string& name) const;
  [[nodiscard]] System system(const std::string& name) const;
  [[nodiscard]] Model model(const std::string& name) const;
  [[nodiscard]] Software software(const std::string& name) const;

  // What published runs say about the constants and about the tool's errors; read at its first use.
  // Throws InputError with every error of the files.
  [[nodiscard]] std::shared_ptr<const Evidence> evidence() const;

  // For the readers of this library.
  [[nodiscard]] CatalogTrees& trees() const { return *trees_; }

 private:
  std::filesystem::path folder_;
  std::vector<Setting> settings_;
  std::shared_ptr<CatalogTrees> trees_;
};

// Whether a plan that breaks a rule (degrees against GPUs, heads, batch …) is an error of the file, or kept with its
// problems beside those that can run.
enum class IllegalPlans { refuse, keep };

// Reads, merges settings, resolves names, fills defaults and checks the meaning. Throws InputError.
Scenario load_scenario(const std::filesystem::path& file, const Catalog& catalog,
                       IllegalPlans illegal = IllegalPlans::refuse);
Scenario parse_scenario(const std::string& yaml_text, const std::string& file_name, const Catalog& catalog,
                        IllegalPlans illegal = IllegalPlans::refuse);

// Of commands that predict the scenario's own plans. Throws InputError where it has none, which is
// legal of a file with `search:`.
void require_plans(const Scenario& scenario, const std::string& file_name);

// Every problem of the plans, in their order, each once.
std::vector<Diagnostic> plan_problems(const Scenario& scenario);

// Visits every Constant that a prediction for this plan may depend on: of the GPU, the system and
// the plan's software, with its path ("gpu.memory_efficiency", "software.data_exposed").
void for_each_constant(
    Cluster& cluster, Plan& plan,
    const std::function<void(const std::string& path, ConstantBase& constant)>& visit);

// The same for those of the GPU and the system alone.
void for_each_constant(
    Cluster& cluster,
    const std::function<void(const std::string& path, ConstantBase& constant)>& visit);

// JSON Schema (draft 2020-12) of a scenario file, generated from the field tables, as text.
std::string scenario_json_schema(const Catalog& catalog);

// Reference documentation of every key, as Markdown, from the same tables.
std::string scenario_reference();

}  // namespace lockstep
