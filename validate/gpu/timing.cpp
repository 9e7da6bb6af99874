#include "validate/gpu/timing.hpp"

#include <algorithm>
#include <cmath>
#include <memory>
#include <vector>

#include "validate/statistics.hpp"

namespace lockstep {
namespace {

// Shorter calls may wait for the host, which takes 2 to 10 us to launch one and is interrupted.
constexpr double shortest_queued_call = 60e-6;
constexpr std::int64_t calls_of_a_graph = 200;
constexpr std::int64_t most_queued_calls = 5000;
constexpr std::int64_t estimate_calls = 3;
constexpr int second_path_repeats = 5;

std::int64_t calls_that_fill(double seconds, double call_seconds, std::int64_t most) {
  if (!(call_seconds * static_cast<double>(most) > seconds)) return most;
  return std::max<std::int64_t>(1, std::llround(std::ceil(seconds / call_seconds)));
}

}  // namespace

GpuTimer::GpuTimer(const CudaRuntime& cuda, int device)
    : cuda_(cuda),
      device_(device),
      stream_(cuda, device),
      before_(cuda, device),
      after_(cuda, device),
      clock_(host_clock(cuda)) {}

double GpuTimer::queue_seconds(const Enqueue& enqueue, std::int64_t calls) {
  before_.record(stream_);
  for (std::int64_t i = 0; i < calls; ++i) enqueue(stream_.get());
  after_.record(stream_);
  return after_.seconds_since(before_);
}

double GpuTimer::graph_seconds(const GpuGraph& graph, std::int64_t launches) {
  before_.record(stream_);
  for (std::int64_t i = 0; i < launches; ++i) graph.launch(stream_);
  after_.record(stream_);
  return after_.seconds_since(before_);
}

KernelTime GpuTimer::measure(const Enqueue& enqueue, const TimingOptions& options, bool graphs) {
  static_cast<void>(queue_seconds(enqueue, 1));  // the first call loads and sets up
  double call = queue_seconds(enqueue, estimate_calls) / estimate_calls;
  if (options.warm_up_seconds > 0) {
    const std::int64_t calls = calls_that_fill(options.warm_up_seconds, call, most_queued_calls);
    call = queue_seconds(enqueue, calls) / static_cast<double>(calls);
  }
  std::unique_ptr<GpuGraph> graph;
  if (graphs && call < shortest_queued_call)
    graph = std::make_unique<GpuGraph>(cuda_, device_, stream_, enqueue, calls_of_a_graph);
  KernelTime timed;
  timed.time = measure_repeats(options.repeats, [&](std::int64_t iterations) {
    if (!graph) return queue_seconds(enqueue, iterations) / static_cast<double>(iterations);
    const std::int64_t launches = (iterations + graph->calls() - 1) / graph->calls();
    return graph_seconds(*graph, launches) / static_cast<double>(launches * graph->calls());
  });
  if (options.second_path_seconds > 0)
    timed.second_path_s =
        second_path(enqueue, timed.time.median_s, options.second_path_seconds, graphs);
  return timed;
}

KernelTime GpuTimer::measure(GpuWork& work, const TimingOptions& options) {
  return measure([&](cudaStream_t stream) { work.enqueue(stream); }, options);
}

// The median of a few repeats, as the first path takes it.
double GpuTimer::second_path(const Enqueue& enqueue, double call_seconds, double wanted_seconds,
                             bool graphs) {
  const std::int64_t calls = calls_that_fill(wanted_seconds, call_seconds, most_queued_calls);
  const std::int64_t captured = graphs ? std::min(calls, calls_of_a_graph) : 1;
  const std::int64_t launches = (calls + captured - 1) / captured;
  std::unique_ptr<GpuGraph> graph;
  if (graphs) graph = std::make_unique<GpuGraph>(cuda_, device_, stream_, enqueue, captured);
  const auto launch = [&] {
    if (graph) {
      graph->launch(stream_);
    } else {
      enqueue(stream_.get());
    }
  };
  launch();
  stream_.synchronize();
  std::vector<double> seconds;
  for (int repeat = 0; repeat < second_path_repeats; ++repeat) {
    const double start = clock_();
    for (std::int64_t i = 0; i < launches; ++i) launch();
    stream_.synchronize();
    seconds.push_back((clock_() - start) / static_cast<double>(launches * captured));
  }
  return median(seconds);
}

}  // namespace lockstep
