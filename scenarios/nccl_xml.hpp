// NCCL's own dumps: the topology (NCCL_TOPO_DUMP_FILE, also what NCCL_TOPO_FILE reads) and the
// graphs (NCCL_GRAPH_DUMP_FILE). The only code that reads them.
//
// Attributes and elements that are not known pass, as NCCL lets them; elements are listed in the
// notes. Source: NCCL 2.30 src/graph/xml.cc, topo.cc, search.cc.
#pragma once

#include <string>
#include <vector>

#include "scenarios/scenario.hpp"
#include "topology/collectives/nccl_graphs.hpp"

namespace lockstep {

// What a topology dump says. Throws InputError with every error of the file.
nccl::ImportedTopology parse_nccl_topology(const std::string& xml, const std::string& file_name);

// What a graph dump says. Throws InputError.
nccl::ImportedGraphs parse_nccl_graphs(const std::string& xml, const std::string& file_name);

// Reads the files that the cluster names, once, and lays the topology over its system: GPUs of a
// node, NVLinks, slots, NICs, CPU. What the file does not know stays the system's. Problems go to
// `problems`.
void import_nccl_files(Cluster& cluster, std::vector<Diagnostic>& problems);

// The system of the catalog whose GPU a dump shows, for lack of a named one: by compute capability.
// Throws InputError where the dump has no GPUs or the catalog none of this kind.
std::string base_system(const nccl::ImportedTopology& topology);

// One node of base_system() with the topology laid over it.
Cluster cluster_of_topology(const std::string& file, const Catalog& catalog);

// A system for the catalog or a cluster file, YAML: `base` and every key that the topology knows.
std::string system_yaml(const nccl::ImportedTopology& topology, const std::string& base);

}  // namespace lockstep
