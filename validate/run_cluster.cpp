#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "scenarios/utf8.hpp"
#include "validate/run_row.hpp"
#include "validate/stated_network.hpp"

namespace lockstep {
namespace {

bool known(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

std::string only_digits(const std::string& text) {
  std::string digits;
  std::copy_if(text.begin(), text.end(), std::back_inserter(digits), [](char c) { return c >= '0' && c <= '9'; });
  return digits;
}

// "H100_SXM 80GB" as a catalog name is written.
std::string dashed(std::string text) {
  std::replace_if(text.begin(), text.end(), [](char c) { return c == ' ' || c == '_'; }, '-');
  return text;
}

}  // namespace

// The catalog's own name, then the rules, then a near misspelling with the same digits (an H20 is no H200).
std::string RunBuilder::find_gpu(const RunRecord& record, AliasRow& row, RunScenario& run) {
  const std::string& key = record.word("gpu_key");
  if (key.empty()) {
    run.skipped = "gpu_key is not stated";
    return {};
  }
  const std::string written = dashed(key);
  if (known(gpu_names_, written)) return written;
  const AliasMatch& match = lookup_.first(aliases_.gpus, row);
  if (match && known(gpu_names_, match.rule->use)) {
    if (match.rule->assumed.empty()) {
      run.assumed.push_back(fmt::format("gpu_key: '{}' is {}", key, match.rule->use));
    } else {
      assume(record, match, run);
    }
    return match.rule->use;
  }
  const std::string near = nearest_name(written, gpu_names_);
  if (!near.empty() && only_digits(near) == only_digits(written)) {
    run.assumed.push_back(fmt::format("gpu_key: '{}' is {}", key, near));
    return near;
  }
  run.skipped = fmt::format("GPU '{}' is not in the catalog", shortened(key));
  if (!near.empty()) run.skipped += fmt::format("; the nearest is {}", near);
  return {};
}

void RunBuilder::build_cluster(const RunRecord& record, AliasRow& row, RunScenario& run) {
  const std::string gpu_name = find_gpu(record, row, run);
  if (!run.skipped.empty()) return;
  row.gpu_name = gpu_name;

  const std::int64_t gpus = *record.num_gpus;
  const AliasMatch& match = lookup_.first(aliases_.systems, row);
  const std::string generic = "generic-" + gpu_name;
  std::string name = generic;
  std::string assumed = fmt::format("network: {}", generic);
  if (match) {
    name = match.rule->use;
    assumed = match.rule->assumed;
  } else if (!known(system_names_, generic)) {
    run.skipped = fmt::format("no system with the GPU {} is in the catalog", gpu_name);
    return;
  }
  Cluster& cluster = run.cluster;
  cluster.system = system(name);
  if (cluster.system.gpu_name != gpu_name) {
    cluster.system.gpu_name = gpu_name;
    cluster.system.gpu = gpu(gpu_name);
  }

  System& node = cluster.system;
  if (record.gpus_per_node && *record.gpus_per_node != node.gpus_per_node) {
    const std::int64_t usual = node.gpus_per_node;
    const std::int64_t stated = *record.gpus_per_node;
    if (node.gpus_per_nvlink_domain == usual) node.gpus_per_nvlink_domain = stated;
    node.nics_per_node = std::max<std::int64_t>(1, node.nics_per_node * stated / usual);
    node.gpus_per_node = stated;
    if (gpus > stated) run.assumed.push_back(fmt::format("network: as much per GPU as {}", name));
  } else if (!record.gpus_per_node) {
    run.assumed.push_back(fmt::format("gpus_per_node: {}", node.gpus_per_node));
  }
  cluster.nodes = (gpus + node.gpus_per_node - 1) / node.gpus_per_node;
  cluster.gpus = gpus;
  if (cluster.nodes > 1 && !assumed.empty()) run.assumed.push_back(assumed);
  apply_network(record, match, run);
}

// What the row states about its network replaces what the system has.
void RunBuilder::apply_network(const RunRecord& record, const AliasMatch& match, RunScenario& run) {
  if (match && match.value("stated_bandwidth") == "ignore") return;
  System& node = run.cluster.system;
  const auto stated = stated_network(record.network, node.gpus_per_node);
  if (!stated) return;
  const double per_node = static_cast<double>(node.nics_per_node) * node.nic_bandwidth.value;
  constexpr double same = 0.02;   // 100 Gb/s and 12.4 GB/s are the same port
  if (std::fabs(stated->per_node.value() / per_node - 1.0) < same) return;
  if (stated->nics > 0) node.nics_per_node = stated->nics;
  node.nic_bandwidth.value = stated->per_node.value() / static_cast<double>(node.nics_per_node);
  node.nic_bandwidth.fit.clear();
  node.nic_bandwidth.kind = Provenance::measured;
  node.nic_bandwidth.spread = 0.0;
  node.nic_bandwidth.source = "stated by the run";
}

const System& RunBuilder::system(const std::string& name) {
  const auto found = systems_.find(name);
  return found != systems_.end() ? found->second : systems_.emplace(name, catalog_.system(name)).first->second;
}

const Gpu& RunBuilder::gpu(const std::string& name) {
  const auto found = gpus_.find(name);
  return found != gpus_.end() ? found->second : gpus_.emplace(name, catalog_.gpu(name)).first->second;
}

}  // namespace lockstep
