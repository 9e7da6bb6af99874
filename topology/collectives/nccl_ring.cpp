// Ring: chunks passed round all ranks on every channel.
//
//   b   = channels * bw              bw = inside up to 2 nodes, else across
//   LL:     b := min(ll_max, b/2)    ll_max by generation on one node, else by CPU
//   LL128:  b := min(0.92 b, channels * ring_ll128_per_channel)
//   bandwidth = b * n / steps        steps = 2(n-1) all_reduce, n-1 all_gather and reduce_scatter,
//   n else latency   = base + (steps - x) * inside + x * across      x = 2(N-1) for all_reduce, N-1
//   for the others;
//               inside >= CPU overhead (Intel 1, AMD 2, other 1 us; three times for Simple) where N
//               > 1
//   broadcast, reduce: latency = base + hw where the channels are the same on every rank, else +
//   steps * hw;
//               hw of the inside wire on one node, of the network else, and of the tree for Simple
// Source: tuning.cc:289-290, :315-322, :377, :394-413.
// Ignores: what a NIC adds of its own (NCCL reads 0 for InfiniBand and sockets).
#include <algorithm>
#include <limits>

#include "topology/collectives/registered.hpp"

namespace lockstep::nccl {
namespace {

constexpr double ll128_share = 0.92;
constexpr double simple_overhead = 3.0;

const char* off(const Tuning& tuning, Collective, Protocol) {
  return tuning.graphs.ring.channels > 0 ? nullptr : "no ring: the network carries nothing";
}

double cpu_overhead(CpuVendor cpu) {
  return cpu == CpuVendor::amd ? 2.0 : 1.0;
}  // us

double ll_max(const Tuning& tuning) {
  const std::size_t row =
      tuning.one_node() ? tuning.generation_index() : (tuning.cpu == CpuVendor::amd ? 1U : 0U);
  return tuning.constants->ll_max_bandwidth[row][tuning.nodes_index()];
}

double latency(const Tuning& tuning, Collective collective, Protocol protocol) {
  const double steps = ring_steps(collective, tuning.ranks);
  const double base = tuning.base_latency(Algorithm::ring, protocol);
  if (collective == Collective::broadcast || collective == Collective::reduce) {
    const Algorithm row = protocol == Protocol::simple ? Algorithm::tree : Algorithm::ring;
    const std::size_t wire =
        static_cast<std::size_t>(tuning.one_node() ? tuning.inside_wire() : Wire::network);
    const double hw =
        tuning.constants
            ->latency[wire][static_cast<std::size_t>(row)][static_cast<std::size_t>(protocol)];
    return base + (tuning.graphs.ring.same_channels ? hw : steps * hw);
  }
  double inside = tuning.inside_latency(Algorithm::ring, protocol);
  double crossings = 0.0;
  if (!tuning.one_node()) {
    inside = std::max(
        inside, cpu_overhead(tuning.cpu) * (protocol == Protocol::simple ? simple_overhead : 1.0));
    crossings = (collective == Collective::all_reduce ? 2.0 : 1.0) * (tuning.nodes() - 1.0);
  }
  return base + (steps - crossings) * inside +
         crossings * tuning.across_latency(Algorithm::ring, protocol);
}

Rating rate(const Tuning& tuning, Collective collective, Protocol protocol) {
  const Graph& graph = tuning.graphs.ring;
  const auto channels = static_cast<double>(graph.channels);
  double bus = channels * tuning.channel(graph);
  if (protocol == Protocol::ll) bus = std::min(ll_max(tuning), bus / 2.0);
  if (protocol == Protocol::ll128)
    bus = std::min(ll128_share * bus,
                   channels * tuning.table(tuning.constants->ring_ll128_per_channel));
  const double to_buffer = tuning.n() / ring_steps(collective, tuning.ranks);
  const double wire = tuning.one_node() ? std::numeric_limits<double>::infinity()
                                        : channels * graph.across * payload(protocol) * to_buffer;
  return {latency(tuning, collective, protocol), bus * to_buffer, wire};
}

}  // namespace

const Method ring{"ring", "NCCL_ALGO=Ring", Algorithm::ring, "chunks passed round all ranks", &off,
                  &rate};

}  // namespace lockstep::nccl
