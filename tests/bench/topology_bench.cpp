// How long the graph of a cluster takes, and what collectives read from it: healthy, with a failed
// NIC, and whole. Reported, never asserted.
#include <benchmark/benchmark.h>

#include "tests/support/nccl_cluster.hpp"
#include "topology/graph.hpp"

namespace {

using namespace lockstep;

Cluster h100_with_planes(std::int64_t gpus) {
  Cluster cluster = testing::h100(gpus / 8);
  cluster.system.nvswitch_planes = 4;
  return cluster;
}

// One rack a domain, trays of four GPUs.
Cluster nvl72(std::int64_t gpus) {
  Cluster cluster = testing::nvlink_cluster("blackwell", 4, 18, 4, 400.0, gpus / 4);
  cluster.system.gpus_per_nvlink_domain = 72;
  cluster.system.nvswitch_planes = 18;
  cluster.fabric.nodes_per_leaf = 144;
  return cluster;
}

void build_the_graph(benchmark::State& state, Cluster (*cluster_of)(std::int64_t)) {
  const Cluster cluster = cluster_of(state.range(0));
  for (auto _ : state) benchmark::DoNotOptimize(ClusterGraph{cluster});
}
BENCHMARK_CAPTURE(build_the_graph, h100, h100_with_planes)
    ->Arg(64)
    ->Arg(16384)
    ->Arg(131072)
    ->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(build_the_graph, nvl72, nvl72)
    ->Arg(72)
    ->Arg(131072)
    ->Unit(benchmark::kMicrosecond);

void read_the_routes(benchmark::State& state, Cluster (*cluster_of)(std::int64_t)) {
  const Cluster cluster = cluster_of(state.range(0));
  for (auto _ : state) benchmark::DoNotOptimize(routes(cluster));
}
BENCHMARK_CAPTURE(read_the_routes, h100, h100_with_planes)
    ->Arg(8)
    ->Arg(64)
    ->Arg(131072)
    ->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(read_the_routes, nvl72, nvl72)->Arg(131072)->Unit(benchmark::kMicrosecond);

void read_the_routes_without_a_nic(benchmark::State& state) {
  Cluster cluster = h100_with_planes(state.range(0));
  cluster.failed = {"node3.nic2"};
  for (auto _ : state) benchmark::DoNotOptimize(routes(cluster));
}
BENCHMARK(read_the_routes_without_a_nic)->Arg(131072)->Unit(benchmark::kMicrosecond);

void build_the_whole_graph(benchmark::State& state) {
  const Cluster cluster = h100_with_planes(state.range(0));
  for (auto _ : state) benchmark::DoNotOptimize(ClusterGraph{cluster, Extent::whole});
}
BENCHMARK(build_the_whole_graph)->Arg(64)->Arg(16384)->Unit(benchmark::kMicrosecond);

}  // namespace
