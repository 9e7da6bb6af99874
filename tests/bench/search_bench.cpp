// How fast plans are searched: combinations that are legal, and plans that are timed, per second of
// one core, without pruning; and whole searches with it.
#include <benchmark/benchmark.h>

#include <string>

#include "scenarios/scenario.hpp"
#include "sim/search/search.hpp"

using namespace lockstep;

namespace {

Scenario bundled(const std::string& name) {
  const std::string folder = std::string(LOCKSTEP_TEST_SOURCE_DIR) + "/scenarios";
  Scenario scenario = load_scenario(folder + "/" + name, Catalog(folder));
  scenario.search.constraints.clear();
  return scenario;
}

void run_search(benchmark::State& bench, const std::string& name, bool pruning) {
  const Scenario scenario = bundled(name);
  SearchOptions options;
  options.pruning = pruning;
  double legal = 0;
  double timed = 0;
  for (auto _ : bench) {
    const PlanSearch search(scenario, options);
    SearchState state = search.empty();
    for (std::size_t item = 0; item < search.items(); ++item) search.run(item, state);
    legal += static_cast<double>(state.counts.legal);
    timed += static_cast<double>(state.effort.timed);
    benchmark::DoNotOptimize(search.finish(state));
  }
  bench.counters["legal/s"] = benchmark::Counter(legal, benchmark::Counter::kIsRate);
  bench.counters["timed/s"] = benchmark::Counter(timed, benchmark::Counter::kIsRate);
}

void search_exhaustively(benchmark::State& bench, const std::string& name) {
  run_search(bench, name, false);
}
BENCHMARK_CAPTURE(search_exhaustively, llama3_70b, "llama3-70b-64xh100.yaml")
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(search_exhaustively, gpt3_175b, "gpt3-175b-64xa100.yaml")
    ->Unit(benchmark::kMillisecond);

void search_with_bounds(benchmark::State& bench, const std::string& name) {
  run_search(bench, name, true);
}
BENCHMARK_CAPTURE(search_with_bounds, llama3_70b, "llama3-70b-64xh100.yaml")
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(search_with_bounds, gpt3_175b, "gpt3-175b-64xa100.yaml")
    ->Unit(benchmark::kMillisecond);

}  // namespace
