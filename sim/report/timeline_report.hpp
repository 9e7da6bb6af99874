// A step as the timeline engine places it, with what its pictures need to know beside the slices.
#pragma once

#include <array>
#include <functional>
#include <iosfwd>
#include <optional>
#include <string>
#include <vector>

#include "sim/engine/layer_time.hpp"
#include "sim/engine/memory_curve.hpp"
#include "sim/engine/slice.hpp"
#include "sim/report/render.hpp"
#include "strategies/pipeline/schedule.hpp"

namespace lockstep {

// What a slice does: zero and "" where it does nothing of the kind.
struct SliceFacts {
  double flops = 0;
  double bytes = 0;  // of a transfer or collective
  std::string algorithm;
  std::string protocol;
  std::string bound;  // "tensor cores", "NIC"
};

// What the step waits for along its critical path. All parts sum to the step.
struct CriticalPart {
  std::string name;
  double seconds = 0;
};

// The paper's formula of the schedule's bubble, for equal stages.
struct BubbleFormula {
  std::string equation;  // "(p − 1)(F + B)"
  double seconds = 0;
};

struct TimelineReport {
  std::string scenario, plan, schedule;
  std::int64_t stages = 1;
  std::int64_t interleave = 1;  // model chunks of a stage
  std::int64_t micro_batches = 1;
  bool splits_backward = false;
  ChunkLayout layout = ChunkLayout::round_robin;
  double step_s = 0;
  std::vector<CriticalPart> critical_path;
  std::optional<BubbleFormula> formula;
  std::vector<StageMemoryProfile> memory;  // of each stage; empty: no curve
  double capacity_bytes = 0;               // what may be allocated; 0: not known
  // Passes of one layer of each kind, one after the other; seconds from the start of the first.
  std::vector<LayerSlice> layer;
  std::function<SliceFacts(const Slice&)> facts;
  // Places the step anew and hands every slice to the sink; each time the same.
  std::function<void(SliceSink&)> play;
};

// Slices that play() hands out at most: passes and transfers.
std::int64_t most_slices(const TimelineReport& timeline);

struct StageSummary {
  double busy_s = 0;                  // passes
  double bubble_s = 0;                // the rest of the time between the step's first and last pass
  double bubble_fraction = 0;         // of that time
  double idle_between_s = 0;          // between the stage's own first and last pass
  std::int64_t most_passes_held = 0;  // forward passes of chunks whose backward hasn't ended
  double peak_allocated_bytes = 0;
};

struct TimelineSummary {
  std::int64_t micro_batches = 0;
  double first_pass_s = 0;
  double last_pass_s = 0;
  double end_s = 0;                 // of the last slice
  double first_backward_end_s = 0;  // on the first stage: the pipeline has filled
  double last_forward_start_s = 0;  // on the first stage: it begins to drain
  double forward_s = 0, backward_s = 0, weight_gradient_s = 0;           // mean of a pass; 0: none
  std::array<bool, static_cast<std::size_t>(SliceKind::count)> kinds{};  // that occur
  std::vector<StageSummary> stages;
  std::vector<StageMemoryCurve> memory;  // of each stage; empty without profiles
  std::size_t worst_stage = 0;           // the one with the highest peak
};

// The timeline of a plan of the report; none where nothing was predicted. It refers to nothing of
// the arguments.
std::optional<TimelineReport> timeline_of(const Report& report, const PlanReport& plan);

// Points of a memory curve in JSON and in a trace.
constexpr std::size_t most_curve_points = 1024;

// Plays the timeline once.
TimelineSummary summarize(const TimelineReport& timeline,
                          std::size_t most_points = most_curve_points);

// What the peak's instant is called: "at the forward pass of micro-batch 8".
std::string instant_name(const MemoryPeak& peak, const TimelineReport& timeline);

// The schedule as papers draw it, a row per stage, with a legend, bubbles, the critical path and
// the memory of the worst stage. At most options.width columns. Plays the timeline twice.
std::string timeline_text(const TimelineReport& timeline, const TextOptions& options);

// Chrome-trace JSON, as Perfetto and chrome://tracing open it; written while the timeline plays, so
// that memory does not grow with its slices.
void write_trace(const TimelineReport& timeline, std::ostream& out);

}  // namespace lockstep
