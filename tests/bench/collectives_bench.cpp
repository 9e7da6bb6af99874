// How long NCCL's model takes: preparing a group, and one choice once it is prepared. Reported,
// never asserted.
#include <benchmark/benchmark.h>

#include "tests/support/nccl_cluster.hpp"

namespace {

using namespace lockstep;

void prepare_a_group(benchmark::State& state) {
  const Cluster cluster = testing::h100(state.range(0) / 8);
  const Routes ready = routes(cluster);
  const GroupShape shape = group_shape(cluster, state.range(0), 1);
  for (auto _ : state) benchmark::DoNotOptimize(nccl::prepare(cluster, ready, shape));
}
BENCHMARK(prepare_a_group)->Arg(16)->Arg(16384)->Unit(benchmark::kMicrosecond);

void choose_for_a_call(benchmark::State& state, Collective collective) {
  const nccl::NcclGroup group = testing::group_of(testing::h100(8), 64, 8);
  Bytes bytes = 1_KiB;
  for (auto _ : state) {
    benchmark::DoNotOptimize(nccl::choose(group, collective, bytes));
    bytes = bytes < 1_GiB ? bytes * 2.0 : 1_KiB;
  }
}
BENCHMARK_CAPTURE(choose_for_a_call, all_reduce, Collective::all_reduce)
    ->Unit(benchmark::kNanosecond);
BENCHMARK_CAPTURE(choose_for_a_call, all_to_all, Collective::all_to_all)
    ->Unit(benchmark::kNanosecond);

}  // namespace
