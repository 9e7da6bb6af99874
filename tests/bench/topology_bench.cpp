// How long link loads and bisection of large clusters take. Reported, never asserted.
#include <benchmark/benchmark.h>

#include "tests/support/nccl_cluster.hpp"
#include "topology/bisection.hpp"
#include "topology/link_load.hpp"

namespace {

using namespace lockstep;

void loads_of_a_plan(benchmark::State& state) {
  const std::int64_t gpus = state.range(0);
  const Cluster cluster = testing::h100(gpus / 8);
  const std::vector<Flow> flows{
      {"tensor", Collective::all_reduce, 8, 1, false, 1_GB, 100, 0},
      {"data", Collective::all_gather, gpus / 64, 8, false, 1_GB, 1, 0},
      {"pipeline", Collective::send_recv, 8, gpus / 8, false, 1_MB, 64, 0}};
  for (auto _ : state) benchmark::DoNotOptimize(link_loads(cluster, flows));
}
BENCHMARK(loads_of_a_plan)->Arg(1024)->Arg(16384)->Arg(131072)->Unit(benchmark::kMicrosecond);

void bisection_of_a_cluster(benchmark::State& state) {
  const Cluster cluster = testing::h100(state.range(0) / 8);
  for (auto _ : state) benchmark::DoNotOptimize(bisection(cluster));
}
BENCHMARK(bisection_of_a_cluster)->Arg(128)->Arg(16384)->Arg(131072)->Unit(benchmark::kMicrosecond);

}  // namespace
