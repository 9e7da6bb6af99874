// From a row of a table to a scenario: model, training, cluster and plan, and what had to be taken for granted.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "scenarios/aliases.hpp"
#include "scenarios/scenario.hpp"
#include "validate/alias_lookup.hpp"
#include "validate/catalog_models.hpp"
#include "validate/run_record.hpp"

namespace lockstep {

// What the measured peak counts, and on which rank it was read.
enum class MeasuredMemory {
  allocated,   // tensors
  reserved,    // the caching allocator, without the CUDA context
  device       // the whole GPU, as nvidia-smi shows it
};
enum class MeasuredStage { worst, first, ends };

struct RunScenario {
  Model model;
  Training training;
  Cluster cluster;
  Plan plan;
  std::vector<std::string> assumed;   // "what: value"; in the order of the columns
  std::string skipped;                // why it is not simulated; "" if it is

  double step_time_s = 0;             // measured; 0: not measured
  double peak_memory_bytes = 0;       // measured; 0: not measured
  MeasuredMemory memory_kind = MeasuredMemory::reserved;
  MeasuredStage memory_stage = MeasuredStage::worst;
};

// The shape of the row's model, completed from `known`, the catalog's model of that name (null: there is none).
// Adds to `assumed`; sets `skipped` where the shape cannot be.
void build_model(const RunRecord& record, AliasLookup& lookup, const AliasRow& row, const Model* known,
                 RunScenario& run);

// The shape of its mixture of experts: from the row, from `known`, or a guess that is listed.
void build_experts(const RunRecord& record, const Model* known, RunScenario& run);

// Adds what a rule takes for granted, with the row's own words filled in.
void assume(const RunRecord& record, const AliasMatch& match, RunScenario& run);

// "what: otherwise ('the row's text' is not known)"; without the remark where the row states nothing.
std::string fallback(const RunRecord& record, const std::string& column, const std::string& otherwise);

// Turns rows into scenarios with the names of one catalog. Reads each catalog entry once.
class RunBuilder {
 public:
  RunBuilder(const Catalog& catalog, const Aliases& aliases);
  RunScenario build(const RunRecord& record);

 private:
  void build_cluster(const RunRecord& record, AliasRow& row, RunScenario& run);
  std::string find_gpu(const RunRecord& record, AliasRow& row, RunScenario& run);
  void apply_network(const RunRecord& record, const AliasMatch& match, RunScenario& run);
  void build_software(AliasRow& row, RunScenario& run);
  void build_training(const RunRecord& record, const AliasRow& row, RunScenario& run);
  void settle_adapter_kind(const RunRecord& record, RunScenario& run);
  void build_plan(const RunRecord& record, const AliasRow& row, RunScenario& run);
  void build_context(const RunRecord& record, const AliasRow& row, RunScenario& run);
  void build_expert_parallel(const RunRecord& record, const AliasRow& row, RunScenario& run);
  void build_recompute(const AliasRow& row, RunScenario& run);
  void build_pipeline(const RunRecord& record, const AliasRow& row, RunScenario& run);
  void build_measured(const RunRecord& record, const AliasRow& row, RunScenario& run);

  const Model* known_model(const RunRecord& record);
  const Software& software(const std::string& name);
  const System& system(const std::string& name);
  const Gpu& gpu(const std::string& name);

  const Catalog& catalog_;
  const Aliases& aliases_;
  AliasLookup lookup_;
  CatalogModels models_;
  std::vector<std::string> gpu_names_;
  std::vector<std::string> system_names_;
  std::map<std::string, Software> softwares_;
  std::map<std::string, System> systems_;
  std::map<std::string, Gpu> gpus_;
};

}  // namespace lockstep
