// Tables of src/graph/tuning.cc. Written out for the newest version; older ones are the newer with
// what was different then, so that each change between versions is one line.
#include "topology/collectives/nccl_constants.hpp"

#include <algorithm>
#include <cmath>

namespace lockstep::nccl {
namespace {

constexpr std::size_t at(Algorithm algorithm) {
  return static_cast<std::size_t>(algorithm);
}
constexpr std::size_t at(Protocol protocol) {
  return static_cast<std::size_t>(protocol);
}
constexpr std::size_t at(Wire wire) {
  return static_cast<std::size_t>(wire);
}
constexpr std::size_t blackwell = static_cast<std::size_t>(Generation::blackwell);
constexpr std::size_t hopper = static_cast<std::size_t>(Generation::hopper);
constexpr std::size_t simple = at(Protocol::simple);

// Rows in the order of Algorithm: ring, tree, CollNet direct, CollNet chain, NVLS, NVLS tree, PAT.
constexpr ByAlgorithm base_latency_2_30 = {
    {{6.6, 14.0, 8.4}, {6.8, 14.0, 8.4}, {}, {}, {}, {}, {8.0, 8.0, 8.0}}};
constexpr ByAlgorithm nvlink_2_30 = {{{0.6, 1.9, 3.4},
                                      {0.6, 1.25, 4.0},
                                      {0, 0, 3.7},
                                      {0, 0, 2.8},
                                      {0, 0, 25.0},
                                      {0, 0, 25.0},
                                      {0, 0, 4.0}}};
constexpr ByAlgorithm pcie_2_30 = {
    {{1.0, 2.5, 5.7}, {1.0, 1.9, 4.0}, {0, 0, 3.7}, {0, 0, 2.8}, {}, {}, {0, 0, 4.0}}};
constexpr ByAlgorithm network_2_30 = {{{2.7, 4.0, 14.0},
                                       {5.0, 8.5, 14.0},
                                       {0, 0, 31.0},
                                       {0, 0, 30.0},
                                       {0, 0, 18.0},
                                       {0, 0, 20.9},
                                       {0, 0, 14.0}}};

// src/graph/tuning.cc:148-212 of 2.30.7.
constexpr Constants version_2_30{
    base_latency_2_30,
    {nvlink_2_30, pcie_2_30, network_2_30},
    {{{39.0, 39.0, 20.4}, {87.7, 22.5, 19.0}, {141.0, 45.0, 35.0}, {282.0, 90.0, 70.0}}},
    {{{20.0, 20.0, 20.0}, {20.0, 20.0, 20.0}, {36.7, 36.7, 36.7}, {40.0, 40.0, 40.0}}},
    {{{20.0, 20.0, 20.0}, {20.0, 20.0, 20.0}, {36.7, 36.7, 29.0}, {55.6, 31.67, 20.0}}},
    {{{26.5, 18.5, 10.0}, {24.0, 23.6, 17.8}, {38.7, 41.4, 36.0}, {70.0, 42.8, 24.0}}},
    {{{26.5, 18.5, 10.0}, {24.0, 23.6, 17.8}, {0.0, 57.7, 45.5}, {0.0, 96.0, 80.0}}},
    {0.0, 0.0, 0.85, 0.74}};

void set_tree_simple(Constants& c, double nvlink, double pcie, double network) {
  c.latency[at(Wire::nvlink)][at(Algorithm::tree)][simple] = nvlink;
  c.latency[at(Wire::pcie)][at(Algorithm::tree)][simple] = pcie;
  c.latency[at(Wire::network)][at(Algorithm::tree)][simple] = network;
}

Constants version_2_28() {
  Constants c = version_2_30;
  c.ring_ll128_per_channel[blackwell] = {73.4, 34.6, 73.4};
  c.tree_ll128_per_channel[blackwell] = {73.4, 73.4, 58.0};
  c.tree_per_channel[blackwell] = {77.4, 82.8, 72.0};
  c.nvls_tree_per_channel[blackwell] = {0.0, 96.0, 43.8};
  return c;
}

// Blackwell's columns appear, twice Hopper's.
Constants version_2_26() {
  Constants c = version_2_28();
  c.ring_ll128_per_channel[blackwell] = {73.4, 73.4, 73.4};
  c.nvls_tree_per_channel[blackwell] = {0.0, 115.4, 91.0};
  return c;
}

// Before, Blackwell counted as Hopper.
Constants version_2_24() {
  Constants c = version_2_26();
  for (ByGeneration* table :
       {&c.ll_max_bandwidth, &c.ring_ll128_per_channel, &c.tree_ll128_per_channel,
        &c.tree_per_channel, &c.nvls_tree_per_channel}) {
    (*table)[blackwell] = (*table)[hopper];
  }
  c.nvls_efficiency[blackwell] = c.nvls_efficiency[hopper];
  return c;
}

Constants version_2_22() {
  Constants c = version_2_24();
  c.base_latency[at(Algorithm::tree)][simple] = 0.0;
  set_tree_simple(c, 28.0, 28.0, 28.0);
  return c;
}

Constants version_2_20() {
  Constants c = version_2_22();
  c.ll_max_bandwidth[hopper] = c.ll_max_bandwidth[blackwell] = {87.7, 22.5, 19.0};
  return c;
}

Constants version_2_18() {
  Constants c = version_2_20();
  set_tree_simple(c, 4.0, 6.0, 14.0);
  c.base_latency[at(Algorithm::nvls)][simple] = 23.0;
  c.base_latency[at(Algorithm::nvls_tree)][simple] = 23.0;
  return c;
}

Constants version_2_16() {
  Constants c = version_2_18();
  c.base_latency[at(Algorithm::tree)] = {4.4, 4.4, 0.0};
  c.base_latency[at(Algorithm::ring)] = {3.6, 10.0, 8.4};
  c.latency[at(Wire::nvlink)][at(Algorithm::tree)][at(Protocol::ll)] = 0.52;
  set_tree_simple(c, 28.0, 28.0, 28.0);
  return c;
}

// 64 B, 128 B, 256 B …
constexpr std::size_t correction_sizes = 24;
constexpr double correction_smallest = 64.0;
constexpr std::array<std::array<double, correction_sizes>, protocol_count> corrections = {
    {{1.0, 1.0, 1.0, 1.0, .9, .8, .7, .7,  .7,  .7,  .6,  .5,
      .4,  .4,  .5,  .6,  .7, .8, .9, 1.0, 1.0, 1.0, 1.0, 1.0},
     {1.0, 1.0, 1.0, 1.0, 1.0, .9, .8, .8, .8, .7,  .6,  .6,
      .6,  .6,  .6,  .6,  .8,  .9, .9, .9, .9, 1.0, 1.0, 1.0},
     {.9, .9, .9, .9, .9, .9, .9, .8, .7, .6, .6, .5,
      .5, .5, .5, .6, .7, .8, .7, .7, .8, .9, .9, .9}}};

}  // namespace

const char* to_string(Protocol protocol) {
  constexpr std::array<const char*, protocol_count> names = {"ll", "ll128", "simple"};
  return names[at(protocol)];
}

const Constants& constants(NcclVersion version) {
  static const std::array<Constants, 8> versions = {version_2_16(), version_2_18(), version_2_20(),
                                                    version_2_22(), version_2_24(), version_2_26(),
                                                    version_2_28(), version_2_30};
  return versions[static_cast<std::size_t>(version)];
}

// factor[protocol][floor(log2(bytes / 64))] from 64 B to below 512 MB, else 1: NCCL reads all
// columns but the last.
double tree_correction(Protocol protocol, double bytes) {
  if (bytes < correction_smallest) return 1.0;
  const auto doubling = static_cast<std::size_t>(std::ilogb(bytes / correction_smallest));
  return doubling < correction_sizes - 1 ? corrections[at(protocol)][doubling] : 1.0;
}

int compute_capability(const Gpu& gpu) {
  constexpr std::array<std::pair<const char*, int>, 6> table = {{{"volta", 70},
                                                                 {"turing", 75},
                                                                 {"ampere", 80},
                                                                 {"ada", 89},
                                                                 {"hopper", 90},
                                                                 {"blackwell", 100}}};
  for (const auto& [name, capability] : table) {
    if (gpu.architecture == name) return capability;
  }
  return table[2].second;  // an unknown one counts as Ampere
}

Generation generation(int compute_capability) {
  if (compute_capability >= 100) return Generation::blackwell;
  if (compute_capability >= 90) return Generation::hopper;
  if (compute_capability >= 80) return Generation::ampere;
  return Generation::volta;
}

}  // namespace lockstep::nccl
