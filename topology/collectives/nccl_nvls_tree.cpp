// NVLSTree: NVLS inside each node, trees between them; all_reduce only.
//
//   i = 2 * inside * nvls_efficiency * (channels - 1)/channels
//   x = across, twice that with two nodes
//   bandwidth = channels * min(i, x, nvls_tree_per_channel) * n / steps
//   latency   = base + inside_latency + 2 floor(log2 N) * across_latency
// Source: tuning.cc:307-314, :377, :430-434.
#include <algorithm>

#include "topology/collectives/registered.hpp"

namespace lockstep::nccl {
namespace {

const char* off(const Tuning& tuning, Collective collective, Protocol protocol) {
  if (collective != Collective::all_reduce) return "NVLSTree does all_reduce only";
  if (protocol != Protocol::simple) return "NVLSTree has the Simple protocol only";
  if (tuning.one_node()) return "NVLSTree needs several nodes";
  if (!tuning.view.nvswitch || tuning.view.compute_capability < 90)
    return "NVLSTree needs NVSwitch and Hopper";
  if (tuning.version < NcclVersion::v2_18) return "NVLSTree came with NCCL 2.18";
  return tuning.graphs.nvls.channels > 1 ? nullptr : "NVLSTree needs two channels";
}

Rating rate(const Tuning& tuning, Collective collective, Protocol protocol) {
  const Constants& c = *tuning.constants;
  const Graph& graph = tuning.graphs.nvls;
  const auto channels = static_cast<double>(graph.channels);
  const double efficiency = c.nvls_efficiency[tuning.generation_index()];
  const double inside = 2.0 * graph.inside * efficiency * (channels - 1.0) / channels;
  const double across = graph.across * (tuning.view.nodes <= 2 ? 2.0 : 1.0);
  const double to_buffer = tuning.n() / ring_steps(collective, tuning.ranks);
  const double latency =
      tuning.base_latency(Algorithm::nvls_tree, protocol) +
      tuning.inside_latency(Algorithm::nvls_tree, protocol) +
      2.0 * doublings(tuning.view.nodes) * tuning.across_latency(Algorithm::nvls_tree, protocol);
  return {latency,
          channels * std::min({inside, across, tuning.table(c.nvls_tree_per_channel)}) * to_buffer,
          channels * across * to_buffer};
}

}  // namespace

const Method nvls_tree{"nvls_tree",
                       "NCCL_ALGO=NVLSTree",
                       Algorithm::nvls_tree,
                       "NVLS inside nodes, trees between them",
                       &off,
                       &rate};

}  // namespace lockstep::nccl
