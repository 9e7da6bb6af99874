#include "validate/gpu/launches.hpp"

#include "validate/gpu/blocker.hpp"
#include "validate/gpu/device_memory.hpp"

namespace lockstep {
namespace {

constexpr std::int64_t queued_launches = 200;  // fewer than a stream's queue holds: it never waits
constexpr std::int64_t kernels_of_graph = 1000;
constexpr double longest_launch = 20e-6;  // the GPU is kept busy while so many are queued

MeasuredLaunch launch(const GpuTimer& timer, const char* what, const SweepOptions& repeats,
                      const std::function<double()>& seconds_of_one) {
  MeasuredLaunch measured;
  measured.what = what;
  measured.device = timer.device();
  std::vector<double> seconds;
  static_cast<void>(seconds_of_one());  // loads and sets up
  for (std::int64_t i = 0; i < repeats.most_repeats; ++i) seconds.push_back(seconds_of_one());
  measured.time = repeated_time(std::move(seconds), queued_launches);
  return measured;
}

// The host's time per call; the wait for the GPU comes after.
double host_seconds(const GpuTimer& timer, const Enqueue& enqueue) {
  const double start = timer.clock()();
  for (std::int64_t i = 0; i < queued_launches; ++i) enqueue(timer.stream().get());
  const double seconds = timer.clock()() - start;
  timer.stream().synchronize();
  return seconds / static_cast<double>(queued_launches);
}

// Both events and all calls are queued before the first of them can run.
double gpu_seconds(const GpuTimer& timer, const Blocker& blocker, const Enqueue& enqueue) {
  const GpuEvent before(timer.cuda(), timer.device());
  const GpuEvent after(timer.cuda(), timer.device());
  blocker.enqueue(timer.stream(), longest_launch * static_cast<double>(queued_launches));
  before.record(timer.stream());
  for (std::int64_t i = 0; i < queued_launches; ++i) enqueue(timer.stream().get());
  after.record(timer.stream());
  return after.seconds_since(before) / static_cast<double>(queued_launches);
}

}  // namespace

std::vector<MeasuredLaunch> measure_launches(GpuTimer& timer, GpuWork& empty,
                                             const SweepOptions& repeats) {
  const CudaRuntime& cuda = timer.cuda();
  const Enqueue kernel = [&](cudaStream_t stream) { empty.enqueue(stream); };
  constexpr std::size_t word = 4;
  const DeviceBuffer memory = device_memory(cuda, timer.device(), word);
  const Enqueue memset = [&](cudaStream_t stream) {
    cuda.check(cuda.cudaMemsetAsync(memory.data(), 0, word, stream), "cudaMemsetAsync",
               timer.device());
  };
  const Blocker blocker(cuda, timer.device());
  std::vector<MeasuredLaunch> launches;
  launches.push_back(launch(timer, "kernel", repeats, [&] { return host_seconds(timer, kernel); }));
  launches.push_back(launch(timer, "memset", repeats, [&] { return host_seconds(timer, memset); }));
  const GpuGraph graph(cuda, timer.device(), timer.stream(), kernel, kernels_of_graph);
  launches.push_back(launch(timer, "kernel in a graph", repeats, [&] {
    return timer.graph_seconds(graph, 1) / static_cast<double>(kernels_of_graph);
  }));
  launches.back().time.iterations = kernels_of_graph;
  launches.push_back(launch(timer, "empty kernel on the GPU", repeats,
                            [&] { return gpu_seconds(timer, blocker, kernel); }));
  return launches;
}

}  // namespace lockstep
