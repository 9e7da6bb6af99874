#include "validate/log_cluster.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "validate/log_settings.hpp"
#include "validate/nccl_log_line.hpp"

namespace lockstep {
namespace {

// Lower case with single spaces, as alias patterns expect it.
std::string plain(const std::string& text) {
  std::string out;
  for (const char c : lower_case(text)) {
    const bool blank = c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '_';
    if (!blank) {
      out += c;
    } else if (!out.empty() && out.back() != ' ') {
      out += ' ';
    }
  }
  return out;
}

std::int64_t hosts(const NcclTable& table) {
  std::set<std::string> names;
  for (const NcclDevice& device : table.devices) names.insert(device.host);
  return complete(table.devices) && names.count("") == 0 ? static_cast<std::int64_t>(names.size()) : 0;
}

std::int64_t stated(const std::optional<StatedMetadata>& count) { return count ? count->value : 0; }

// The nodes by what log and notes say; 0 where they do not.
std::int64_t stated_nodes(const NcclTable& table, const std::optional<LogMetadata>& metadata, std::int64_t gpus) {
  if (metadata && stated(metadata->nodes) > 0) return metadata->nodes->value;
  if (hosts(table) > 0) return hosts(table);
  const std::int64_t per_node = metadata ? stated(metadata->gpus_per_node) : 0;
  return per_node > 0 ? (gpus + per_node - 1) / per_node : 0;
}

}  // namespace

LogClusters::LogClusters(const Catalog& catalog, const Aliases& aliases, ClusterChoice choice)
    : catalog_(catalog), aliases_(aliases), choice_(std::move(choice)), systems_(catalog.names("systems")) {}

void LogClusters::find_system(const NcclTable& table, const std::optional<LogMetadata>& metadata, LogCluster& out) {
  if (choice_.cluster) {
    out.cluster = *choice_.cluster;
    return;
  }
  std::string gpu = metadata ? metadata->word("gpu") : std::string{};
  if (gpu.empty() && !table.devices.empty()) gpu = table.devices.front().name;
  std::string gpu_name;
  const auto column = [&](const std::string& name) {
    if (name == "gpu") return plain(gpu);
    if (name == "gpu_name") return gpu_name;
    return metadata ? plain(metadata->word(name)) : std::string{};
  };
  if (gpu.empty()) {
    out.unknown = "the cluster is not stated: --cluster SYSTEM, or gpu in the log's .meta.yaml";
    return;
  }
  const AliasMatch match = aliases_.gpus.first(column);
  if (!match) {
    out.unknown = fmt::format("the GPU '{}' is not in the catalog", gpu);
    return;
  }
  gpu_name = match.rule->use;
  const AliasMatch system = aliases_.systems.first(column);
  const std::string name = system ? system.rule->use : "generic-" + gpu_name;
  if (std::find(systems_.begin(), systems_.end(), name) == systems_.end()) {
    out.unknown = fmt::format("no system with the GPU {} is in the catalog", gpu_name);
    return;
  }
  if (!system) out.assumed.push_back("system: " + name);
  if (system && !system.rule->assumed.empty()) out.assumed.push_back(system.rule->assumed);
  const auto known = read_.find(name);
  out.cluster.system = known != read_.end() ? known->second : read_.emplace(name, catalog_.system(name)).first->second;
}

LogCluster LogClusters::find(const NcclTable& table, const std::optional<LogMetadata>& metadata, std::int64_t gpus) {
  LogCluster out;
  find_system(table, metadata, out);
  if (!out.unknown.empty()) return out;
  Cluster& cluster = out.cluster;
  if (metadata) {
    const std::vector<std::string> settings = apply_log_settings(*metadata, cluster.system);
    out.assumed.insert(out.assumed.end(), settings.begin(), settings.end());
  }
  const std::int64_t in_node = cluster.system.gpus_per_node;
  const std::int64_t said = choice_.nodes ? *choice_.nodes : stated_nodes(table, metadata, gpus);
  if (gpus == 0) gpus = (said > 0 ? said : cluster.nodes) * in_node;
  cluster.nodes = said > 0 ? said : (gpus + in_node - 1) / in_node;
  cluster.gpus = 0;
  const std::int64_t used = (gpus + cluster.nodes - 1) / cluster.nodes;
  if (cluster.nodes > gpus) {
    out.unknown = fmt::format("{} GPUs cannot be on {} nodes", gpus, cluster.nodes);
  } else if (used > in_node) {
    out.unknown = fmt::format("{} GPUs on {} {}: a node of {} has {}", gpus, cluster.nodes,
                              cluster.nodes == 1 ? "node" : "nodes", cluster.system.name, in_node);
  } else {
    out.shape = spread_group(cluster, gpus, cluster.nodes);
  }
  return out;
}

}  // namespace lockstep
