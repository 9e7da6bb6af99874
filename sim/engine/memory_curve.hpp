// Allocated memory over the step, as a timeline's slices make it rise and fall.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "sim/engine/slice.hpp"

namespace lockstep {

// Bytes under the name that the report gives their class: "weights", "activations".
struct MemoryShare {
  std::string name;
  double bytes = 0;
};

// Adds bytes under a name, to the share of that name if there is one; nothing if there are none.
void add_share(std::vector<MemoryShare>& shares, const std::string& name, double bytes);

// What a rank of one pipeline stage holds, by when it holds it. All in bytes.
struct StageMemoryProfile {
  std::vector<MemoryShare> always;     // all step long
  std::vector<MemoryShare> gradients;  // from the second half of the first backward pass on
  // Of one micro-batch through each model chunk: from the start of its forward pass to the end of
  // its backward pass, or of its weight-gradient pass where the schedule splits them.
  std::vector<double> activations;
  std::vector<MemoryShare> forward;   // while a forward pass runs
  std::vector<MemoryShare> backward;  // while a backward or weight-gradient pass runs
  // In the second half of a backward pass, in place of `backward`: of the first one, where
  // gradients appear, and of all where it is more. What the pass frees is gone by then.
  std::vector<MemoryShare> backward_end;
  std::vector<MemoryShare> optimizer;  // while the optimizer runs
  // In the second half of the forward pass of the chunk with the head, in place of `forward`.
  std::vector<MemoryShare> loss;
  std::int32_t loss_chunk = -1;  // the chunk with the head; -1: not on this stage
};

// The list of StageMemoryProfile that is alive at an instant beside what rests.
enum class Workspace : std::uint8_t { none, forward, loss, backward, backward_end, optimizer };

// From `time` to the next point `bytes` are allocated. After thinning: at most so many.
struct MemoryPoint {
  double time = 0;
  double bytes = 0;
  // What they are: always, and of activations so many bytes, and these.
  double activations = 0;
  bool gradients = false;
  Workspace workspace = Workspace::none;
};

// The bytes of a point by class; they sum to it.
std::vector<MemoryShare> shares_at(const StageMemoryProfile& profile, const MemoryPoint& point);

// The first instant at which most is allocated.
struct MemoryPeak {
  double time = 0;
  double bytes = 0;
  bool in_pass = false;   // false: before the first pass
  bool loss = false;      // the pass computes the loss
  bool pass_end = false;  // its second half
  SliceKind kind = SliceKind::forward;
  std::int32_t chunk = 0;
  std::int32_t micro_batch = 0;
  std::int64_t passes_held = 0;      // chunk passes whose activations are held
  std::vector<MemoryShare> holders;  // sum to `bytes`; none is zero
};

struct StageMemoryCurve {
  std::vector<MemoryPoint> points;  // in order of time; the first is at 0
  MemoryPeak peak;
};

// Follows the allocated bytes of every stage. Memory O(stages * most_points): where a curve has
// more points, neighbours are merged and the larger stays, so that the curve is an upper envelope
// and its maximum is exact. What it ignores: the order of allocations inside a pass.
class MemoryCurves final : public SliceSink {
 public:
  // `splits_backward`: activations are held to the end of the weight-gradient pass. `most_points`
  // is at least 2.
  MemoryCurves(const std::vector<StageMemoryProfile>& profiles, bool splits_backward,
               std::size_t most_points);

  void add(const Slice& slice) override;

  // Of every stage. The points end where the last pass ends.
  [[nodiscard]] std::vector<StageMemoryCurve> take();

 private:
  struct State {
    StageMemoryCurve curve;
    double held = 0;  // activations now
    std::int64_t passes_held = 0;
    bool gradients = false;  // are there
  };

  void set(State& state, const MemoryPoint& point) const;
  void thin(std::vector<MemoryPoint>& points) const;
  // From `time` on what rests and the workspace is allocated; `peak` says what goes on then.
  void raise(State& state, const StageMemoryProfile& profile, Workspace workspace,
             MemoryPeak peak) const;
  void add_forward(State& state, const StageMemoryProfile& profile, const Slice& slice) const;
  void add_backward(State& state, const StageMemoryProfile& profile, const Slice& slice) const;

  const std::vector<StageMemoryProfile>& profiles_;
  bool splits_backward_;
  std::size_t most_points_;
  std::vector<State> states_;
};

}  // namespace lockstep
