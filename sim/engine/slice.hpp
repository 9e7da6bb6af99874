// A piece of work on one stream of one pipeline stage, as the timeline engine has placed it.
#pragma once

#include <cstdint>

namespace lockstep {

// The streams of one pipeline stage. All ranks of a stage do the same, so one stands for them.
enum class Stream : std::uint8_t {
  compute,
  send_forward,   // to the next stage: activations; gradients where chunks run back (ZB-V)
  send_backward,  // to the stage before: gradients; activations there
  data,           // gradient reduction and parameter gather
  count
};

enum class SliceKind : std::uint8_t {
  forward,
  backward,  // input and weight gradients, or only the input gradient where the schedule splits
             // them
  weight_gradient,
  transfer,          // between stages
  parameter_gather,  // before and beside the first forward passes
  gradient_reduce,   // beside and after the last backward passes
  optimizer,
  host,  // work of the step that nothing hides; stragglers
  count
};

// Times in seconds from the start of the step. Slices of one stream of one stage never overlap.
struct Slice {
  std::int32_t stage = 0;
  Stream stream = Stream::compute;
  SliceKind kind = SliceKind::forward;
  std::int32_t chunk = 0;        // model chunk of the stage; -1: none
  std::int32_t micro_batch = 0;  // -1: none
  double start = 0;
  double end = 0;
};

// Receives slices in the order in which they are placed: by start time within one stream of one
// stage, not across streams.
class SliceSink {
 public:
  SliceSink() = default;
  SliceSink(const SliceSink&) = delete;
  SliceSink& operator=(const SliceSink&) = delete;
  virtual ~SliceSink() = default;
  virtual void add(const Slice& slice) = 0;
};

}  // namespace lockstep
