// Tree: double binary trees over the nodes, a chain inside each node; all_reduce only.
//
//   b   = min(0.92 * channels * bw, channels * tree_per_channel)      bw = inside up to 2 nodes,
//   else across LL:     b := min(b / 3.8, ll_max) LL128:  b := min(b * (7/9 on one node, 120/128
//   else), channels * tree_ll128_per_channel) bandwidth = b / 2, and times tree_correction(bytes)
//   when a time is asked for latency   = base + 2 * ((n/N - 1) * inside + floor(log2 N) * across)
// A graph of the plain pattern, as on some PCIe boxes, gives 0.85 b; this search always finds
// balanced ones, an imported graph may say otherwise.
// Source: tuning.cc:323-333, :378, :416-421.
#include <algorithm>
#include <limits>

#include "topology/collectives/registered.hpp"

namespace lockstep::nccl {
namespace {

constexpr double share = 0.92;
constexpr double ll_part = 3.8;
constexpr double ll128_one_node = 7.0 / 9.0;
constexpr double ll128_nodes = 120.0 / 128.0;
constexpr double plain_tree_share = 0.85;
constexpr double to_buffer = 0.5;

const char* off(const Tuning& tuning, Collective collective, Protocol) {
  if (collective != Collective::all_reduce) return "trees do all_reduce only";
  return tuning.graphs.tree.channels > 0 ? nullptr : "no tree: the network carries nothing";
}

Rating rate(const Tuning& tuning, Collective, Protocol protocol) {
  const Constants& c = *tuning.constants;
  const Graph& graph = tuning.graphs.tree;
  const auto channels = static_cast<double>(graph.channels);
  double bus = std::min(share * channels * tuning.channel(graph),
                        channels * tuning.table(c.tree_per_channel));
  if (protocol == Protocol::ll) {
    const std::size_t row =
        tuning.one_node() ? tuning.generation_index() : (tuning.cpu == CpuVendor::amd ? 1U : 0U);
    bus = std::min(bus / ll_part, c.ll_max_bandwidth[row][tuning.nodes_index()]);
  }
  if (protocol == Protocol::ll128)
    bus = std::min(bus * (tuning.one_node() ? ll128_one_node : ll128_nodes),
                   channels * tuning.table(c.tree_ll128_per_channel));
  if (graph.plain_tree) bus *= plain_tree_share;
  const double latency =
      tuning.base_latency(Algorithm::tree, protocol) +
      2.0 * ((tuning.ranks_per_node() - 1.0) * tuning.inside_latency(Algorithm::tree, protocol) +
             doublings(tuning.view.nodes) * tuning.across_latency(Algorithm::tree, protocol));
  // With two nodes each byte crosses a NIC once in each direction; an inner node of a larger tree
  // passes it on twice.
  const double passes = tuning.view.nodes <= 2 ? 2.0 : 1.0;
  const double wire = tuning.one_node()
                          ? std::numeric_limits<double>::infinity()
                          : channels * graph.across * passes * payload(protocol) * to_buffer;
  return {latency, bus * to_buffer, wire};
}

}  // namespace

const Method tree{"tree",
                  "NCCL_ALGO=Tree",
                  Algorithm::tree,
                  "double binary trees over nodes, chains inside",
                  &off,
                  &rate};

}  // namespace lockstep::nccl
