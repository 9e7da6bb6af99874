// The numbers that NCCL's tuning model is made of, by version. Microseconds and GB/s, as NCCL has
// them.
#pragma once

#include <array>
#include <cstddef>

#include "topology/hardware.hpp"

namespace lockstep::nccl {

enum class Algorithm { ring, tree, collnet_direct, collnet_chain, nvls, nvls_tree, pat };
inline constexpr std::size_t algorithm_count = 7;

enum class Protocol { ll, ll128, simple };
inline constexpr std::size_t protocol_count = 3;

// "ll128".
const char* to_string(Protocol protocol);

// One value for each of LL, LL128, Simple.
using ByProtocol = std::array<double, protocol_count>;
using ByAlgorithm = std::array<ByProtocol, algorithm_count>;

// One value for 1 node, 2 nodes, more.
using ByNodes = std::array<double, 3>;

// Rows of the tables by GPU generation.
enum class Generation { volta, ampere, hopper, blackwell };
inline constexpr std::size_t generation_count = 4;
using ByGeneration = std::array<ByNodes, generation_count>;

// What carries a step: NVLink or PCIe between GPUs of a node, the network between nodes.
enum class Wire { nvlink, pcie, network };
inline constexpr std::size_t wire_count = 3;

struct Constants {
  ByAlgorithm base_latency;                     // us
  std::array<ByAlgorithm, wire_count> latency;  // us per step
  ByGeneration ll_max_bandwidth;        // GB/s; by generation on one node, else row 0 or 1 by CPU
  ByGeneration ring_ll128_per_channel;  // GB/s
  ByGeneration tree_ll128_per_channel;  // GB/s
  ByGeneration tree_per_channel;        // GB/s
  ByGeneration nvls_tree_per_channel;   // GB/s
  std::array<double, generation_count> nvls_efficiency;
};

// The constants that hold for a version. Sources: src/graph/tuning.cc at the tags of each version.
const Constants& constants(NcclVersion version);

// What NCCL divides a tree's bandwidth by at this size: 1 from 512 MB on, less in the middle.
// Source: treeCorrectionFactor in src/graph/tuning.cc.
double tree_correction(Protocol protocol, double bytes);

// Volta 70, Turing 75, Ampere 80, Ada 89, Hopper 90, Blackwell 100.
int compute_capability(const Gpu& gpu);
Generation generation(int compute_capability);

}  // namespace lockstep::nccl
