// PAT: parallel aggregated trees, all_gather and reduce_scatter with one rank per node.
//
//   bandwidth = 0.75 * channels * bw                     bw = inside up to 2 nodes, else across
//   latency   = base + floor(log2 N) * across_latency / 3.5 + 2.8 n
// Source: tuning.cc:334, :435; conditions :216-223 (one rank per node, since 2.23).
#include "topology/collectives/registered.hpp"

namespace lockstep::nccl {
namespace {

constexpr double share = 0.75;
constexpr double steps_at_once = 3.5;
constexpr double per_rank = 2.8;  // us

const char* off(const Tuning& tuning, Collective collective, Protocol protocol) {
  if (!gathers_or_scatters(collective)) return "PAT does all_gather and reduce_scatter only";
  if (protocol != Protocol::simple) return "PAT has the Simple protocol only";
  if (tuning.one_node() || tuning.view.ranks > 1)
    return "PAT needs one rank on each of several nodes";
  if (tuning.version < NcclVersion::v2_24) return "PAT came with NCCL 2.23";
  return tuning.graphs.ring.channels > 0 ? nullptr : "no PAT: the network carries nothing";
}

Rating rate(const Tuning& tuning, Collective, Protocol protocol) {
  const Graph& graph = tuning.graphs.ring;
  const auto channels = static_cast<double>(graph.channels);
  const double latency = tuning.base_latency(Algorithm::pat, protocol) +
                         doublings(tuning.view.nodes) *
                             tuning.across_latency(Algorithm::pat, protocol) / steps_at_once +
                         per_rank * tuning.n();
  // The buffer's (n-1)/n pass each NIC.
  const double wire = channels * graph.across * tuning.n() / (tuning.n() - 1.0);
  return {latency, share * channels * tuning.channel(graph), wire};
}

}  // namespace

const Method pat{"pat",
                 "NCCL_ALGO=PAT",
                 Algorithm::pat,
                 "parallel aggregated trees, one rank per node",
                 &off,
                 &rate};

}  // namespace lockstep::nccl
