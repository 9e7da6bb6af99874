// How long calls take on a GPU, by two independent clocks.
#pragma once

#include <cstdint>

#include "validate/gpu/gpu_graph.hpp"
#include "validate/gpu/gpu_work.hpp"
#include "validate/gpu/host_clock.hpp"
#include "validate/measure/measurement.hpp"
#include "validate/measure/sweep.hpp"

namespace lockstep {

struct TimingOptions {
  SweepOptions repeats;               // when enough was repeated
  double warm_up_seconds = 0;         // run before, so that clock and power settle
  double second_path_seconds = 0.02;  // of each of its repeats; 0: no second path
};

struct KernelTime {
  RepeatedTime time;                    // GPU's clock: events
  std::optional<double> second_path_s;  // host's clock
};

// One stream of a GPU and what times it.
class GpuTimer {
 public:
  GpuTimer(const CudaRuntime& cuda, int device);

  // First path: events before and after a queue of calls; calls shorter than the host takes to
  // launch them are put into a graph. Second path: the host's clock around launches of a graph of
  // the same calls, and the wait for their end; with `graphs` false (copies of pageable memory
  // cannot be captured) around the queue itself. Throws MeasurementError.
  KernelTime measure(const Enqueue& enqueue, const TimingOptions& options, bool graphs = true);
  KernelTime measure(GpuWork& work, const TimingOptions& options);

  // Seconds of all calls together, by events.
  double queue_seconds(const Enqueue& enqueue, std::int64_t calls);
  double graph_seconds(const GpuGraph& graph, std::int64_t launches);

  [[nodiscard]] const CudaRuntime& cuda() const { return cuda_; }
  [[nodiscard]] int device() const { return device_; }
  [[nodiscard]] const GpuStream& stream() const { return stream_; }
  [[nodiscard]] const HostClock& clock() const { return clock_; }

 private:
  double second_path(const Enqueue& enqueue, double call_seconds, double wanted_seconds,
                     bool graphs);

  const CudaRuntime& cuda_;
  int device_;
  GpuStream stream_;
  GpuEvent before_;
  GpuEvent after_;
  HostClock clock_;
};

}  // namespace lockstep
