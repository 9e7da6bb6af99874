// A node as a system of the catalog: the nearest one with what was found laid over it.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "scenarios/aliases.hpp"
#include "scenarios/scenario.hpp"
#include "validate/discover/found_system.hpp"
#include "validate/discover/gpu_match.hpp"
#include "validate/discover/node_facts.hpp"

namespace lockstep {

struct NodeSystem {
  GpuMatch gpu;
  FoundSystem found;
  std::string base;  // the nearest system of the catalog
  std::string base_description;
  std::vector<std::string> differences;  // "gpus_per_pcie_switch: 1 (dgx-h100: 2)"
  std::vector<std::string>
      inherited;                     // keys of the hardware that were not found and are the base's
  std::vector<std::string> assumed;  // all of them
  std::vector<std::string> remarks;
  System system;  // as the YAML will be read, its GPU as in the catalog
};

// Needs a GPU. The nearest system has the same GPU and the fewest keys that differ; of equal ones
// that which the aliases name for such a network and machine, then one that is no generic-…, then
// the first by name. Systems whose NICs were fitted to published runs stand for no hardware and are
// left out. Throws InputError as Catalog does.
NodeSystem node_system(const NodeFacts& facts, const Catalog& catalog, const Aliases& aliases);

// What was found laid over a system.
System laid_over(System system, const FoundSystem& found);

}  // namespace lockstep
