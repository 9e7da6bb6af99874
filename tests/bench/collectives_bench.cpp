// How long NCCL's model takes: preparing a group, and one choice once it is prepared. Reported,
// never asserted.
#include <benchmark/benchmark.h>

#include "tests/support/nccl_cluster.hpp"
#include "topology/collectives/calibration.hpp"

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

// On a group that was not measured, so that the table is read and not the pieces.
void choose_for_a_calibrated_call(benchmark::State& state) {
  Cluster cluster = testing::h100(8);
  CollectiveCalibration entry;
  entry.system = cluster.system.name;
  entry.ranks = 16;
  entry.nodes = 2;
  entry.pieces = {{Bytes{8}, Seconds{30e-6}, 0}, {Bytes{1e6}, Seconds{50e-6}, 1.0 / 250e9}};
  cluster.calibrations = std::make_shared<const Calibrations>(cluster.system, std::vector{entry});
  const nccl::NcclGroup group =
      nccl::prepare(cluster, routes(cluster), spread_group(cluster, 64, 8));
  Bytes bytes = 1_KiB;
  for (auto _ : state) {
    benchmark::DoNotOptimize(nccl::choose(group, Collective::all_reduce, bytes));
    bytes = bytes < 1_GiB ? bytes * 2.0 : 1_KiB;
  }
}
BENCHMARK(choose_for_a_calibrated_call)->Unit(benchmark::kNanosecond);

}  // namespace
