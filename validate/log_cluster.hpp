// The cluster that an nccl-tests log was measured on.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "scenarios/aliases.hpp"
#include "scenarios/log_metadata.hpp"
#include "scenarios/scenario.hpp"
#include "topology/placement.hpp"
#include "validate/nccl_tests_log.hpp"

namespace lockstep {

struct LogCluster {
  Cluster cluster;
  GroupShape shape;                   // of all ranks of the log
  std::vector<std::string> assumed;   // "network: …"
  std::string unknown;                // why there is none; "" if there is
};

// What the command line decides for all logs.
struct ClusterChoice {
  std::optional<Cluster> cluster;       // --cluster
  std::optional<std::int64_t> nodes;    // --nodes
};

class LogClusters {
 public:
  LogClusters(const Catalog& catalog, const Aliases& aliases, ClusterChoice choice);

  // The system is the command line's, else what the notes and the list of devices name. The nodes are the command
  // line's, else the notes', else the hosts listed, else GPUs / GPUs per node. `gpus` 0: all of these nodes.
  LogCluster find(const NcclTable& table, const std::optional<LogMetadata>& metadata, std::int64_t gpus);

  // Whether the command line says how many GPUs there are: by a system and its nodes.
  [[nodiscard]] bool states_gpus() const { return choice_.cluster && (choice_.nodes || choice_.cluster->nodes > 1); }

 private:
  void find_system(const NcclTable& table, const std::optional<LogMetadata>& metadata, LogCluster& out);

  const Catalog& catalog_;
  const Aliases& aliases_;
  ClusterChoice choice_;
  std::vector<std::string> systems_;
  std::map<std::string, System> read_;
};

}  // namespace lockstep
