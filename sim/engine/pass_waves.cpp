#include "sim/engine/pass_waves.hpp"

#include <algorithm>
#include <memory>
#include <stdexcept>

namespace lockstep::pass_waves {

namespace {

// A result on its way: from which chunk, by virtual stage, and whether on the way back.
std::size_t queue_of(std::int64_t virtual_stage, PassKind kind) {
  return static_cast<std::size_t>(2 * virtual_stage + (kind == PassKind::backward ? 1 : 0));
}

class Waves {
 public:
  explicit Waves(const PassTableShape& shape)
      : shape_(shape),
        lanes_(static_cast<std::size_t>(shape.stages)),
        done_(static_cast<std::size_t>(2 * shape.stages * shape.interleave)) {}

  std::vector<WavePass> passes() {
    for (std::int64_t i = 0; i < shape_.stages; ++i) {
      Lane& lane = lanes_[static_cast<std::size_t>(i)];
      lane.order =
          shape_.schedule->order({i, shape_.stages, shape_.interleave, shape_.micro_batches});
      lane.open = lane.order->next(lane.pass);
    }
    while (go_round()) {
    }
    for (const Lane& lane : lanes_) {
      if (lane.open) throw std::logic_error("the pipeline schedule's stages wait for each other");
    }
    return by_waves();
  }

 private:
  struct Lane {
    std::unique_ptr<PassOrder> order;
    ChunkPass pass;
    bool open = false;
    std::int32_t wave = 0;
    std::vector<WavePass> passes;
  };

  bool go_round() {
    bool any = false;
    for (std::size_t i = 0; i < lanes_.size(); ++i) {
      while (lanes_[i].open && place(static_cast<std::int32_t>(i), lanes_[i])) any = true;
    }
    return any;
  }

  bool place(std::int32_t stage, Lane& lane) {
    const Queues queues = queues_of(shape_, stage, lane.pass);
    const auto micro_batch = static_cast<std::size_t>(lane.pass.micro_batch);
    if (queues.waits) {
      const std::vector<std::int32_t>& ready = done_[*queues.waits];
      if (ready.size() <= micro_batch) return false;
      lane.wave = std::max(lane.wave, ready[micro_batch]);
    }
    lane.passes.push_back({lane.wave++, stage, lane.pass});
    if (queues.gives) done_[*queues.gives].push_back(lane.wave);
    lane.open = lane.order->next(lane.pass);
    return true;
  }

  std::vector<WavePass> by_waves() {
    std::int32_t waves = 0;
    for (const Lane& lane : lanes_) waves = std::max(waves, lane.wave);
    std::vector<std::size_t> at(static_cast<std::size_t>(waves) + 1, 0);
    for (const Lane& lane : lanes_) {
      for (const WavePass& pass : lane.passes) ++at[static_cast<std::size_t>(pass.wave) + 1];
    }
    for (std::size_t i = 1; i < at.size(); ++i) at[i] += at[i - 1];
    std::vector<WavePass> sorted(at.back());
    for (const Lane& lane : lanes_) {
      for (const WavePass& pass : lane.passes) {
        sorted[at[static_cast<std::size_t>(pass.wave)]++] = pass;
      }
    }
    return sorted;
  }

  PassTableShape shape_;
  std::vector<Lane> lanes_;
  std::vector<std::vector<std::int32_t>> done_;  // waves after results, by queue and micro-batch
};

}  // namespace

Queues queues_of(const PassTableShape& shape, std::int64_t stage, const ChunkPass& pass) {
  Queues queues;
  if (pass.kind == PassKind::weight_gradient) return queues;
  const std::int64_t way = pass.kind == PassKind::forward ? 1 : -1;
  const std::int64_t chunks = shape.stages * shape.interleave;
  const std::int64_t here =
      virtual_stage(shape.schedule->layout, shape.stages, {stage, pass.chunk});
  const auto inside = [&](std::int64_t n) { return n >= 0 && n < chunks; };
  if (inside(here - way)) queues.waits = queue_of(here - way, pass.kind);
  if (inside(here + way)) queues.gives = queue_of(here, pass.kind);
  return queues;
}

std::vector<WavePass> passes_in_waves(const PassTableShape& shape) {
  return Waves(shape).passes();
}

}  // namespace lockstep::pass_waves
