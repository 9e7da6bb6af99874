// NCCL's tuning model: what it expects of each algorithm and protocol. Microseconds and GB/s, as
// NCCL has them. Source for all: src/graph/tuning.cc of 2.30, lines in each file.
#pragma once

#include <cstdint>
#include <span>

#include "topology/collectives/channels.hpp"
#include "topology/collectives/collective_model.hpp"
#include "topology/collectives/nccl_constants.hpp"

namespace lockstep::nccl {

// What the model knows of a group.
struct Tuning {
  const Constants* constants = nullptr;
  NodeView view;
  Graphs graphs;
  std::int64_t ranks = 2;
  CpuVendor cpu = CpuVendor::intel;
  bool in_network_reduction = false;
  NcclVersion version = NcclVersion::v2_30;

  [[nodiscard]] double n() const { return static_cast<double>(ranks); }
  [[nodiscard]] double nodes() const { return static_cast<double>(view.nodes); }
  [[nodiscard]] double ranks_per_node() const { return n() / nodes(); }
  [[nodiscard]] bool one_node() const { return view.nodes < 2; }
  [[nodiscard]] std::size_t generation_index() const;
  [[nodiscard]] std::size_t nodes_index() const;  // the column "1 node", "2 nodes", "more"
  [[nodiscard]] double table(const ByGeneration& values) const;
  [[nodiscard]] Wire inside_wire() const;
  [[nodiscard]] double inside_latency(Algorithm algorithm, Protocol protocol) const;
  [[nodiscard]] double across_latency(Algorithm algorithm, Protocol protocol) const;
  [[nodiscard]] double base_latency(Algorithm algorithm, Protocol protocol) const;
  // The channels that the algorithm uses.
  [[nodiscard]] const Graph& graph(Algorithm algorithm) const;
  // GB/s of one channel: `inside` up to 2 nodes, else `across`.
  [[nodiscard]] double channel(const Graph& graph) const;
};

// time = latency + bytes / bandwidth. `wire` is the bandwidth at which the NICs of the group's
// nodes are full, NCCL's ranking does not look at it; infinite on one node.
struct Rating {
  double latency = 0.0;    // us
  double bandwidth = 0.0;  // GB/s of the buffer
  double wire = 0.0;       // GB/s of the buffer
};

// One way to do collectives: one file that ends in its Method, one row of methods().
struct Method {
  const char* name;  // in output: "ring", "nvls_tree"; key nccl_algorithm has '-' for '_'
  const char* variable;  // how NCCL is told to use nothing else: "NCCL_ALGO=NVLSTree"
  Algorithm algorithm;   // whose rows of NCCL's tables it reads
  const char* description;
  // Why NCCL does not offer it here; null where it does.
  const char* (*off)(const Tuning& tuning, Collective collective, Protocol protocol);
  Rating (*rate)(const Tuning& tuning, Collective collective, Protocol protocol);
  bool on_request = false;  // NCCL itself lacks it: only where nccl_algorithm names it
};

// Every method; the first of them in the order of Algorithm.
std::span<const Method* const> methods();

// Dependent steps of a ring: all_reduce 2(n-1); all_gather, reduce_scatter n-1; broadcast, reduce
// n.
double ring_steps(Collective collective, std::int64_t ranks);

bool gathers_or_scatters(Collective collective);

// Share of the bytes on a wire that are payload: LL sends a flag with every four bytes, LL128 one
// in 16 words.
double payload(Protocol protocol);

// floor(log2(nodes)).
double doublings(std::int64_t nodes);

}  // namespace lockstep::nccl
