// The GPU of a node as one of the catalog, or as a map for one that the catalog lacks.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "scenarios/aliases.hpp"
#include "scenarios/scenario.hpp"
#include "validate/discover/node_facts.hpp"

namespace lockstep {

struct GpuMatch {
  std::string name;    // of the catalog: the GPU itself, or the nearest
  bool known = false;  // by its name
  // Keys beside `based_on: name` that differ from the catalog's: (key, YAML value). None: the
  // catalog's GPU as it is.
  std::vector<std::pair<std::string, std::string>> changes;
  std::vector<std::string> assumed;  // one sentence each
};

// By the aliases' patterns on NVML's name; a name that they lack becomes a map based on the GPU of
// the same, else the next older, compute capability:
//   memory_bandwidth  2 x memory clock x bus width / 8        (HBM and GDDR send twice a clock)
//   sm_count          CUDA cores / cores of one SM            (64 up to 8.0 except 6.1, 128
//   from 8.6 and 9.0 on) peak_*            that of the base x SMs / SMs of the base (same clock)
// Memory, bandwidth, SMs and power limit that differ from the catalog's also make a map. Ignores:
// clocks. Throws InputError where the catalog or the aliases are broken.
GpuMatch match_gpu(const GpuFact& gpu, bool on_nvlink, const std::string& source,
                   const Catalog& catalog, const Aliases& aliases);

// A YAML constant as the catalog writes it.
std::string yaml_constant(const std::string& value, Provenance kind, double spread,
                          const std::string& source);

}  // namespace lockstep
