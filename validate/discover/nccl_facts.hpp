// NCCL's own picture of the node beside NVML's and hwloc's.
#pragma once

#include <string>

#include "validate/discover/node_facts.hpp"

namespace lockstep {

// Fills what is not known from a file of NCCL_TOPO_DUMP_FILE, and adds one remark for every
// contradiction. Throws InputError with every error of the file.
void add_nccl_topology(const std::string& xml, const std::string& file_name, NodeFacts& facts);

}  // namespace lockstep
