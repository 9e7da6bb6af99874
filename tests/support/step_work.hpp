// Steps for tests of the timeline: every stage alike, one number per thing.
#pragma once

#include <vector>

#include "sim/engine/step_timeline.hpp"

namespace lockstep::testing {

inline PassCost passes(double forward, double backward, double weight_gradient = 0) {
  return {Seconds{forward}, Seconds{backward}, Seconds{weight_gradient}};
}

inline SyncCost sync(double time, double late_share, std::int64_t buckets) {
  return {Seconds{time}, late_share, buckets};
}

inline StepWork equal_step(const char* schedule, std::int64_t stages, std::int64_t interleave,
                           std::int64_t micro_batches, PassCost chunk) {
  StepWork work;
  work.schedule = find_schedule(schedule);
  work.interleave = interleave;
  work.micro_batches = micro_batches;
  StageWork stage;
  stage.chunks.assign(static_cast<std::size_t>(interleave), chunk);
  work.stages.assign(static_cast<std::size_t>(stages), stage);
  return work;
}

inline void set_transfers(StepWork& work, double blocking, double hidden) {
  for (StageWork& stage : work.stages) {
    stage.forward_send_blocking = Seconds{blocking};
    stage.backward_send_blocking = Seconds{blocking};
    stage.forward_send_hidden = Seconds{hidden};
    stage.backward_send_hidden = Seconds{hidden};
  }
}

// Keeps what it is given.
class Slices : public SliceSink {
 public:
  void add(const Slice& slice) override { all.push_back(slice); }

  [[nodiscard]] std::vector<Slice> of(std::int32_t stage, Stream stream) const {
    std::vector<Slice> found;
    for (const Slice& slice : all) {
      if (slice.stage == stage && slice.stream == stream) found.push_back(slice);
    }
    return found;
  }

  std::vector<Slice> all;
};

}  // namespace lockstep::testing
