#include "sim/engine/pipeline_time.hpp"

#include <algorithm>
#include <stdexcept>

namespace lockstep {

namespace {

// Finished passes of all stages, and the wait rules between them.
class Run {
 public:
  Run(const Schedule& schedule, const std::vector<StageCost>& stages, std::int64_t interleave,
      std::int64_t micro_batches)
      : stages_(stages),
        interleave_(static_cast<std::size_t>(interleave)),
        micro_batches_(static_cast<std::size_t>(micro_batches)) {
    const auto count = static_cast<std::int64_t>(stages.size());
    for (std::int64_t i = 0; i < count; ++i) {
      warmups_.push_back(
          static_cast<std::size_t>(schedule.warmup({i, count, interleave, micro_batches})));
    }
    const PipelinePosition any{0, count, interleave, micro_batches};
    forward_passes_ = grouped_passes(any, false);
    backward_passes_ = grouped_passes(any, true);
    const std::size_t passes = stages.size() * interleave_ * micro_batches_;
    forward_.assign(passes, not_done);
    backward_.assign(passes, not_done);
  }

  double finish() {
    std::vector<std::size_t> next(stages_.size(), 0);
    std::vector<double> free(stages_.size(), 0.0);
    const std::size_t each = 2 * forward_passes_.size();
    std::size_t left = stages_.size() * each;
    while (left > 0) {
      bool moved = false;
      for (std::size_t stage = 0; stage < stages_.size(); ++stage) {
        while (next[stage] < each) {
          const ChunkPass& pass = pass_at(stage, next[stage]);
          const double ready = ready_at(stage, pass);
          if (ready < 0) break;
          const StageCost& cost = stages_[stage];
          const Seconds whole = pass.backward ? cost.backward : cost.forward;
          free[stage] =
              std::max(free[stage], ready) + whole.value() / static_cast<double>(interleave_);
          done(pass.backward, stage, pass) = free[stage];
          ++next[stage];
          --left;
          moved = true;
        }
      }
      if (!moved) throw std::logic_error("the pipeline schedule's stages wait for each other");
    }
    return *std::max_element(free.begin(), free.end());
  }

 private:
  static constexpr double not_done = -1.0;

  // The index-th pass of a stage: warm-up, then forward and backward in turn, then what is left of
  // backward.
  [[nodiscard]] const ChunkPass& pass_at(std::size_t stage, std::size_t index) const {
    const std::size_t warmup = warmups_[stage];
    if (index < warmup) return forward_passes_[index];
    const std::size_t after = index - warmup;
    const std::size_t pairs = forward_passes_.size() - warmup;
    if (after >= 2 * pairs) return backward_passes_[after - pairs];
    return after % 2 == 0 ? forward_passes_[warmup + after / 2] : backward_passes_[after / 2];
  }

  double& done(bool backward, std::size_t stage, const ChunkPass& pass) {
    return at(backward, stage, static_cast<std::size_t>(pass.chunk), pass);
  }

  double& at(bool backward, std::size_t stage, std::size_t chunk, const ChunkPass& pass) {
    const std::size_t index =
        (stage * interleave_ + chunk) * micro_batches_ + static_cast<std::size_t>(pass.micro_batch);
    return backward ? backward_[index] : forward_[index];
  }

  // When what the pass waits for is there; negative while it isn't.
  double ready_at(std::size_t stage, const ChunkPass& pass) {
    const auto chunk = static_cast<std::size_t>(pass.chunk);
    const std::size_t last = stages_.size() - 1;
    if (!pass.backward) {
      if (stage > 0) return at(false, stage - 1, chunk, pass);
      return chunk > 0 ? at(false, last, chunk - 1, pass) : 0.0;
    }
    const double own = at(false, stage, chunk, pass);
    if (own < 0) return own;
    if (stage < last) return at(true, stage + 1, chunk, pass);
    return chunk + 1 < interleave_ ? at(true, 0, chunk + 1, pass) : own;
  }

  const std::vector<StageCost>& stages_;
  std::size_t interleave_;
  std::size_t micro_batches_;
  std::vector<std::size_t> warmups_;
  std::vector<ChunkPass> forward_passes_;  // of every stage, in order
  std::vector<ChunkPass> backward_passes_;
  std::vector<double> forward_;
  std::vector<double> backward_;
};

std::size_t slowest_stage(const std::vector<StageCost>& stages) {
  std::size_t slowest = 0;
  for (std::size_t i = 0; i < stages.size(); ++i) {
    if (stages[i].total() >= stages[slowest].total()) slowest = i;
  }
  return slowest;
}

// Groups of `stages` micro-batches after which every further group adds the slowest stage's work
// and no more.
constexpr std::int64_t settling_groups = 4;

}  // namespace

Seconds pipeline_closed_form(const std::vector<StageCost>& stages, std::int64_t interleave,
                             std::int64_t micro_batches) {
  Seconds sum;
  for (const StageCost& stage : stages) sum += stage.total();
  const Seconds slowest = stages[slowest_stage(stages)].total();
  return static_cast<double>(micro_batches) * slowest +
         (sum - slowest) / static_cast<double>(interleave);
}

bool closed_form_is_exact(const std::vector<StageCost>& stages, std::int64_t interleave,
                          std::int64_t micro_batches) {
  const auto count = static_cast<std::int64_t>(stages.size());
  if (interleave > 1 && micro_batches % count != 0) return false;
  // The slowest stage last: ties count, so equal stages qualify. Interleaving wraps around, so
  // there all equal.
  if (slowest_stage(stages) + 1 != stages.size()) return false;
  if (interleave == 1) return true;
  return std::all_of(stages.begin(), stages.end(), [&](const StageCost& stage) {
    return stage.forward == stages.front().forward && stage.backward == stages.front().backward;
  });
}

Seconds phases_apart_closed_form(const std::vector<StageCost>& stages, std::int64_t micro_batches) {
  Seconds sum;
  Seconds forward;
  Seconds backward;
  for (const StageCost& stage : stages) {
    sum += stage.total();
    forward = std::max(forward, stage.forward);
    backward = std::max(backward, stage.backward);
  }
  return sum + static_cast<double>(micro_batches - 1) * (forward + backward);
}

Seconds pipeline_time_simulated(const Schedule& schedule, const std::vector<StageCost>& stages,
                                std::int64_t interleave, std::int64_t micro_batches) {
  return Seconds{Run(schedule, stages, interleave, micro_batches).finish()};
}

Seconds pipeline_time(const Schedule& schedule, const std::vector<StageCost>& stages,
                      std::int64_t interleave, std::int64_t micro_batches) {
  if (schedule.phases_apart) return phases_apart_closed_form(stages, micro_batches);
  if (stages.size() == 1 || closed_form_is_exact(stages, interleave, micro_batches)) {
    return pipeline_closed_form(stages, interleave, micro_batches);
  }
  // In the steady state the slowest stage never waits: whole groups beyond the first few add its
  // work alone.
  const auto count = static_cast<std::int64_t>(stages.size());
  const std::int64_t groups = std::max<std::int64_t>(0, micro_batches / count - settling_groups);
  const std::int64_t simulated = micro_batches - groups * count;
  const Seconds skipped =
      static_cast<double>(groups * count) * stages[slowest_stage(stages)].total();
  return pipeline_time_simulated(schedule, stages, interleave, simulated) + skipped;
}

}  // namespace lockstep
