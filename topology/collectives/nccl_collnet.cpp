// CollNet: the network's switches reduce (SHARP). Direct spreads a node's data over its GPUs, Chain
// passes it along.
//
//   b = channels * inside
//   Direct, all_gather and reduce_scatter: b = r * min(inside, 0.9 * across), r ranks per node
//   Direct, all_reduce: f = r/channels; f := f - (f-1)/2; b := b / f;  Hopper on: 0.85 b
//   bandwidth = b / 2 for all_reduce, b else
//   latency   Direct: base + 2 (min(1, r-1) * inside_latency + 0.4 (r-1)) + across_latency
//             Chain:  base + 2 (r-1) * inside_latency + across_latency
// Source: tuning.cc:335-347, :353-378, :422-428. Simple only. The graph is the ring's: one channel
// for each NIC.
#include <algorithm>

#include "topology/collectives/registered.hpp"

namespace lockstep::nccl {
namespace {

constexpr double network_share = 0.9;
constexpr double hopper_share = 0.85;
constexpr double peer_latency = 0.4;  // us
constexpr double all_reduce_to_buffer = 0.5;

const char* off_common(const Tuning& tuning, Protocol protocol) {
  if (protocol != Protocol::simple) return "CollNet has the Simple protocol only";
  if (tuning.one_node()) return "CollNet needs several nodes";
  if (!tuning.in_network_reduction) return "CollNet needs SHARP";
  return tuning.graphs.collnet_chain.channels > 0 ? nullptr
                                                  : "no CollNet: the network carries nothing";
}

const char* off_direct(const Tuning& tuning, Collective collective, Protocol protocol) {
  if (collective != Collective::all_reduce && !gathers_or_scatters(collective))
    return "CollNet does all_reduce, all_gather and reduce_scatter only";
  if (const char* why = off_common(tuning, protocol)) return why;
  return tuning.view.nvswitch ? nullptr : "CollNet direct needs NVSwitch";
}

const char* off_chain(const Tuning& tuning, Collective collective, Protocol protocol) {
  if (collective != Collective::all_reduce) return "CollNet chain does all_reduce only";
  return off_common(tuning, protocol);
}

Rating rate_direct(const Tuning& tuning, Collective collective, Protocol protocol) {
  const Graph& graph = tuning.graphs.collnet_direct;
  const auto channels = static_cast<double>(graph.channels);
  const double r = tuning.ranks_per_node();
  const double latency =
      tuning.base_latency(Algorithm::collnet_direct, protocol) +
      2.0 * (std::min(1.0, r - 1.0) * tuning.inside_latency(Algorithm::collnet_direct, protocol) +
             peer_latency * (r - 1.0)) +
      tuning.across_latency(Algorithm::collnet_direct, protocol);
  const double wire = channels * graph.across;
  if (collective != Collective::all_reduce)
    return {latency, r * std::min(graph.inside, network_share * graph.across), wire};
  double factor = r / channels;
  factor -= (factor - 1.0) / 2.0;
  double bus = channels * graph.inside / factor;
  if (tuning.view.compute_capability >= 90) bus *= hopper_share;
  return {latency, bus * all_reduce_to_buffer, wire};
}

Rating rate_chain(const Tuning& tuning, Collective, Protocol protocol) {
  const Graph& graph = tuning.graphs.collnet_chain;
  const auto channels = static_cast<double>(graph.channels);
  const double latency = tuning.base_latency(Algorithm::collnet_chain, protocol) +
                         2.0 * (tuning.ranks_per_node() - 1.0) *
                             tuning.inside_latency(Algorithm::collnet_chain, protocol) +
                         tuning.across_latency(Algorithm::collnet_chain, protocol);
  return {latency, channels * graph.inside * all_reduce_to_buffer, channels * graph.across};
}

}  // namespace

const Method collnet_direct{"collnet_direct",
                            "NCCL_ALGO=CollnetDirect",
                            Algorithm::collnet_direct,
                            "the switches reduce, all GPUs of a node feed them",
                            &off_direct,
                            &rate_direct};
const Method collnet_chain{"collnet_chain",
                           "NCCL_ALGO=CollnetChain",
                           Algorithm::collnet_chain,
                           "the switches reduce, a chain in each node feeds them",
                           &off_chain,
                           &rate_chain};

}  // namespace lockstep::nccl
