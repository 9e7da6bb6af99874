// NVLS: NVSwitches reduce and multicast, one channel for each head GPU.
//
//   i = inside * nvls_efficiency * (channels - 1)/channels;  all_reduce: 2 i, else i * (r-1)/r, r
//   ranks per node b = channels * min(i, across) bandwidth = b * n / steps for all_reduce, b else
//   latency   = inside_latency (+ across_latency between nodes)
// Source: tuning.cc:307-314, :377, :429; conditions transport/nvls.cc:248-280, tuning.cc:495-541.
#include <algorithm>
#include <limits>

#include "topology/collectives/registered.hpp"

namespace lockstep::nccl {
namespace {

const char* off(const Tuning& tuning, Collective collective, Protocol protocol) {
  if (collective != Collective::all_reduce && !gathers_or_scatters(collective))
    return "NVLS does all_reduce, all_gather and reduce_scatter only";
  if (protocol != Protocol::simple) return "NVLS has the Simple protocol only";
  if (!tuning.view.nvswitch || tuning.view.compute_capability < 90)
    return "NVLS needs NVSwitch and Hopper";
  if (!tuning.one_node() && !tuning.in_network_reduction) return "NVLS over nodes needs SHARP";
  return tuning.graphs.nvls.channels > 1 ? nullptr : "NVLS needs two channels";
}

Rating rate(const Tuning& tuning, Collective collective, Protocol protocol) {
  const Graph& graph = tuning.graphs.nvls;
  const auto channels = static_cast<double>(graph.channels);
  const double r = tuning.ranks_per_node();
  const double efficiency = tuning.constants->nvls_efficiency[tuning.generation_index()];
  const double once = graph.inside * efficiency * (channels - 1.0) / channels;
  const bool all_reduce = collective == Collective::all_reduce;
  const double inside = all_reduce ? 2.0 * once : once * (r - 1.0) / r;
  const double to_buffer = all_reduce ? tuning.n() / ring_steps(collective, tuning.ranks) : 1.0;
  double latency = tuning.inside_latency(Algorithm::nvls, protocol);
  if (!tuning.one_node()) latency += tuning.across_latency(Algorithm::nvls, protocol);
  const double wire = tuning.one_node() ? std::numeric_limits<double>::infinity()
                                        : channels * graph.across * to_buffer;
  return {latency, channels * std::min(inside, graph.across) * to_buffer, wire};
}

}  // namespace

const Method nvls{"nvls",
                  "NCCL_ALGO=NVLS",
                  Algorithm::nvls,
                  "the NVSwitches reduce and multicast",
                  &off,
                  &rate};

}  // namespace lockstep::nccl
