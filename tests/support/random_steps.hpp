// Random legal steps of a pipeline, always the same ones for the same seed.
#pragma once

#include <algorithm>
#include <random>

#include "tests/support/step_work.hpp"

namespace lockstep::testing {

class RandomSteps {
 public:
  explicit RandomSteps(unsigned seed) : engine_(seed) {}

  std::int64_t between(std::int64_t low, std::int64_t high) {
    return std::uniform_int_distribution<std::int64_t>(low, high)(engine_);
  }
  double factor(double low = 0.5, double high = 2.0) {
    return std::uniform_real_distribution<double>(low, high)(engine_);
  }
  bool coin() { return between(0, 1) == 1; }
  const Schedule& schedule() {
    return schedules()[static_cast<std::size_t>(
        between(0, static_cast<std::int64_t>(schedules().size()) - 1))];
  }
  std::int64_t interleave(const Schedule& schedule) {
    if (schedule.chunks == ChunkRule::two) return 2;
    return schedule.chunks == ChunkRule::any ? between(1, 4) : 1;
  }
  PassCost pass() { return passes(factor(), factor(), factor()); }

  // As plans have them: micro-batches a multiple of the stages where chunks interleave.
  StepWork step(const Schedule& schedule, std::int64_t most_micro_batches) {
    const std::int64_t stages = between(1, 10);
    const std::int64_t interleave =
        stages > 1 || schedule.chunks == ChunkRule::two ? this->interleave(schedule) : 1;
    std::int64_t micro_batches = between(1, most_micro_batches);
    if (schedule.chunks == ChunkRule::any && interleave > 1) {
      micro_batches = stages * std::max<std::int64_t>(1, micro_batches / stages);
    }
    return equal_step(schedule.name, stages, interleave, micro_batches, pass());
  }

  void make_uneven(StepWork& work) {
    for (StageWork& stage : work.stages) {
      for (PassCost& chunk : stage.chunks) chunk = pass();
    }
  }

  void add_transfers(StepWork& work, double longest_hidden) {
    for (StageWork& stage : work.stages) {
      stage.forward_send_blocking = Seconds{factor(0, 0.3)};
      stage.backward_send_blocking = Seconds{factor(0, 0.3)};
      stage.forward_send_hidden = Seconds{factor(0, longest_hidden)};
      stage.backward_send_hidden = Seconds{factor(0, longest_hidden)};
    }
  }

  SyncCost collective() {
    return sync(coin() ? factor(0, 6) : 0.0, coin() ? factor(0, 1) : 0.0, between(1, 5));
  }

  void add_ends(StepWork& work) {
    for (StageWork& stage : work.stages) {
      for (std::int64_t c = 0; c < work.interleave; ++c) {
        stage.gather.push_back(collective());
        stage.reduce.push_back(collective());
      }
      stage.after_reduce = Seconds{factor(0, 1)};
      stage.optimizer = Seconds{factor(0, 1)};
    }
    work.host = Seconds{factor(0, 1)};
  }

 private:
  std::mt19937 engine_;
};

}  // namespace lockstep::testing
