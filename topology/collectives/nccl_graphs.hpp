// NCCL's channels as plain data: what its topology search finds, or what its dumps say. Part of a
// cluster, so that a cluster can carry what was imported.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace lockstep::nccl {

// A path between two devices, nearest first. Source: src/graph/topo.h, graph.h. Each stands for the
// types beside it.
enum class PathType {
  local,         // LOC
  nvlink,        // NVL, NVB
  chip_to_chip,  // C2C
  pcie_switch,   // PIX, PXB
  peer_nic,      // P2C, PXN: to a NIC over NVLink-C2C, or over a peer's PCIe switch
  host_bridge,   // PHB
  socket,        // SYS
  network        // NET, DIS
};

// One graph of the search: `channels` of `inside` GB/s in a node and `across` GB/s between nodes.
// No channels: NCCL has no such graph here.
struct Graph {
  std::int64_t channels = 0;
  double inside = 0.0;
  double across = 0.0;
  double across_latency = 0.0;  // us that the NIC adds; 0 for InfiniBand and sockets
  std::int64_t cross_nic = 0;   // 0: rings stay on their rail; 1, 2: they may leave it
  bool same_channels = true;    // every channel orders the GPUs of a node alike
  bool plain_tree = false;      // a tree with one GPU at both its ends: NCCL rates it at 0.85
};

struct Graphs {
  Graph ring, tree, nvls, collnet_chain, collnet_direct;
  PathType path_inside = PathType::local;
  PathType path_across = PathType::local;  // GPU to NIC
};

// Why the channels of a group are what they are.
enum class GraphSource {
  search,         // found as NCCL would
  dump,           // from the file of NCCL_GRAPH_DUMP_FILE
  dump_unfitting  // found: the file is for groups of another shape
};

// What the first n GPUs of a node (or of an NVLink domain of several) have; GB/s as NCCL counts.
struct ImportedLinks {
  double link = 0.0;  // of one GPU to the others: NVLink sum, or PCIe; 0 for one GPU
  bool nvlink = false;
  bool nvswitch = false;
  PathType path_inside = PathType::local;
  double peer_share = 1.0;  // of `link` that GPUs keep which reach each other over the CPU
  std::int64_t nics = 0;    // that these GPUs have beside them
  double nic = 0.0;         // a NIC and the slots on the way to it
  PathType path_across = PathType::network;
};

// What a file of NCCL_TOPO_DUMP_FILE says of a node. A file of a virtual machine may hold PCIe
// slots only: then `gpus` is 0 and the rest unknown.
struct ImportedTopology {
  std::string file;
  std::int64_t hosts = 1;  // operating systems, more than one where NVLink joins them
  std::int64_t gpus = 0;   // of all hosts
  int compute_capability = 0;
  std::string cpu_vendor, cpu_arch;  // as the file has them
  double slot = 0.0;                 // GB/s of the narrowest slot of a GPU
  std::int64_t pcie_generation = 0;
  std::int64_t pcie_width = 0;
  std::int64_t nvlinks = 0;            // the fewest of a GPU
  bool nvswitch = false;               // else they go to other GPUs
  double chip_to_chip = 0.0;           // GB/s of NVLink-C2C
  std::int64_t pcie_switches = 0;      // PCIe nodes with others below them
  std::int64_t sockets = 0;            // CPUs (NUMA nodes) of one host
  std::int64_t nics = 0;               // of one host, those of the fastest rate
  double nic_rate = 0.0;               // GB/s nominal
  std::string nic_name;                // of the first
  std::int64_t rails = 0, planes = 0;  // distinct attributes of the NICs; 0: none stated
  std::vector<ImportedLinks> first;    // element i: the first i+1 GPUs
  std::vector<std::string> notes;      // what was left out or taken as a default, one sentence each
};

// What a file of NCCL_GRAPH_DUMP_FILE says: the channels of groups of one shape.
struct ImportedGraphs {
  std::string file;
  std::int64_t ranks_on_node = 0;
  bool several_nodes = false;
  Graphs graphs;
  bool has_ring = false, has_tree = false, has_nvls = false, has_collnet_chain = false,
       has_collnet_direct = false;
  std::vector<std::string> notes;
};

// The files that a cluster names, and what was read from them.
struct ImportedFiles {
  std::string topology_file;  // key `nccl_topology` of a cluster
  std::string graph_file;     // key `nccl_graph`
  std::optional<ImportedTopology> topology;
  std::optional<ImportedGraphs> graphs;
};

}  // namespace lockstep::nccl
